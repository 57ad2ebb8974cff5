"""Commands of people at the page, over a real broker: sent, answered, refused, or waiting for another's."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import msgspec
import pytest

from edge_node.config.delivery_sections import MqttConfig
from edge_node.control_room.history.commands.command_log import CommandState
from edge_node.control_room.history.history import History
from edge_node.control_room.robots.command_desk import CommandDesk
from edge_node.control_room.robots.review_service import RequestRefusedError
from edge_node.control_room.sections import RoomCommandsConfig
from edge_node.messages.command import Verb
from edge_node.messages.status import OfflineReason, Presence
from edge_node.messages.topics import Topics
from edge_node.mqtt.endpoint import endpoint
from tests.support.answering_robot import AnsweringRobot
from tests.support.publishing import status
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from pathlib import Path


def test_what_came_of_a_command_is_kept(mosquitto, tmp_path: Path) -> None:
    """Done by the robot, refused while another person's waits, and with nobody at the other end."""
    told = []
    where = endpoint(MqttConfig(hostname="127.0.0.1", port=mosquitto.port), Topics("room", "room"))
    with closing(History(tmp_path)) as history:
        history.add_verdict(verdict(1, "C"))
        desk = CommandDesk(RoomCommandsConfig(), where, history, lambda *whose: told.append(whose))
        with pytest.raises(RequestRefusedError, match="nobody listens"):
            desk.send("quay", "crawler-1", Verb.PING, {}, by="anna")
        with AnsweringRobot(mosquitto.port, "quay", "crawler-1"):
            sent, said = desk.send("quay", "crawler-1", Verb.PAUSE, {"duration_s": 60}, by="anna")
            assert (sent.state, said) == (CommandState.DONE, "quay/crawler-1: pause done")
            with pytest.raises(RequestRefusedError, match="duration_s"):
                desk.send("quay", "crawler-1", Verb.PAUSE, {"duration_s": -1}, by="anna")
        desk.begin("quay", "crawler-1", Verb.PAUSE, "", by="anna")
        with pytest.raises(RequestRefusedError, match="anna sent pause to quay/crawler-1"):
            desk.send("quay", "crawler-1", Verb.RESUME, {}, by="ben")
        with pytest.raises(RequestRefusedError, match="no such robot: quay/nobody"):
            desk.send("quay", "nobody", Verb.PING, {}, by="ben")
        found = [(one.verb, one.detail, one.asked_by, one.state) for one in desk.log.commands()]
    assert found == [
        ("pause", "", "anna", CommandState.SENT),
        ("pause", "duration_s -1", "anna", CommandState.REFUSED),
        ("pause", "duration_s 60", "anna", CommandState.DONE),
        ("ping", "", "anna", CommandState.REFUSED),
    ]
    assert told == [("quay", "crawler-1")] * 7


def test_an_offline_robot_gets_nothing(tmp_path: Path) -> None:
    """It is refused at once, without a broker, in a sentence that says why; the list shows it too."""
    where = endpoint(MqttConfig(hostname="127.0.0.1", port=1), Topics("room", "room"))
    with closing(History(tmp_path)) as history:
        gone = {"presence": Presence.OFFLINE, "offline_reason": OfflineReason.LINK_LOST}
        history.set_status(msgspec.structs.replace(status(), **gone))
        desk = CommandDesk(RoomCommandsConfig(), where, history, lambda _site, _robot: None)
        with pytest.raises(RequestRefusedError, match=r"is offline \(link lost\): nothing was sent"):
            desk.send(status().site, status().robot, Verb.SNAPSHOT, {}, by="anna")
        assert [one.code for one in desk.log.commands()] == ["offline"]
