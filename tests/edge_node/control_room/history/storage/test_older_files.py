"""An older file is read beside the program that runs on it, and not changed."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import inspect, select

from edge_node.control_room.history.database import NAME
from edge_node.control_room.history.history import History
from edge_node.control_room.history.storage.older_files import add_what_lacks
from edge_node.control_room.history.storage.sqlite import make_engine
from edge_node.control_room.history.storage.tables import audit, review
from tests.support.older_histories import VERSIONS, make_older
from tests.support.room_records import review as make_review

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("version", VERSIONS)
def test_what_an_older_file_lacks_is_empty(tmp_path: Path, version: str) -> None:
    """A table that came later has no rows, and a column that came later its default."""
    with closing(History(tmp_path)) as history:
        history.add_review(make_review())
    make_older(tmp_path, version)
    before = (tmp_path / NAME).read_bytes()
    with make_engine(tmp_path / NAME).connect() as connection:
        lacking = add_what_lacks(connection)
        assert connection.execute(select(audit)).fetchall() == []
        assert connection.execute(select(review.c.review_id, review.c.origin)).fetchall() == [
            ("review-1", "")
        ]
    assert ("teaches" in lacking) == (version == "0.5.0")
    assert (tmp_path / NAME).read_bytes() == before
    with make_engine(tmp_path / NAME).connect() as connection:
        assert not inspect(connection).has_table("audit")


def test_what_a_newer_program_added_is_passed_over(tmp_path: Path) -> None:
    """Its tables are read in place, not copied."""
    History(tmp_path).close()
    with make_engine(tmp_path / NAME).connect() as connection:
        connection.exec_driver_sql("ALTER TABLE review ADD COLUMN later TEXT")
        assert add_what_lacks(connection) == frozenset()
        assert inspect(connection).get_temp_table_names() == []
