"""The step that adds the drawings of assets."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from edge_node.control_room.history.drawings.drawing_book import DrawingBook
from edge_node.control_room.history.history import History
from tests.support.drawings import png
from tests.support.older_histories import make_older
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_of_an_older_version_takes_drawings(tmp_path: Path) -> None:
    """It keeps what it has, and then a drawing as well; beside an older program it shows none."""
    with closing(History(tmp_path)) as history:
        history.add_verdict(verdict(1, "C"))
    make_older(tmp_path, "0.8.0")
    with closing(History(tmp_path, read_only=True)) as history:
        assert DrawingBook(history.database).drawings() == []
    with closing(History(tmp_path)) as history:
        added = DrawingBook(history.database).put("quay", "pipe 7", png(), "anna")
        assert DrawingBook(history.database).drawings() == [added]
        assert history.verdict("crawler-1:epoch:1") is not None
