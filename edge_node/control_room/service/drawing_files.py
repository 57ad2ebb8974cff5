"""Read the drawings that the configuration names, and bring them into the history when the room starts."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from edge_node.control_room.history.drawings.drawing_book import FROM_FILE, DrawingBook
from edge_node.control_room.history.drawings.placement import DrawingError, Placement, check_placement
from edge_node.control_room.history.drawings.png_file import MAX_FILE_BYTES, read_png
from edge_node.errors import ConfigError
from edge_node.text_file import TextFileError, read_bounded
from edge_node.validation import describe_invalid

if TYPE_CHECKING:
    from edge_node.control_room.history.database import Database
    from edge_node.control_room.sections import DrawingsConfig

_MAX_PLACEMENT_BYTES = 1 << 17
_BY = "the configuration"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DrawingFile:
    """A drawing as the configuration names it."""

    site: str
    asset: str
    content: bytes
    placement: Placement | None


def read_drawing_files(config: DrawingsConfig) -> list[DrawingFile]:
    """Read and check every drawing of ``[drawings] files``.

    Raises:
        ConfigError: one line for each that cannot be used.
    """
    found, problems = [], []
    for name, file in config.files.items():
        site, _, asset = name.partition("/")
        try:
            found.append(_read(site, asset, Path(file)))
        except DrawingError as err:
            problems.append(f"[drawings] files, {name}: {err}")
    if problems:
        raise ConfigError("\n".join(problems))
    return found


def keep_drawing_files(files: list[DrawingFile], database: Database) -> None:
    """Store drawings that the history lacks; one that a person uploaded or placed stays as it is."""
    book = DrawingBook(database)
    for file in files:
        named = f"{file.site}/{file.asset}"
        before = book.find(file.site, file.asset)
        if before is not None and before.origin != FROM_FILE:
            _log.info("drawing of %s: a person uploaded another drawing, which is kept", named)
            continue
        if before is None or before.source_sha256 != hashlib.sha256(file.content).hexdigest():
            before = book.put(file.site, file.asset, file.content, _BY, origin=FROM_FILE)
        if file.placement is not None and before.placed_by in ("", _BY):
            book.place(file.site, file.asset, before.sha256, file.placement, _BY)


def _read(site: str, asset: str, path: Path) -> DrawingFile:
    try:
        content = read_bounded(path, MAX_FILE_BYTES)
        png = read_png(content)
    except (TextFileError, DrawingError) as err:
        raise DrawingError(f"{path}: {err}") from err
    beside = path.with_suffix(".json")
    placement = _read_placement(beside) if beside.exists() else None
    if placement is not None:
        try:
            check_placement(placement, png.width_px, png.height_px)
        except DrawingError as err:
            raise DrawingError(f"{beside}: {err}") from err
    return DrawingFile(site, asset, content, placement)


def _read_placement(path: Path) -> Placement:
    try:
        text = read_bounded(path, _MAX_PLACEMENT_BYTES)
        placement: Placement = msgspec.json.decode(text, type=Placement)
    except TextFileError as err:
        raise DrawingError(f"{path}: {err}") from err
    except (msgspec.DecodeError, RecursionError) as err:
        raise DrawingError(f"{path}: {describe_invalid(err)}") from err
    return placement
