"""The step that adds the quarantine."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from sqlalchemy import inspect

from edge_node.control_room.history.database import NAME
from edge_node.control_room.history.history import History
from edge_node.control_room.history.storage.sqlite import make_engine
from tests.support.older_histories import make_older

if TYPE_CHECKING:
    from pathlib import Path


def test_an_older_file_gets_an_empty_quarantine(tmp_path: Path) -> None:
    """Each robot waits there once."""
    History(tmp_path).close()
    make_older(tmp_path, "0.8.0")
    with closing(History(tmp_path)), make_engine(tmp_path / NAME).connect() as connection:
        known = inspect(connection)
        (unique,) = known.get_unique_constraints("quarantine")
        assert unique["column_names"] == ["site", "robot"]
