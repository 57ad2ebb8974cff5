"""The step that adds the names of missions."""

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


def test_an_older_file_gets_names_of_missions(tmp_path: Path) -> None:
    """Each verdict carries one name at most."""
    History(tmp_path).close()
    make_older(tmp_path, "0.8.0")
    with closing(History(tmp_path)), make_engine(tmp_path / NAME).connect() as connection:
        (unique,) = inspect(connection).get_unique_constraints("mission_name")
        assert unique["column_names"] == ["robot_key", "epoch", "seq"]
