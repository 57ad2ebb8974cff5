"""What one process does for the room is begun, ended and taken over."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.history.history import History
from edge_node.control_room.history.processes.roll import RollReader, RoomProcess
from edge_node.control_room.sharing.upkeep import Upkeep
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TERM_S = 0.4


RUNNING: list[str] = []


class Duties:
    """What is done, while it is."""

    def __init__(self, name: str) -> None:
        self._name = name
        RUNNING.append(name)

    def stop(self) -> None:
        """End."""
        RUNNING.remove(self._name)


def upkeep(history: History, name: str) -> Upkeep:
    """A process that claims the upkeep."""
    process = RoomProcess(name, "host:1", "connected", datetime.now(timezone.utc))
    return Upkeep(history.database, name, lambda _check: Duties(name), lambda: process, term_s=TERM_S)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[History, History]]:
    """The history as two processes have it."""
    RUNNING.clear()
    histories = History(tmp_path), History(tmp_path)
    yield histories
    for history in histories:
        history.close()


def test_one_does_it_and_who_stops_hands_it_over_at_once(pair: tuple[History, History]) -> None:
    """A rolling restart: the duties end before they are given up, and never run twice."""
    one, other = upkeep(pair[0], "ingest-1"), upkeep(pair[1], "ingest-2")
    one.start()
    wait_for(lambda: one.is_ours, what="the first one's upkeep")
    other.start()
    wait_for(lambda: len(RollReader(pair[0].database).read()) == 2, what="both on the roll")
    assert RUNNING == ["ingest-1"]
    one.stop()
    assert "ingest-1" not in RUNNING
    wait_for(lambda: RUNNING == ["ingest-2"], what="the other one's upkeep")
    assert [process.name for process in RollReader(pair[0].database).read()] == ["ingest-2"]
    other.stop()
    assert RUNNING == []


def test_who_cannot_reach_the_history_ends_its_duties_and_another_takes_over(
    pair: tuple[History, History],
) -> None:
    """The row stands still for a term: the holder lets go by its own clock."""
    one, other = upkeep(pair[0], "ingest-1"), upkeep(pair[1], "ingest-2")
    one.start()
    wait_for(lambda: one.is_ours, what="the first one's upkeep")
    other.start()

    def fail() -> None:
        from edge_node.control_room.history.database import HistoryError

        raise HistoryError("the link to the database is lost")

    pair[0].database.set_guard(fail)
    wait_for(lambda: RUNNING == ["ingest-2"], what="the other one's upkeep")
    assert not one.is_ours
    pair[0].database.set_guard(lambda: None)
    one.stop()
    other.stop()
