"""A duty has one holder, whatever dies, sleeps or comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.history.database import HistoryError
from edge_node.control_room.history.history import History
from edge_node.control_room.history.processes.leases import Lease

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Room:
    """One history and a monotonic clock that is set by hand."""

    def __init__(self, folder: Path) -> None:
        self.history = History(folder)
        self.now_s = 100.0

    def lease(self, holder: str) -> Lease:
        """Claim the duty as another process would."""
        return Lease(self.history.database, "upkeep", holder, term_s=10.0, now_s=lambda: self.now_s)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """An empty history."""
    made = Room(tmp_path)
    yield made
    made.history.close()


def take(lease: Lease) -> bool:
    """Look twice: the first look of a room makes the row."""
    return lease.look() or lease.look()


def test_one_of_two_has_the_duty_while_it_renews(room: Room) -> None:
    """The second waits, however long, as long as the first one's row moves."""
    one, other = room.lease("one"), room.lease("other")
    assert take(one)
    for _ in range(10):
        assert not other.look()
        room.now_s += 6
        assert one.look()


def test_a_dead_holder_is_followed_after_a_term_of_the_waiters_own_clock(room: Room) -> None:
    """Nobody compares clocks: the row has to stand still for the whole term."""
    one, other = room.lease("one"), room.lease("other")
    assert take(one)
    assert not other.look()
    room.now_s += 9.9
    assert not other.look()
    room.now_s += 0.2
    assert other.look()


def test_a_holder_that_slept_writes_nothing_more_and_the_next_transaction_tells_it(room: Room) -> None:
    """What was suspended for a minute wakes up with the duty gone: the guard of its transactions raises."""
    one, other = room.lease("one"), room.lease("other")
    take(one)
    other.look()
    room.now_s += 60
    assert other.look()
    database = room.history.database
    database.set_guard(lambda: one.check(database))
    with pytest.raises(HistoryError, match="another process does this now"):
        room.history.note_refused("reason", "topic", "text")
    database.set_guard(lambda: other.check(database))
    room.history.note_refused("reason", "topic", "text")
    database.set_guard(lambda: None)
    assert [found.count for found in room.history.refused()] == [1]
    assert not one.look()


def test_a_holder_that_cannot_renew_lets_go_before_another_may_take_the_duty(room: Room) -> None:
    """A term after its last renewal began it is not held any more, though nobody said so."""
    one = room.lease("one")
    take(one)
    room.now_s += 10
    assert not one.is_held


def test_what_is_released_is_taken_at_once(room: Room) -> None:
    """A rolling restart leaves no term without upkeep."""
    one, other = room.lease("one"), room.lease("other")
    take(one)
    assert not other.look()
    one.release()
    assert other.look()
    assert not one.look()
