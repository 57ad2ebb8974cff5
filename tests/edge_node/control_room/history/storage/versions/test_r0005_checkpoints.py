"""The step that adds the checkpoints of robots."""

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


def test_an_older_file_gets_an_empty_table_of_checkpoints(tmp_path: Path) -> None:
    """One for each number that a robot signed."""
    History(tmp_path).close()
    make_older(tmp_path, "0.8.0")
    with closing(History(tmp_path)), make_engine(tmp_path / NAME).connect() as connection:
        known = inspect(connection)
        (unique,) = known.get_unique_constraints("checkpoint")
        assert unique["column_names"] == ["robot_key", "epoch", "seq"]
