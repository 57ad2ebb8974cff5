"""Store pictures of pages in few bytes. A palette would be smaller, but changes the colours of states."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

_QUALITIES = (85, 80, 75, 70, 65, 60, 55, 50)


def store_small(picture: Image.Image, path: Path, most_bytes: int) -> int:
    """Write a JPEG in the best quality that fits ``most_bytes``, or in the lowest; return its bytes."""
    content = b""
    for quality in _QUALITIES:
        file = io.BytesIO()
        picture.convert("RGB").save(file, "JPEG", quality=quality, optimize=True, progressive=True)
        content = file.getvalue()
        if len(content) <= most_bytes:
            break
    path.write_bytes(content)
    return len(content)


def read_png(content: bytes) -> Image.Image:
    """Return the picture in a PNG file's bytes."""
    return Image.open(io.BytesIO(content)).convert("RGB")


def lay_side_by_side(pictures: list[Image.Image], gap_px: int, colour: str) -> Image.Image:
    """Return pictures in one row, as high as the highest, with a gap around each."""
    width = sum(one.width for one in pictures) + gap_px * (len(pictures) + 1)
    sheet = Image.new("RGB", (width, max(one.height for one in pictures) + 2 * gap_px), colour)
    left = gap_px
    for one in pictures:
        sheet.paste(one, (left, gap_px))
        left += one.width + gap_px
    return sheet
