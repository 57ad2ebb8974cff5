"""Draw the regions of other tools as pixels: polygons, run lengths, brush strokes, colours of a mask picture.

Polygons and COCO's run lengths are drawn by pycocotools, COCO's own library, so that a mask is the one that
every tool around COCO sees. What it would not survive (run lengths that do not fill the picture, corners far
outside) is refused before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from converter.data.foreign.brush_rle import BrushError, decode_brush

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from PIL.Image import Image

_MOST_OUTSIDE = 1.0  # of a side; further out a corner is of another picture
_CORNERS, _BOX_CORNERS = 3, 4
_HALF_COVERED = 127  # a brush's edge is soft: a pixel counts from half on
_BITS, _CONTINUES, _SIGN, _ASCII_0 = 5, 0x20, 0x10, 48  # of COCO's compressed run lengths
_GREY_MODES = frozenset({"P", "L", "1", "I", "I;16", "I;16B", "LA"})  # Pillow's names
_MOST_CHUNKS = 7  # of one run length: 35 bits


class ShapeError(ValueError):
    """A region cannot be drawn; the text says why, without naming it."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle: left, top, width and height, in px or, where ``is_relative``, in shares of the picture."""

    left: float
    top: float
    width: float
    height: float
    is_relative: bool = False

    @property
    def is_real(self) -> bool:
        """Whether its sides are numbers, and it has a width and a height."""
        sides = (self.left, self.top, self.width, self.height)
        return all(map(math.isfinite, sides)) and self.width > 0 and self.height > 0

    def corners_px(self, height_px: int, width_px: int) -> tuple[int, int, int, int]:
        """Return left, top, right, bottom in whole px within the picture.

        Raises:
            ShapeError: nothing of it is in the picture.
        """
        across, down = (width_px, height_px) if self.is_relative else (1, 1)
        sides = (self.left * across, self.top * down, self.width * across, self.height * down)
        if not self.is_real:
            raise ShapeError("a box without width or height")
        left, top = max(0, math.floor(sides[0] + 0.5)), max(0, math.floor(sides[1] + 0.5))
        right = min(width_px, math.floor(sides[0] + sides[2] + 0.5))
        bottom = min(height_px, math.floor(sides[1] + sides[3] + 0.5))
        if right <= left or bottom <= top:
            raise ShapeError("a box outside of its picture")
        return left, top, right, bottom


def box_around(corners: Iterable[tuple[float, float]], *, is_relative: bool = False) -> Box:
    """Return the upright box around some corners."""
    across, down = zip(*corners, strict=True)
    return Box(min(across), min(down), max(across) - min(across), max(down) - min(down), is_relative)


def is_turned_box(numbers: Sequence[float], tolerance: float) -> bool:
    """Return whether four corners ``x, y, ...`` make a parallelogram: a rectangle in any scale."""
    if len(numbers) != 2 * _BOX_CORNERS:
        return False
    first, second, third, fourth = np.asarray(numbers, np.float64).reshape(-1, 2)
    return bool(np.abs(first + third - second - fourth).max() <= tolerance)


@dataclass(frozen=True, slots=True)
class Polygons:
    """The union of polygons, each ``x, y, x, y, ...`` in px or, where ``is_relative``, in shares."""

    parts: tuple[tuple[float, ...], ...]
    is_relative: bool = False

    def draw(self, height_px: int, width_px: int) -> NDArray[np.bool_]:
        """Return the pixels inside, as COCO draws them."""
        from pycocotools import mask

        sides = np.array([width_px, height_px], np.float64)
        parts = []
        for part in self.parts:
            if len(part) < 2 * _CORNERS or len(part) % 2:
                raise ShapeError("a polygon of fewer than three corners")
            corners = np.asarray(part, np.float64).reshape(-1, 2) * (sides if self.is_relative else 1.0)
            far = (corners < -_MOST_OUTSIDE * sides) | (corners > (1 + _MOST_OUTSIDE) * sides)
            if not np.isfinite(corners).all() or far.any():
                raise ShapeError("a polygon far outside of its picture")
            parts.append(corners.ravel().tolist())
        if not parts:
            raise ShapeError("a polygon without corners")
        drawn = mask.decode(mask.merge(mask.frPyObjects(parts, height_px, width_px)))
        return np.asarray(drawn, bool)


@dataclass(frozen=True, slots=True)
class RunLengths:
    """COCO's run lengths down the columns, as numbers or in their compressed text."""

    size: tuple[int, int]  # height, width
    counts: str | tuple[int, ...] = field(repr=False)

    def draw(self, height_px: int, width_px: int) -> NDArray[np.bool_]:
        """Return the pixels of every second run."""
        from pycocotools import mask

        if tuple(self.size) != (height_px, width_px):
            raise ShapeError(
                f"run lengths of {self.size[1]} x {self.size[0]} px in a picture of {width_px} x {height_px}"
            )
        counts = _unpack_counts(self.counts) if isinstance(self.counts, str) else self.counts
        if any(count < 0 for count in counts) or sum(counts) != height_px * width_px:
            raise ShapeError("run lengths that do not fill their picture")
        runs = mask.frPyObjects({"size": [height_px, width_px], "counts": list(counts)}, height_px, width_px)
        return np.asarray(mask.decode(runs), bool)


