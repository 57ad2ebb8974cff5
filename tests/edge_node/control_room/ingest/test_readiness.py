"""Whether the room is ready, of a real ingest on a real small disk, and of a damaged history."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.history.database import HistoryError
from edge_node.control_room.ingest.readiness import Readiness
from tests.support.collector import Collector
from tests.support.full_disk import hog, small_disk
from tests.support.ingest_room import Room, robot_verdict
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 12 MB."""
    yield from small_disk(tmp_path / "disk", "size=12m")


def find_parts(readiness: Readiness, room: Room) -> list[str]:
    """The parts that have a problem now."""
    return [problem.part for problem in readiness.look(room.ingest)]


def test_a_full_disk_is_no_health(disk: Path, mosquitto) -> None:
    """Said before a message fails and after; once there is room again and all is stored, all is well."""
    room = Room(disk / "room", mosquitto.port)
    readiness = Readiness(disk / "room", room.history)
    try:
        assert find_parts(readiness, room) == []
        file = hog(disk)
        assert find_parts(readiness, room) == ["disk"]
        with Collector(mosquitto.port, "nothing", client_id="crawler-1") as robot:
            for seq in range(1, 40):
                robot.publish("corrosion/v1/quay/crawler-1/verdict", robot_verdict("crawler-1", seq))
        wait_for(lambda: any(commit.problem for commit in room.commits), 20, "a batch that is not stored")
        readiness.note_commit(next(commit for commit in room.commits if commit.problem))
        assert find_parts(readiness, room)[:2] == ["store", "disk"]
        assert "full" in readiness.look(room.ingest)[0].text
        file.unlink()
        wait_for(lambda: not room.commits[-1].problem, 30, "all of it stored")
        readiness.note_commit(room.commits[-1])
        wait_for(lambda: find_parts(readiness, room) == [], 10, "all well")
    finally:
        room.close()


def test_a_history_that_cannot_be_read_is_no_health(tmp_path: Path, mosquitto) -> None:
    """By a question that failed, or by those that are asked for this; the names of folders are not told."""
    room = Room(tmp_path / "room", mosquitto.port)
    readiness = Readiness(tmp_path / "room", room.history)
    try:
        readiness.note_broken(HistoryError(f"{tmp_path}/room/history.db: database disk image is malformed"))
        (problem,) = readiness.look(room.ingest)
        assert (problem.part, str(tmp_path) in problem.text) == ("history", False)
        assert "history.db: database disk image is malformed" in problem.text
        (tmp_path / "room" / "history.db").rename(tmp_path / "moved")
        (problem,) = Readiness(tmp_path / "room", room.history).look(room.ingest)
        assert "was removed or replaced" in problem.text
        (tmp_path / "moved").rename(tmp_path / "room" / "history.db")
    finally:
        room.close()
    assert {"ingest", "history", "broker"} <= set(find_parts(Readiness(tmp_path, room.history), room))


def test_asking_often_looks_once(tmp_path: Path, mosquitto) -> None:
    """Whoever may ask without a login costs the history nothing."""
    room = Room(tmp_path / "room", mosquitto.port)
    readiness = Readiness(tmp_path / "room", room.history)

    async def ask() -> list[object]:
        return list(await asyncio.gather(*(readiness.find_problems(room.ingest) for _ in range(50))))

    try:
        found = asyncio.run(ask())
        assert all(one is found[0] for one in found)
    finally:
        room.close()
