"""A member that leaves for good takes what waits for it along."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.history.history import History
from edge_node.control_room.ingest import subscription
from edge_node.control_room.ingest.ingest import Ingest
from edge_node.control_room.settings import build_settings
from edge_node.messages.status import LinkState
from tests.support.collector import Collector
from tests.support.ingest_room import robot_verdict
from tests.support.processes import Mosquitto, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOPIC = "corrosion/v1/quay/crawler-1/verdict"


class Group:
    """A broker and a history, for members that come and go."""

    def __init__(self, folder: Path) -> None:
        self.broker = Mosquitto(folder)
        self.broker.start()
        self.folder = folder / "room"
        self.settings = build_settings(
            {"hostname": "127.0.0.1", "port": self.broker.port}, {"state_dir": str(self.folder)}
        )
        self.history = History(self.folder)

    def member(self, number: int) -> Ingest:
        """A member that is not started."""
        part = subscription.member(self.settings, self.folder, "hall", number)
        return Ingest(self.settings, self.history, self.folder, part=part)

    def run(self, number: int) -> Ingest:
        """A member that is connected."""
        made = self.member(number)
        made.start()
        wait_for(lambda: made.link.state is LinkState.CONNECTED, what="connected")
        return made


@pytest.fixture
def group(tmp_path: Path) -> Iterator[Group]:
    """Nobody runs yet."""
    made = Group(tmp_path)
    yield made
    made.history.close()
    made.broker.kill()


def test_what_waited_for_a_member_is_stored_and_nothing_waits_for_it_any_more(group: Group) -> None:
    """Half of the verdicts wait for a member that is away; drained, it has them stored, and gets no more."""
    one, two = group.run(1), group.run(2)
    one.stop()
    with Collector(group.broker.port, "nothing", client_id="crawler-1") as robot:
        for number in range(1, 21):
            robot.publish(TOPIC, robot_verdict("crawler-1", number))
        wait_for(lambda: group.history.count_verdicts() == 10, what="the running member's share")
        assert group.member(1).drain(20.0)
        assert group.history.count_verdicts() == 20
        assert group.history.gaps() == []
        for number in range(21, 31):
            robot.publish(TOPIC, robot_verdict("crawler-1", number))
        wait_for(lambda: group.history.count_verdicts() == 30, what="all of the others")
    assert group.member(1).drain(20.0)  # there is no session any more
    assert not list(group.folder.glob("session-hall-1.json"))
    two.stop()
