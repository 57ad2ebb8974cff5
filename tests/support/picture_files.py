"""Store pictures of pages in few bytes: as PNG with a palette, or as JPEG where a photograph fills them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_COLOURS = (256, 192, 128, 96, 64)
_QUALITIES = (85, 80, 75, 70, 65, 60, 55, 50)


def store_small(picture: Image.Image, path: Path, most_bytes: int) -> int:
    """Write ``picture`` in the best quality that fits ``most_bytes``, or in the lowest; return its bytes."""
    content = b""
    for content in _encode(picture.convert("RGB"), path.suffix):
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


def _encode(picture: Image.Image, suffix: str) -> Iterator[bytes]:
    """Yield the file's content, the best quality first."""
    for colours in _COLOURS if suffix == ".png" else ():
        file = io.BytesIO()
        few = picture.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        few.save(file, "PNG", optimize=True)
        yield file.getvalue()
    for quality in _QUALITIES if suffix == ".jpg" else ():
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality, optimize=True, progressive=True)
        yield file.getvalue()
