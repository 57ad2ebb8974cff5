"""Failed logins in the history."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from edge_node.control_room.history.history import History
from edge_node.control_room.history.processes.failure_rows import (
    FailureRow,
    count_pairs,
    forget_failures,
    make_room,
    read_failures,
    write_failures,
)

if TYPE_CHECKING:
    from pathlib import Path

    from edge_node.control_room.database_address import DatabasePlace


def test_pairs_are_kept_apart_replaced_and_forgotten(tmp_path: Path, place: DatabasePlace | None) -> None:
    """A user at two networks is two pairs; the one that tried longest ago makes room."""
    with closing(History(tmp_path, place=place)) as history, history.transaction():
        database = history.database
        for number in range(3):
            write_failures(database, "ada", f"192.0.2.{number}", FailureRow(1, 5.5, 0.0, float(number)))
        write_failures(database, "ada", "192.0.2.1", FailureRow(2, 6.5, 7.5, 1.0))
        assert read_failures(database, "ada", "192.0.2.1") == FailureRow(2, 6.5, 7.5, 1.0)
        assert read_failures(database, "bob", "192.0.2.1") is None
        make_room(database, 4, old_s=0.0)
        assert count_pairs(database) == 3
        make_room(database, 3, old_s=0.0)
        assert read_failures(database, "ada", "192.0.2.0") is None
        make_room(database, 3, old_s=6.0)
        assert count_pairs(database) == 2
        write_failures(database, "eve", "192.0.2.9", FailureRow(1, 9.0, 9.0, 0.5))
        make_room(database, 3, old_s=6.0)
        assert read_failures(database, "ada", "192.0.2.2") is None
        forget_failures(database, "ada", "192.0.2.1")
        assert count_pairs(database) == 0
