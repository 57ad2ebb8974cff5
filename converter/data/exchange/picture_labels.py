"""Decide from a picture's regions, and what their categories mean, its labels, its mask and its crops.

A box is not a mask: it labels its picture, or is cut out as a picture of its own, and never marks pixels as
corroded.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from converter.data.dataset import CORRODED, LABEL_COLUMNS, METAL, OTHER, UNCORRODED
from converter.data.exchange.category_map import needs_condition
from converter.data.exchange.exported_picture import HAS_MASK
from converter.data.foreign.shapes import ShapeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from converter.data.exchange.category_map import CategoryMap
    from converter.data.foreign.foreign_set import ForeignPicture, LeftOut, Region

_VALUES = {"corroded": (CORRODED, UNCORRODED), "metal": (METAL, OTHER)}  # of columns with fixed ones
_BY_SEVERITY = ("none", "light", "early", "mid", "moderate", "late", "severe", "heavy")


@dataclass(frozen=True, slots=True)
class Labelled:
    """What an import makes of a picture.

    Attributes:
        labels: columns of ``labels.csv``.
        mask: the corroded pixels, as the positions of the other tool are meant, or None.
        unknown: the pixels of which nothing is known, beside a mask; None where all are known.
        notes: what was not taken over, each in words.
    """

    labels: Mapping[str, str]
    mask: NDArray[np.bool_] | None = field(default=None, repr=False)
    unknown: NDArray[np.bool_] | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()


def label_picture(
    picture: ForeignPicture, category_map: CategoryMap, shape: tuple[int, int], left_out: LeftOut
) -> Labelled | str:
    """Return the labels and the mask of a picture of ``shape`` (height, width), or why it has none.

    Args:
        picture: of the other tool.
        category_map: as a person confirmed it.
        shape: the picture's, as the other tool's positions are meant.
        left_out: collects regions that cannot be drawn.
    """
    drawn = _draw_mask(picture, category_map, shape, left_out)
    unknown = None if drawn is None else _draw_unknown(picture, category_map, shape)
    meant = [category_map.columns.get(region.category, {}) for region in picture.regions]
    labels, notes = _join_columns(meant)
    whole = {
        columns["corroded"]
        for region, columns in zip(picture.regions, meant, strict=True)
        if region.kind == "pictures" and "corroded" in columns
    }
    if len(whole) > 1 or (whole == {UNCORRODED} and labels.get("corroded") == CORRODED):
        return "its marks say both corroded and uncorroded"
    if needs_condition(picture, category_map):
        labels.pop("corroded", None)
        says_sound = category_map.without_corrosion == UNCORRODED
        is_seen = not picture.is_incomplete and (unknown is None or not unknown.all())
        if says_sound and is_seen and labels.get("metal") != OTHER:
            labels["corroded"] = UNCORRODED
    known = _read_known(picture)
    if "corroded" in known and labels.get("corroded", known["corroded"]) != known["corroded"]:
        notes.append("the condition was changed since it was exported")
    told = {**known, **labels}
    if {"material", "corroded"} & told.keys():
        told.pop("metal", None)  # which they imply, whatever else is to be seen
    return Labelled(told, drawn, unknown, tuple(notes)) if told else "no category that says anything of it"


def label_crop(region: Region, category_map: CategoryMap) -> Mapping[str, str]:
    """Return the labels of the picture that is cut out along a region's box."""
    return category_map.columns.get(region.category, {})


def _read_known(picture: ForeignPicture) -> dict[str, str]:
    """Return the labels that an export of ours wrote beside a picture, where ``labels.csv`` allows them."""
    return {
        column: value
        for column, value in picture.known.items()
        if column in LABEL_COLUMNS and value in _VALUES.get(column, (value or None,))
    }


def _draw_mask(
    picture: ForeignPicture, category_map: CategoryMap, shape: tuple[int, int], left_out: LeftOut
) -> NDArray[np.bool_] | None:
    """Return the corroded pixels, or None where they are not known for the whole picture."""
    corroded = [region for region in picture.regions if category_map.means_corroded(region.category)]
    shapes = [region.shape for region in corroded if region.shape is not None]
    was_exported = picture.known.get("mask")
    mask = np.zeros(shape, bool)
    is_whole = not picture.is_incomplete
    for one in shapes:
        try:
            mask |= one.draw(*shape)
        except ShapeError as err:
            left_out.add(str(err), picture.name)
            is_whole = False
    if any(region.kind == "boxes" for region in corroded):
        if shapes:
            left_out.add(
                "a mask beside boxes of corrosion: it would call what the boxes hold uncorroded", picture.name
            )
        return None
    if not is_whole or not (shapes or picture.is_covered or was_exported == HAS_MASK):
        return None
    return mask


def _draw_unknown(
    picture: ForeignPicture, category_map: CategoryMap, shape: tuple[int, int]
) -> NDArray[np.bool_] | None:
    """Return the pixels of which a person said that nothing is known; None where there are none."""
    unknown = np.zeros(shape, bool)
    for region in picture.regions:
        if region.category in category_map.unknown:
            unknown |= _cover(region, shape)
    return unknown if unknown.any() else None


def _cover(region: Region, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return a region's pixels; those of its box, or of the picture, where no more is told or readable."""
    with suppress(ShapeError):
        if region.shape is not None:
            return region.shape.draw(*shape)
    covered = np.ones(shape, bool)
    with suppress(ShapeError):
        if region.box is not None:
            left, top, right, bottom = region.box.corners_px(*shape)
            covered[:] = False
            covered[top:bottom, left:right] = True
    return covered


def _join_columns(meant: Iterable[Mapping[str, str]]) -> tuple[dict[str, str], list[str]]:
    """Return the columns of a picture from those of its regions, and what differs between them."""
    values: dict[str, list[str]] = {column: [] for column in LABEL_COLUMNS}
    for columns in meant:
        for column, value in columns.items():
            if value not in values[column]:
                values[column].append(value)
    chosen = {column: _choose(column, found) for column, found in values.items() if found}
    labels = {column: value for column, value in chosen.items() if value is not None}
    notes = [
        f"several values of {column} on one picture: left empty"
        for column, value in chosen.items()
        if value is None
    ]
    return labels, notes


def _choose(column: str, found: Sequence[str]) -> str | None:
    """Return the one value of a picture whose regions have several: the worst, or none."""
    if len(found) == 1:
        return found[0]
    if column == "corroded":
        return CORRODED
    if column == "metal":
        return METAL
    if column == "severity" and set(found) <= set(_BY_SEVERITY):
        return max(found, key=_BY_SEVERITY.index)
    return None
