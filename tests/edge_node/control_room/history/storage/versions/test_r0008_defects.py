"""The step that adds defects."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from edge_node.control_room.history.defects.defect_book import DefectBook
from edge_node.control_room.history.history import History
from tests.support.older_histories import make_older
from tests.support.room_records import finding

if TYPE_CHECKING:
    from pathlib import Path


def test_findings_of_an_older_file_get_their_defects(tmp_path: Path) -> None:
    """They are looked at like new ones."""
    with closing(History(tmp_path)) as history:
        history.add_finding(finding(asset="pipe"))
    make_older(tmp_path, "0.8.0")
    with closing(History(tmp_path)) as history:
        book = DefectBook(history.database)
        book.catch_up()
        assert book.sighting("quay", "crawler-1:epoch:f3") is not None
