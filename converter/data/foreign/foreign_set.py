"""Hold what a data set of another tool says of its pictures, in one form for all tools."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from converter.data.foreign.shapes import Box


class Shape(Protocol):
    """Pixels of a picture that belong to a region."""

    def draw(self, height_px: int, width_px: int) -> NDArray[np.bool_]:
        """Return the region's pixels, ``(height_px, width_px)``.

        Raises:
            ShapeError: they cannot be those of a picture of this size.
        """


@dataclass(frozen=True, slots=True)
class Region:
    """What is said of a part of a picture.

    Attributes:
        category: the other tool's name for it.
        box: the rectangle around it, or None.
        shape: its pixels, or None. Without box and shape the category is of the whole picture.
    """

    category: str
    box: Box | None = None
    shape: Shape | None = None

    @property
    def kind(self) -> str:
        """What is known of where it is, as a plural: masks, boxes or pictures."""
        if self.shape is not None:
            return "masks"
        return "boxes" if self.box is not None else "pictures"


@dataclass(frozen=True, slots=True)
class ForeignPicture:
    """A picture of another tool's data set.

    Attributes:
        path: the file, which is there.
        name: its path below the data set's folder, with slashes.
        regions: what is said of it.
        size_px: width and height that the other tool names, or None.
        is_stored_orientation: whether positions are meant before the picture is turned as its EXIF data say,
            where ``size_px`` does not tell.
        set_name: the part of the data set: train, val.
        licence: as the other tool names it; empty where it does not.
        known: columns of ``labels.csv`` that an export of ours wrote beside it.
        is_incomplete: regions of it could not be read, so that pixels outside of the others mean nothing.
        is_covered: every pixel is in a region, as in a mask picture.
    """

    path: Path
    name: str
    regions: tuple[Region, ...] = ()
    size_px: tuple[int, int] | None = None
    is_stored_orientation: bool = False
    set_name: str = ""
    licence: str = ""
    known: Mapping[str, str] = field(default_factory=dict)
    is_incomplete: bool = False
    is_covered: bool = False


@dataclass(frozen=True, slots=True)
class ForeignSet:
    """A data set of another tool.

    Attributes:
        tool: the format's name for people.
        pictures: those that are there.
        categories: all that it declares, also those of no picture.
        source: where it says that it comes from; empty where it does not.
    """

    tool: str
    pictures: tuple[ForeignPicture, ...]
    categories: tuple[str, ...]
    source: str = ""


class LeftOut:
    """Collect what is left out, by its reason."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = defaultdict(list)

    def add(self, reason: str, name: str) -> None:
        """Add a picture or an annotation, by a name that leads to it."""
        self._names[reason].append(name)

    @property
    def names(self) -> Mapping[str, tuple[str, ...]]:
        """The names of what is left out, by reason, the most frequent first."""
        ordered = sorted(self._names.items(), key=lambda item: -len(item[1]))
        return {reason: tuple(names) for reason, names in ordered}
