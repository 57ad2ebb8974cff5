"""Bundles sent from the page: offered, fetched piece by piece, tried, and what came of it."""

from __future__ import annotations

import json
import threading
from contextlib import closing
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import msgspec
import pytest

from edge_node.config.delivery_sections import MqttConfig
from edge_node.control_room.history.commands.command_log import CommandState
from edge_node.control_room.history.history import History
from edge_node.control_room.robots.bundle_shelf import BundleShelf
from edge_node.control_room.robots.command_desk import CommandDesk
from edge_node.control_room.robots.review_service import RequestRefusedError
from edge_node.control_room.robots.update_desk import UpdateDesk
from edge_node.control_room.sections import RoomCommandsConfig
from edge_node.messages.response import MAX_PIECE_BYTES, BundleRequest, Response, Result
from edge_node.messages.topics import Topics
from edge_node.mqtt.endpoint import endpoint
from tests.support.collector import Collector
from tests.support.processes import wait_for
from tests.support.releases import NAME, Maker
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from pathlib import Path


class FetchingRobot(Collector):
    """Asks for the last piece of what is offered, installs nothing and says that the trial ended so."""

    def __init__(self, port: int, ending: tuple[Result, str]) -> None:
        self.topics = Topics("quay", "crawler-1")
        self._ending = ending
        self._offer: dict = {}
        super().__init__(port, f"{self.topics.base}/#", client_id="quay-crawler-1")

    def _received(self, client, data, message) -> None:
        super()._received(client, data, message)
        kind = message.topic.removeprefix(f"{self.topics.base}/")
        if kind == "cmd/update":
            self._offer = json.loads(message.payload)
            size = self._offer["size_bytes"]
            length = min(MAX_PIECE_BYTES, size)
            piece = {"sha256": self._offer["sha256"], "offset": size - length, "length": length}
            request = BundleRequest(site="quay", robot="crawler-1", **piece)
            self._say(self.topics.bundle_request, msgspec.json.encode(request))
        elif kind == "bundle/piece":
            for result, code in ((Result.ACCEPTED, "installed"), self._ending):
                answer = Response(
                    id=f"crawler-1:epoch:r{code}",
                    seq=1,
                    site="quay",
                    robot="crawler-1",
                    at=datetime.now(timezone.utc),
                    verb="update",
                    command_id=self._offer["id"],
                    result=result,
                    code=code,
                    text=f"the text of {code}",
                )
                self._say(self.topics.response, msgspec.json.encode(answer))

    def _say(self, topic: str, payload: bytes) -> None:
        # Not in paho's own thread, which would wait for itself.
        threading.Thread(target=self.publish, args=(topic, payload)).start()


@pytest.mark.parametrize(
    ("ending", "state", "said"),
    [
        ((Result.DONE, "confirmed"), CommandState.DONE, "confirmed: the text of confirmed"),
        ((Result.FAILED, "rolled_back"), CommandState.FAILED, "rolled back: the text of rolled_back"),
    ],
)
def test_an_update_is_followed_to_its_end(mosquitto, tmp_path: Path, ending, state, said) -> None:
    """All of it fetched, the robot's last words kept; a name that is none is refused."""
    ended = []
    (tmp_path / "folder").mkdir()
    maker = Maker(tmp_path / "folder")
    file = maker.bundle("7.1").name
    where = endpoint(MqttConfig(hostname="127.0.0.1", port=mosquitto.port), Topics("room", "room"))
    with closing(History(tmp_path / "room")) as history:
        history.add_verdict(verdict(1, "C"))
        desk = CommandDesk(RoomCommandsConfig(), where, history, lambda _site, _robot: None)
        updates = UpdateDesk(desk, BundleShelf(str(maker.folder), tmp_path / "uploads"))
        try:
            with pytest.raises(RequestRefusedError, match="no such bundle"):
                updates.start("quay", "crawler-1", "other", by="anna", on_ended=ended.append)
            with FetchingRobot(mosquitto.port, ending):
                sent = updates.start("quay", "crawler-1", file, by="anna", on_ended=ended.append)
                assert (sent.detail, sent.progress) == (f"{NAME}-7.1", 0.0)
                wait_for(lambda: ended, 30, "the end of the update")
            (found,) = desk.log.commands()
        finally:
            updates.close()
    assert (found.state, found.text, found.progress, found.asked_by) == (state, said, 1.0, "anna")
    assert [one.state for one in ended] == [state]


def test_an_update_ends_with_the_room(mosquitto, tmp_path: Path) -> None:
    """A robot that is silent does not hold up the end of the control room; what came of it is kept."""
    ended = []
    maker = Maker(tmp_path)
    where = endpoint(MqttConfig(hostname="127.0.0.1", port=mosquitto.port), Topics("room", "room"))
    with closing(History(tmp_path / "room")) as history:
        history.add_verdict(verdict(1, "C"))
        desk = CommandDesk(RoomCommandsConfig(), where, history, lambda *_: None)
        updates = UpdateDesk(desk, BundleShelf(str(maker.folder), tmp_path / "uploads"))
        updates.start("quay", "crawler-1", maker.bundle("7.1").name, by="anna", on_ended=ended.append)
        updates.close()
        (found,) = desk.log.commands()
    assert (found.state, [one.state for one in ended]) == (CommandState.FAILED, [CommandState.FAILED])
    assert "send again to go on" in found.text
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("updates")]
