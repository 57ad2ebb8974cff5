"""The step that adds what came up to 0.8.0, where a file lacks it."""

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


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    """A file of 0.8.0 has all of it, one of 0.5.0 nothing; both end up alike (``test_tables.py``)."""
    History(tmp_path).close()
    make_older(tmp_path, "0.5.0")
    with closing(History(tmp_path)), make_engine(tmp_path / NAME).connect() as connection:
        known = inspect(connection)
        assert {"reasons", "teaches", "margin", "sha256"} <= {
            one["name"] for one in known.get_columns("verdict")
        }
        assert {"epoch_state", "conflict", "disagreement", "retired"} <= set(known.get_table_names())
