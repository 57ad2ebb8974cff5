"""Store drawings in the history, one for each asset, with who placed what when."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import bindparam, delete, func, select, update

from edge_node.control_room.history.database import from_us, to_us
from edge_node.control_room.history.drawings.placement import DrawingError, Placement, check_placement
from edge_node.control_room.history.drawings.png_file import read_png
from edge_node.control_room.history.storage.dialect import insert_or_update
from edge_node.control_room.history.storage.tables import drawing

if TYPE_CHECKING:
    from edge_node.control_room.history.database import Database

MAX_BYTES = 256 * 1024 * 1024  # of all drawings
MAX_DRAWINGS = 1000
FROM_FILE = "file"  # named in the configuration
FROM_PAGE = "page"
_OF_ASSET = (drawing.c.site == bindparam("of_site"), drawing.c.asset == bindparam("of_asset"))
_SHOWN = (
    *("site", "asset", "sha256", "source_sha256", "width_px", "height_px", "bytes", "placement"),
    *("origin", "added_by", "added_us", "placed_by", "placed_us"),
)
_LIST = select(*(drawing.c[name] for name in _SHOWN)).order_by(drawing.c.site, drawing.c.asset)
_FIND = select(*(drawing.c[name] for name in _SHOWN)).where(*_OF_ASSET)
_CONTENT = select(drawing.c.content).where(*_OF_ASSET)
_USED = select(func.count(), func.coalesce(func.sum(drawing.c.bytes), 0)).where(
    (drawing.c.site != bindparam("of_site")) | (drawing.c.asset != bindparam("of_asset"))
)
_COLUMNS = (*_SHOWN, "content")
_PUT = insert_or_update(drawing, (drawing.c.site, drawing.c.asset), _COLUMNS[2:]).values(
    {name: bindparam(name) for name in _COLUMNS}
)
_PLACE = (
    update(drawing)
    .where(*_OF_ASSET, drawing.c.sha256 == bindparam("of_sha256"))
    .values(
        placement=bindparam("new_placement"),
        placed_by=bindparam("new_by"),
        placed_us=bindparam("new_us"),
    )
)
_REMOVE = delete(drawing).where(*_OF_ASSET)


@dataclass(frozen=True, slots=True)
class Drawing:
    """The drawing of one asset, without its content.

    Attributes:
        sha256: of the content as it is stored.
        source_sha256: of the file as it was given.
        placement: how metres become pixels; None until a person has said so.
        origin: ``page`` or ``file``.
    """

    site: str
    asset: str
    sha256: str
    source_sha256: str
    width_px: int
    height_px: int
    size_bytes: int
    placement: Placement | None
    origin: str
    added_by: str
    added_at: datetime
    placed_by: str
    placed_at: datetime | None


class DrawingBook:
    """The drawings of a history; used from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def drawings(self) -> list[Drawing]:
        """Return all drawings by site and asset."""
        return [_read(row) for row in self._database.rows(_LIST)]

    def find(self, site: str, asset: str) -> Drawing | None:
        """Return the drawing of an asset; None if it has none."""
        rows = self._database.rows(_FIND, _named(site, asset))
        return _read(rows[0]) if rows else None

    def content(self, site: str, asset: str) -> bytes | None:
        """Return the PNG of an asset's drawing."""
        rows = self._database.rows(_CONTENT, _named(site, asset))
        return bytes(rows[0][0]) if rows else None

    def put(self, site: str, asset: str, content: bytes, by: str, *, origin: str = FROM_PAGE) -> Drawing:
        """Store a drawing in the place of the asset's last one; its placement stays if the size does.

        Raises:
            DrawingError: it is no PNG, is damaged, or too large, or there are too many.
        """
        png = read_png(content)
        with self._database.transaction():
            count, used = self._database.peek(_USED, _named(site, asset)) or (0, 0)
            if count >= MAX_DRAWINGS or used + len(png.content) > MAX_BYTES:
                raise DrawingError(
                    f"the drawings of this control room take {used // 10**6} MB, {count} of them; at most"
                    f" {MAX_DRAWINGS} and {MAX_BYTES // 2**20} MB are kept: remove one that is needed no more"
                )
            row = self._database.peek(_FIND, _named(site, asset))
            before = None if row is None else _read(row)
            stays = before is not None and (before.width_px, before.height_px) == png[1:]
            values: dict[str, Any] = {
                "site": site,
                "asset": asset,
                "origin": origin,
                "content": png.content,
                "width_px": png.width_px,
                "height_px": png.height_px,
                "bytes": len(png.content),
                "sha256": hashlib.sha256(png.content).hexdigest(),
                "source_sha256": hashlib.sha256(content).hexdigest(),
                "added_by": by,
                "added_us": _now_us(),
                "placement": "",
                "placed_by": "",
                "placed_us": None,
            }
            if stays and before is not None and before.placement is not None and before.placed_at is not None:
                values |= {
                    "placement": msgspec.json.encode(before.placement).decode(),
                    "placed_by": before.placed_by,
                    "placed_us": to_us(before.placed_at),
                }
            self._database.write(_PUT, values)
        found = self.find(site, asset)
        assert found is not None  # noqa: S101  it was just stored
        return found

    def place(self, site: str, asset: str, sha256: str, placement: Placement, by: str) -> Drawing:
        """Store how an asset's drawing is placed.

        Args:
            site: of the asset.
            asset: whose drawing it is.
            sha256: of the drawing that the person saw: another may have come meanwhile.
            placement: of it.
            by: the person.

        Raises:
            DrawingError: there is no such drawing, or the placement contradicts itself.
        """
        found = self.find(site, asset)
        if found is None:
            raise DrawingError(f"{asset} at {site} has no drawing")
        check_placement(placement, found.width_px, found.height_px)
        values = {"new_placement": msgspec.json.encode(placement).decode(), "new_by": by, "new_us": _now_us()}
        if not self._database.write(_PLACE, {**_named(site, asset), "of_sha256": sha256, **values}):
            raise DrawingError("another drawing was put in its place meanwhile; load the page again")
        return self.find(site, asset) or found

    def remove(self, site: str, asset: str) -> bool:
        """Delete the drawing of an asset; False if it has none."""
        return bool(self._database.write(_REMOVE, _named(site, asset)))


def _named(site: str, asset: str) -> dict[str, str]:
    return {"of_site": site, "of_asset": asset}


def _now_us() -> int:
    return to_us(datetime.now(timezone.utc))


def _read(row: tuple[Any, ...]) -> Drawing:
    found = dict(zip(_SHOWN, row, strict=True))
    placement, placed_us = found["placement"], found["placed_us"]
    return Drawing(
        site=found["site"],
        asset=found["asset"],
        sha256=found["sha256"],
        source_sha256=found["source_sha256"],
        width_px=found["width_px"],
        height_px=found["height_px"],
        size_bytes=found["bytes"],
        placement=msgspec.json.decode(placement, type=Placement) if placement else None,
        origin=found["origin"],
        added_by=found["added_by"],
        added_at=from_us(found["added_us"]),
        placed_by=found["placed_by"],
        placed_at=None if placed_us is None else from_us(placed_us),
    )