@dataclass(frozen=True, slots=True)
class Brush:
    """Label Studio's brush: run lengths of red, green, blue and cover, row by row."""

    size: tuple[int, int]  # height, width
    packed: bytes = field(repr=False)

    def draw(self, height_px: int, width_px: int) -> NDArray[np.bool_]:
        """Return the pixels that are more than half covered."""
        if self.size != (height_px, width_px):
            raise ShapeError(
                f"a brush of {self.size[1]} x {self.size[0]} px in a picture of {width_px} x {height_px}"
            )
        try:
            values = decode_brush(self.packed, height_px * width_px * 4)
        except BrushError as err:
            raise ShapeError(str(err)) from err
        return values.reshape(height_px, width_px, 4)[..., 3] > _HALF_COVERED


@dataclass(frozen=True, slots=True)
class ColourArea:
    """The pixels of a mask picture that have one value: grey, index of a palette, or red, green, blue."""

    path: Path
    value: int

    def draw(self, height_px: int, width_px: int) -> NDArray[np.bool_]:
        """Return the pixels of this value."""
        values = read_mask_values(self.path).values
        if values.shape != (height_px, width_px):
            raise ShapeError(
                f"a mask of {values.shape[1]} x {values.shape[0]} px in a picture of {width_px} x {height_px}"
            )
        return np.asarray(values == self.value)


@dataclass(frozen=True, slots=True)
class MaskValues:
    """The values of a mask picture.

    Attributes:
        values: int64 ``(height, width)``; colours as 0xRRGGBB.
        names: what people call each value that occurs: ``1``, ``#ff0000``, ``1 #ff0000`` with a palette.
    """

    values: NDArray[np.int64] = field(repr=False)
    names: dict[int, str]


def read_mask_values(path: Path) -> MaskValues:
    """Read a mask picture: a palette's indices, grey values of 1 to 16 bits, or colours.

    Raises:
        ShapeError: it is no picture.
    """
    from PIL import Image

    try:
        with Image.open(path) as picture:
            palette = picture.getpalette("RGB") if picture.mode == "P" else None
            values, is_colour = _read_values(picture)
    except ShapeError:
        raise
    except Exception as err:  # Pillow's decoders raise what they like
        raise ShapeError("a mask that is no picture, or a damaged one") from err
    found = [int(value) for value in np.unique(values)]
    return MaskValues(values, {value: _name_value(value, palette, is_colour=is_colour) for value in found})


def _read_values(picture: Image) -> tuple[NDArray[np.int64], bool]:
    """Return the values of a mask, and whether they are colours: also where all are grey in this one."""
    if picture.mode == "F":
        raise ShapeError("a mask of floating-point values; save masks as PNG")
    if picture.mode in _GREY_MODES:
        values = np.asarray(picture.getchannel(0) if picture.mode == "LA" else picture).astype(np.int64)
        return values * 255 if picture.mode == "1" else values, False
    red, green, blue = np.moveaxis(np.asarray(picture.convert("RGB"), np.int64), 2, 0)
    return red << 16 | green << 8 | blue, True


def _name_value(value: int, palette: Sequence[int] | None, *, is_colour: bool) -> str:
    if is_colour:
        return f"#{value:06x}"
    if palette is not None and 3 * value + 2 < len(palette):
        red, green, blue = palette[3 * value : 3 * value + 3]
        return f"{value} #{red:02x}{green:02x}{blue:02x}"
    return str(value)


def _unpack_counts(text: str) -> tuple[int, ...]:
    """Return the numbers in COCO's compressed run lengths (``rleFrString`` in its ``maskApi.c``)."""
    counts: list[int] = []
    number, chunks = 0, 0
    for character in text:
        bits = ord(character) - _ASCII_0
        if not 0 <= bits < 2 * _CONTINUES or chunks == _MOST_CHUNKS:
            raise ShapeError("run lengths that are damaged")
        number |= (bits & (_CONTINUES - 1)) << (_BITS * chunks)
        chunks += 1
        if bits & _CONTINUES:
            continue
        if bits & _SIGN:
            number |= -1 << (_BITS * chunks)
        counts.append(number + (counts[-2] if len(counts) > 2 else 0))  # each beside the one before the last
        number, chunks = 0, 0
    if chunks:
        raise ShapeError("run lengths that are cut off")
    return tuple(counts)
