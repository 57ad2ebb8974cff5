"""Logins in the history are bounded, for each user and in all."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from edge_node.control_room.history.history import History
from edge_node.control_room.history.processes.session_rows import (
    SessionRow,
    add_session,
    count_sessions,
    delete_session,
    find_session,
)

if TYPE_CHECKING:
    from pathlib import Path

    from edge_node.control_room.database_address import DatabasePlace


def test_the_oldest_goes_and_what_has_expired_goes_first(tmp_path: Path, place: DatabasePlace | None) -> None:
    """Two of a user, three in all; times come back exactly as they were stored."""
    with closing(History(tmp_path, place=place)) as history:
        database = history.database

        def add(key: str, user: str, at_s: float) -> None:
            row = SessionRow(key, user, "proof", at_s, at_s + 100.5)
            add_session(database, row, most_of_user=2, most=3)
            assert find_session(database, key) == row

        for number in range(3):
            add(f"ada-{number}", "ada", 1000.25 + number)
        assert find_session(database, "ada-0") is None
        add("bob", "bob", 1010.0)
        add("eve", "eve", 1011.0)
        assert find_session(database, "ada-1") is None
        assert count_sessions(database, "ada", 1011.0) == 1
        add("late", "late", 1105.0)  # ada's has expired
        assert find_session(database, "ada-2") is None
        delete_session(database, "late")
        assert count_sessions(database, "late", 1105.0) == 0
