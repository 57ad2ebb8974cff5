"""Read the mask that an operator painted over a picture of the camera, and pack it for a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_node.errors import ConfigError
from edge_node.text_file import TextFileError, read_bounded
from edge_node.view.counted_pixels import COUNTS

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MAX_MASK_BYTES = 64 * 1024 * 1024
MAX_MASK_PIXELS = 200_000_000  # of the largest picture that is read
_PNG_START = b"\x89PNG\r\n\x1a\n"
_SMOOTH_SHARE = 0.05  # edges that a program smoothed are a few percent; of a photograph nearly all is grey
_BLACK_BELOW, _WHITE_ABOVE = 0.2, 0.8
_FLAT_PX = 5  # a soft edge changes over so many pixels; paint does not
_FLAT_STEP = 0.02
_PAINT_IT = "paint black what does not count and white the rest, without transparency, and save it as PNG"


def read_mask(path: Path) -> NDArray[np.uint8]:
    """Return the mask in a PNG, uint8 ``(height, width)``: 255 counts, 0 (black) does not.

    Smoothed edges are divided in the middle between black and white.

    Raises:
        ConfigError: no PNG, damaged, transparent, or no picture in black and white.
    """
    try:
        content = read_bounded(path, MAX_MASK_BYTES)
    except TextFileError as err:
        raise ConfigError(f"{path}: {err}") from err
    if not content.startswith(_PNG_START):
        raise ConfigError(f"{path}: no PNG; {_PAINT_IT}")
    return decode_mask(content, str(path))


def decode_mask(content: bytes, where: str) -> NDArray[np.uint8]:
    """Return the mask in the bytes of a PNG; see ``read_mask``."""
    size = (int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big"))
    if size[0] * size[1] > MAX_MASK_PIXELS:
        raise ConfigError(f"{where}: {size[0]} x {size[1]} pixels are more than any camera picture has")
    try:
        values = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        values = None
    if values is None or b"IEND" not in content[-16:]:
        raise ConfigError(f"{where}: the PNG is cut off or damaged; copy it again")
    levels = values.astype(np.float32) / (65_535 if values.dtype == np.uint16 else 255)
    if levels.ndim == 3 and levels.shape[2] in (2, 4):
        if (clear := float((levels[..., -1] < 1).mean())) > 0:
            raise ConfigError(f"{where}: {clear:.1%} of it is transparent, which says nothing; {_PAINT_IT}")
        levels = levels[..., :-1]
    if levels.ndim == 3:
        darkest, levels = levels.min(axis=2), levels.max(axis=2)
    else:
        darkest = levels
    between = (levels > _BLACK_BELOW) & (darkest < _WHITE_ABOVE)
    middle = (levels + darkest) / 2
    if (share := float(between.mean())) > _SMOOTH_SHARE or (between & _is_flat(middle)).any():
        raise ConfigError(
            f"{where}: no mask: {share:.1%} of it is neither black nor white, at most"
            f" {_SMOOTH_SHARE:.0%} may be, as smoothed edges; {_PAINT_IT}"
        )
    return np.where(middle >= 0.5, COUNTS, 0).astype(np.uint8)


def _is_flat(levels: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return where a picture has one level around: an area that was filled, and no smoothed edge."""
    around = np.ones((_FLAT_PX, _FLAT_PX), np.uint8)
    return np.asarray(cv2.morphologyEx(levels, cv2.MORPH_GRADIENT, around) < _FLAT_STEP, np.bool_)


def pack_mask(mask: NDArray[np.uint8]) -> bytes:
    """Return a mask as a PNG of one bit a pixel: one or two kB for a shape with smooth outlines."""
    options = [cv2.IMWRITE_PNG_BILEVEL, 1, cv2.IMWRITE_PNG_COMPRESSION, 9]
    return cv2.imencode(".png", mask, options)[1].tobytes()
