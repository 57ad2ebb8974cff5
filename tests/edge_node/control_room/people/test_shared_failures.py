"""More web processes are no more guesses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.history.history import History
from edge_node.control_room.history.processes.failure_rows import count_pairs
from edge_node.control_room.people import shared_failures
from edge_node.control_room.people.failed_logins import FORGET_S
from edge_node.control_room.people.shared_failures import SharedFailures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Pair:
    """What two processes count, by one clock."""

    def __init__(self, folder: Path) -> None:
        self.history, self.now_s = History(folder), 1000.0
        self.one, self.other = (SharedFailures(self.history.database, lambda: self.now_s) for _ in range(2))

    def fail(self, times: int) -> None:
        """Fail at one and the other in turn."""
        for number in range(times):
            at = (self.one, self.other)[number % 2]
            assert at.begin("ada", "192.0.2.1") == 0
            at.end("ada", "192.0.2.1", failed=True)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """Two processes of one room."""
    made = Pair(tmp_path)
    yield made
    made.history.close()


def test_failures_at_any_process_count_at_all(pair: Pair) -> None:
    """After three in a row the fourth waits, wherever it is made; another address does not."""
    pair.fail(3)
    assert pair.one.begin("ada", "192.0.2.1") > 0
    assert pair.other.begin("ada", "192.0.2.1") > 0
    assert pair.other.begin("ada", "192.0.2.2") == 0


def test_two_tries_at_once_are_made_one_after_the_other(pair: Pair) -> None:
    """While one process checks a password, another one's try waits; the right one forgets the failures."""
    pair.fail(2)
    assert pair.one.begin("ada", "192.0.2.1") == 0
    assert pair.other.begin("ada", "192.0.2.1") == 1.0
    assert pair.one.end("ada", "192.0.2.1", failed=False) == 0
    pair.fail(2)


def test_a_process_that_died_while_it_checked_locks_nobody_out(pair: Pair) -> None:
    """Its try ends by itself."""
    assert pair.one.begin("ada", "192.0.2.1") == 0
    pair.now_s += 30.1
    assert pair.other.begin("ada", "192.0.2.1") == 0
    assert pair.other.end("ada", "192.0.2.1", failed=None) == 0


def test_failures_of_long_ago_are_forgotten_and_pairs_are_bounded(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quarter of an hour later the count begins anew; whoever invents names fills no table."""
    pair.fail(3)
    pair.now_s += FORGET_S + 10
    pair.fail(3)
    monkeypatch.setattr(shared_failures, "MAX_PAIRS", 3)
    for number in range(10):
        pair.now_s += 1
        assert pair.one.begin(f"user-{number}", "192.0.2.9") == 0
    with pair.history.transaction():
        assert count_pairs(pair.history.database) <= 3
