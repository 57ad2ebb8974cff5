"""What is SQLite's own: durability, the mark of a file, hints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from edge_node.control_room.history.storage import dialect, sqlite
from edge_node.control_room.history.storage.tables import verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """A connection to a file of its own."""
    with sqlite.make_engine(tmp_path / "a.db").connect() as opened:
        yield opened


def test_what_is_committed_survives_a_power_cut(connection: Connection) -> None:
    """The broker is told to forget a message when it is committed."""
    found = [
        connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")
    ]
    assert found == ["wal", 2]


def test_a_file_is_marked_once_it_is_a_history(connection: Connection) -> None:
    """So that no other program's file is taken for one."""
    assert sqlite.is_empty(connection)
    assert sqlite.read_mark(connection) is None
    sqlite.mark(connection, 3)
    assert sqlite.read_mark(connection) == 3


def test_a_hint_is_written(connection: Connection) -> None:
    """SQLite would take the wrong index for the verdicts of a finding."""
    query = select(verdict.c.seq).with_hint(verdict, "INDEXED BY verdict_by_number", dialect.HINTS)
    assert "INDEXED BY verdict_by_number" in str(query.compile(connection.engine))
