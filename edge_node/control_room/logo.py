"""Read the logo of reports, and check it before anything starts."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from edge_node.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

_MAX_BYTES = 1_000_000
_MAX_PX = 4000  # wide or high: paper shows 46 mm of it
_ORIENTATION = 274  # tag of EXIF
_PLAIN = ("RGB", "RGBA", "L", "LA", "P", "1")  # not 16 bits, nor CMYK, which was printed inverted
_KINDS = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG"}


def read_logo(path: Path) -> bytes:
    """Read and check a logo; one that paper would show otherwise than screens becomes a PNG of plain colours.

    Raises:
        ConfigError: it cannot be read, is neither PNG nor JPEG, is damaged or too large; in one sentence.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as err:
        raise ConfigError(f"{path}: {err.strerror or err}") from err
    if len(content) > _MAX_BYTES:
        raise ConfigError(f"{path}: more than {_MAX_BYTES // 1_000_000} MB; make the logo smaller")
    kind = next((name for head, name in _KINDS.items() if content.startswith(head)), None)
    if kind is None:
        raise ConfigError(f"{path}: wanted a PNG or JPEG file")
    from PIL import Image, ImageOps  # fpdf2 brings it; loading it would slow the start

    try:
        with Image.open(io.BytesIO(content), formats=[kind]) as picture:
            size = max(picture.size)
            if size <= _MAX_PX:
                picture.load()
                turned = picture.getexif().get(_ORIENTATION, 1) != 1
                if turned or picture.mode not in _PLAIN:
                    content = _redraw(ImageOps.exif_transpose(picture))
    except Exception as err:  # a damaged file raises whatever its decoder met
        raise ConfigError(f"{path}: this {kind} file is damaged: {err}") from err
    if size > _MAX_PX:
        raise ConfigError(f"{path}: {size} pixels wide or high, at most {_MAX_PX}; make the logo smaller")
    return content


def _redraw(picture: Image.Image) -> bytes:
    """Return a picture as PNG with 8 bits of red, green and blue."""
    if picture.mode.startswith("I"):
        picture = picture.convert("I").point(lambda value: value / 256).convert("L")
    out = io.BytesIO()
    picture.convert("RGBA" if "A" in picture.getbands() else "RGB").save(out, "PNG")
    return out.getvalue()
