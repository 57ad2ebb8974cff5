"""What the history needs of a database, both have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.control_room.history.storage.backend import Backend

if TYPE_CHECKING:
    from edge_node.control_room.history.history import History


def test_each_database_has_all_that_is_needed(history: History) -> None:
    """Else a rare moment, like a lost connection, would find it missing."""
    names = [name for name in vars(Backend) if not name.startswith("_")]
    assert len(names) > 15
    assert [name for name in names if not callable(getattr(history.database.backend, name))] == []
