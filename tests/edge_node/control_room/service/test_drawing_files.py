"""Drawings that the configuration names: checked before the start, and never put over a person's."""

import json

import pytest

from edge_node.control_room.history.database import Database
from edge_node.control_room.history.drawings.drawing_book import DrawingBook
from edge_node.control_room.sections import DrawingsConfig
from edge_node.control_room.service.drawing_files import keep_drawing_files, read_drawing_files
from edge_node.control_room.settings import build_settings
from edge_node.errors import ConfigError
from tests.support.drawings import png

SCALE = {"kind": "scale", "metres_per_px": 0.1, "origin_x_px": 0, "origin_y_px": 100}


def test_drawings_come_from_files_until_a_person_puts_another(tmp_path):
    """A file is stored with its placement, anew when it changes, and never over what a person uploaded."""
    file = tmp_path / "deck.png"
    config = DrawingsConfig(files={"quay/deck 2": str(file)})
    database = Database(tmp_path / "room")
    book = DrawingBook(database)
    for width in (200, 300):
        file.write_bytes(png(width))
        file.with_suffix(".json").write_text(json.dumps(SCALE), encoding="utf-8")
        keep_drawing_files(read_drawing_files(config), database)
        found = book.find("quay", "deck 2")
        assert (found.width_px, found.origin, found.placed_by) == (width, "file", "the configuration")
    book.put("quay", "deck 2", png(400), "anna")
    keep_drawing_files(read_drawing_files(config), database)
    assert (book.find("quay", "deck 2").width_px, book.find("quay", "deck 2").origin) == (400, "page")
    database.close()


def test_every_file_that_cannot_be_used_is_told(tmp_path):
    """All of them at once, each with its asset, file and reason; a name without a site is refused before."""
    (tmp_path / "page.png").write_bytes(b"<html>")
    (tmp_path / "good.png").write_bytes(png())
    (tmp_path / "good.json").write_text('{"kind": "path", "points": []}', encoding="utf-8")
    files = {f"quay/{name}": str(tmp_path / f"{name}.png") for name in ("page", "missing", "good")}
    with pytest.raises(ConfigError) as refused:
        read_drawing_files(DrawingsConfig(files=files))
    lines = str(refused.value).splitlines()
    assert len(lines) == 3
    for line, asset, said in zip(lines, files, ("a page", "No such file", "points"), strict=True):
        assert asset in line
        assert said in line
    with pytest.raises(ConfigError, match="is no SITE/ASSET"):
        build_settings({"hostname": "127.0.0.1"}, drawings={"files": {"deck": "x.png"}})
