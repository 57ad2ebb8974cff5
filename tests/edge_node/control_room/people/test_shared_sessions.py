"""Sessions that all web processes of a room know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.history.history import History
from edge_node.control_room.people.sessions import MAX_OF_USER
from edge_node.control_room.people.shared_sessions import SharedSessions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW_S = 1_800_000_000.0


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[SharedSessions, SharedSessions, list[float]]]:
    """Two processes' sessions, and the clock of both."""
    history, now_s = History(tmp_path), [NOW_S]
    yield *(SharedSessions(history.database, 3600, lambda: now_s[0]) for _ in range(2)), now_s
    history.close()


def test_a_login_at_one_process_holds_at_the_other_until_it_is_ended_at_any(
    pair: tuple[SharedSessions, SharedSessions, list[float]],
) -> None:
    """The cookie is known at once, and at once it is not."""
    one, other, _ = pair
    secret = one.open("ada", "proof")
    session = other.find(secret)
    assert session is not None
    assert (session.user, session.proof, other.count("ada")) == ("ada", "proof", 1)
    assert secret not in session.key
    other.end(session.key)
    assert one.find(secret) is None
    assert one.find("") is None


def test_a_session_ends_with_its_time_and_one_of_a_clock_that_was_ahead_does_not_count(
    pair: tuple[SharedSessions, SharedSessions, list[float]],
) -> None:
    """An hour later it is gone; one that would last longer than any begun now was begun by a wrong clock."""
    one, other, now_s = pair
    secret = one.open("ada", "proof")
    now_s[0] = NOW_S - 10
    assert other.find(secret) is None
    now_s[0] = NOW_S + 3600
    assert other.find(secret) is None
    one.open("bob", "proof")
    assert one.count("ada") == 0


def test_a_person_has_so_many_browsers_at_most_over_all_processes(
    pair: tuple[SharedSessions, SharedSessions, list[float]],
) -> None:
    """The oldest session goes."""
    one, other, now_s = pair
    first = one.open("ada", "proof")
    for number in range(MAX_OF_USER):
        now_s[0] += 1
        (one, other)[number % 2].open("ada", "proof")
    assert one.count("ada") == MAX_OF_USER
    assert other.find(first) is None
