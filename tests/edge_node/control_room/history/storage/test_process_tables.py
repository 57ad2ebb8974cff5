"""The tables of processes that share a history."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from edge_node.control_room.history.history import History
from edge_node.control_room.history.storage.process_tables import TABLES

if TYPE_CHECKING:
    from pathlib import Path

    from edge_node.control_room.database_address import DatabasePlace


def test_an_empty_database_has_them(tmp_path: Path, place: DatabasePlace | None) -> None:
    """In a file and on PostgreSQL, though only the latter is ever shared."""
    with closing(History(tmp_path, place=place)) as history:
        for table in TABLES:
            assert history.database.rows(select(func.count()).select_from(table)) == [(0,)]
