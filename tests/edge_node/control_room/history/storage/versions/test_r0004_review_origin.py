"""The step that adds to a review where it is from."""

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


def test_a_review_of_an_older_file_tells_no_origin(tmp_path: Path) -> None:
    """An older program that goes on stores none."""
    History(tmp_path).close()
    make_older(tmp_path, "0.8.0")
    with closing(History(tmp_path)), make_engine(tmp_path / NAME).connect() as connection:
        known = inspect(connection)
        (origin,) = (column for column in known.get_columns("review") if column["name"] == "origin")
        assert (origin["nullable"], origin["default"]) == (False, "''")
