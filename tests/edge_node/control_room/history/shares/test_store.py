"""The history's database is what the shares need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.control_room.history.database import Database

if TYPE_CHECKING:
    from pathlib import Path

    from edge_node.control_room.history.shares.store import Store


def test_the_database_is_a_store(tmp_path: Path) -> None:
    """It has all that the protocol names."""
    database = Database(tmp_path)
    store: Store = database
    assert store.used_bytes() > 0
    assert store.compact()
    database.close()
