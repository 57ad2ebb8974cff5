"""Drawings in the history: kept, placed, replaced, and carried by a backup and a salvage."""

import pytest

from edge_node.control_room.history.database import Database
from edge_node.control_room.history.drawings.drawing_book import DrawingBook
from edge_node.control_room.history.drawings.placement import DrawingError, PathPlacement, PathPoint
from edge_node.control_room.history.recovery.backup import make_backup
from edge_node.control_room.history.recovery.salvage import salvage
from tests.support.drawings import png

PATH = PathPlacement(
    points=(PathPoint(x_px=0, y_px=50, distance_m=0), PathPoint(x_px=200, y_px=50, distance_m=24))
)


def test_a_drawing_is_placed_and_replaced(tmp_path):
    """A new drawing of the same size keeps its placement, one of another size none; who did it is kept."""
    database = Database(tmp_path)
    book = DrawingBook(database)
    first = book.put("hall", "pipe L-7", png(), "anna")
    assert (first.width_px, first.height_px, first.placement, first.added_by) == (200, 100, None, "anna")
    placed = book.place("hall", "pipe L-7", first.sha256, PATH, "ben")
    assert (placed.placement, placed.placed_by) == (PATH, "ben")
    second = book.put("hall", "pipe L-7", png(channels=1), "carl")
    assert (second.placement, second.placed_by, second.added_by) == (PATH, "ben", "carl")
    with pytest.raises(DrawingError, match="another drawing was put in its place"):
        book.place("hall", "pipe L-7", first.sha256, PATH, "ben")
    assert book.put("hall", "pipe L-7", png(201), "carl").placement is None
    assert [(one.site, one.asset) for one in book.drawings()] == [("hall", "pipe L-7")]
    assert (book.remove("hall", "pipe L-7"), book.remove("hall", "pipe L-7")) == (True, False)
    with pytest.raises(DrawingError, match="has no drawing"):
        book.place("hall", "pipe L-7", first.sha256, PATH, "ben")
    database.close()


def test_there_is_a_bound(tmp_path, monkeypatch):
    """Beyond the bound a further asset's drawing is refused; one may still be replaced."""
    monkeypatch.setattr("edge_node.control_room.history.drawings.drawing_book.MAX_DRAWINGS", 2)
    database = Database(tmp_path)
    book = DrawingBook(database)
    for asset in ("one", "two", "two"):
        book.put("hall", asset, png(), "anna")
    with pytest.raises(DrawingError, match="remove one that is needed no more"):
        book.put("hall", "three", png(), "anna")
    database.close()


def test_backup_and_salvage_carry_drawings(tmp_path):
    """A backup and a history that was built anew hold the same drawing with its placement."""
    room = tmp_path / "room"
    database = Database(room)
    kept = DrawingBook(database).put("hall", "pipe L-7", png(), "anna")
    kept = DrawingBook(database).place("hall", "pipe L-7", kept.sha256, PATH, "anna")
    content = DrawingBook(database).content("hall", "pipe L-7")
    database.close()
    make_backup(room, tmp_path / "backup", lambda *_told: None)
    salvage(room, tmp_path / "anew", lambda *_told: None)
    for folder in (tmp_path / "backup", tmp_path / "anew"):
        copy = Database(folder, read_only=True)
        assert DrawingBook(copy).find("hall", "pipe L-7") == kept
        assert DrawingBook(copy).content("hall", "pipe L-7") == content
        copy.close()
