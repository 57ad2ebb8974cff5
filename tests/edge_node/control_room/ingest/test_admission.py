"""Robots beyond a bound: nothing of them is stored until a person admits them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.history.history import History
from edge_node.control_room.ingest.admission import Admission
from edge_node.control_room.ingest.batch_store import store
from edge_node.control_room.sections import RoomConfig
from edge_node.messages.topics import Topics
from edge_node.messages.verdict import encode
from edge_node.mqtt.types import Incoming
from tests.support.robot_messages import message
from tests.support.verdicts import START, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge_node.control_room.ingest.batch_store import Arrival


class Room:
    """A history that is filled as the ingest does it; the clock stands at ``now_s``."""

    def __init__(self, folder: Path) -> None:
        self.history = History(folder)
        self.now_s = 0.0
        self.admission = self.restart()

    def restart(self, **room: object) -> Admission:
        """Begin with these bounds."""
        self.admission = Admission(RoomConfig(**room), self.history, lambda: self.now_s)
        return self.admission

    def send(self, *robots: str, seq: int = 1) -> list[Arrival]:
        """A verdict of each of these robots, SITE/ROBOT, in one batch."""
        batch = []
        for name in robots:
            site, robot = name.split("/")
            content = verdict(seq, "U", robot=robot, id=f"{robot}:epoch:{seq}")
            payload = encode(content).replace(b'"quay"', f'"{site}"'.encode())
            batch.append(message(payload, Topics(site, robot).verdict))
        self.now_s += 10
        self.admission.look()
        return store(self.history, batch, START, admission=self.admission)

    def names(self) -> list[str]:
        """The robots that the page lists."""
        return [f"{one.site}/{one.robot}" for one in self.history.robots()]

    def states(self) -> dict[str, tuple[str, int]]:
        """State and messages of those in quarantine."""
        return {f"{one.site}/{one.robot}": (one.state, one.messages) for one in self.history.quarantined()}


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """An empty room."""
    made = Room(tmp_path)
    yield made
    made.history.close()


def test_robots_beyond_the_bound_wait_until_they_are_admitted(room: Room) -> None:
    """Known ones go on; of the others a name and a count; a retired name is none, and no answer is due."""
    room.restart(max_robots=2)
    assert len(room.send("quay/a", "quay/b", "quay/c", "quay/c", "quay/d")) == 2
    assert room.names() == ["quay/a", "quay/b"]
    assert room.states() == {"quay/c": ("waiting", 2), "quay/d": ("waiting", 1)}
    assert room.admission.turned_away
    cleared = Incoming("corrosion/v1/quay/e/status", b"", is_retained=True)
    store(room.history, [cleared], START, admission=room.admission)
    assert "quay/e" not in room.states()
    room.history.decide_robot("quay", "c", admit=True, by="ada")
    room.history.decide_robot("quay", "d", admit=False, by="ada")
    assert len(room.send("quay/a", "quay/c", "quay/d", seq=2)) == 2
    assert room.names() == ["quay/a", "quay/b", "quay/c"]
    assert room.states()["quay/d"] == ("refused", 2)
    room.history.decide_robot("quay", "a", admit=False, by="ada")
    assert len(room.send("quay/a", "quay/b", seq=3)) == 1
    assert room.history.count_verdicts() == 5


def test_a_robot_that_waits_waits_also_when_there_is_room_again(room: Room) -> None:
    """A person decides, not who comes first; those that are stored come in whatever the bound."""
    room.restart(max_robots=1)
    room.send("quay/a", "quay/b")
    room.restart(max_robots=10)
    room.send("quay/a", "quay/b", "quay/c", seq=2)
    assert room.names() == ["quay/a", "quay/c"]
    room.restart(max_robots=1)
    assert len(room.send("quay/a", "quay/c", seq=3)) == 2


def test_sites_are_bounded_and_may_be_named(room: Room) -> None:
    """One certificate under fifty sites is fifty robots that wait."""
    room.restart(max_sites=2)
    room.send("quay/a", "dock/a", *(f"site-{number}/a" for number in range(50)), "quay/b")
    assert room.names() == ["dock/a", "quay/a", "quay/b"]
    assert len(room.states()) == 50
    room.restart(sites=("quay", "pier"))
    room.send("dock/a", "dock/b", "pier/a", "mole/a", seq=2)
    assert room.names() == ["dock/a", "pier/a", "quay/a", "quay/b"]


def test_a_robot_that_was_retired_is_forgotten_with_its_last_row(room: Room) -> None:
    """Its verdicts go by age as any other's; then its name takes no place."""
    room.send("quay/a", "quay/b")
    room.history.retire("quay", "a")
    room.history.trim(max_bytes=10**9, max_picture_bytes=10**9)
    assert ("quay", "a") in room.history.robot_names()
    room.history.trim(max_bytes=10**9, max_picture_bytes=10**9, days=1e-6)
    assert room.history.robot_names() == {("quay", "b")}
