"""Read folders of mask pictures: palette, grey or colours, each value a category."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from converter.data.foreign.foreign_set import ForeignPicture, ForeignSet, Region
from converter.data.foreign.picture_finder import find_pictures_below
from converter.data.foreign.shapes import ColourArea, ShapeError, read_mask_values
from edge_node.text_file import TextFileError, read_text_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from converter.data.foreign.foreign_set import LeftOut
    from converter.data.foreign.picture_finder import PictureFinder

MASK_FOLDERS = ("masks", "mask", "SegmentationClass", "labels", "annotations", "gt")
PICTURE_FOLDERS = ("images", "pictures", "JPEGImages", "img", "imgs", "image")
_SUFFIX = re.compile(r"[_-](mask|label|labels|gt|seg|segmentation)$", re.IGNORECASE)
_MOST_VALUES = 64  # of one mask; more are soft edges
_LEGEND_NAMES = ("labelmap.txt", "label_colors.txt")
_LEGEND_LINE = re.compile(r"^(?P<name>[^:#]+):(?P<colour>\d+,\d+,\d+)(:.*)?$")
_MAX_LEGEND_BYTES = 1024 * 1024


def find_mask_folder(folder: Path) -> Path | None:
    """Return the folder of mask pictures within a folder, or None."""
    return next(
        (folder / name for name in MASK_FOLDERS if any((folder / name).rglob("*.png"))),
        None,
    )


def read_mask_folder(
    masks: Path,
    pictures: Path,
    finder: PictureFinder,
    left_out: LeftOut,
    on_read: Callable[[int, int], None] = lambda _done, _all: None,
) -> ForeignSet:
    """Read pictures with the mask of their name: ``a.jpg`` with ``a.png``, ``a_mask.png`` or ``a-gt.png``.

    Args:
        masks: the folder of masks.
        pictures: the folder of pictures; masks within it are none.
        finder: of the pictures.
        left_out: collects what is left out.
        on_read: called with masks read and all.
    """
    files = [path for path in find_pictures_below(masks) if finder.holds(path)]
    if masks.resolve() == pictures.resolve():  # side by side
        files = [path for path in files if _SUFFIX.search(path.stem)]
    by_stem = {_SUFFIX.sub("", _key(path, masks)): path for path in files}
    legend = _read_legend(masks)
    seen = {path.resolve() for path in files}
    found, categories = [], dict.fromkeys(legend.values())
    of_pictures = [path.resolve() for path in find_pictures_below(pictures) if finder.holds(path)]
    of_pictures = [path for path in of_pictures if path not in seen]
    for done, path in enumerate(of_pictures, start=1):
        mask = by_stem.pop(_key(path, pictures.resolve()), None)
        name = finder.name_of(path)
        on_read(done, len(of_pictures))
        if mask is None:
            left_out.add("a picture without a mask", name)
            continue
        try:
            regions, size = _read_mask(mask, legend)
        except ShapeError as err:
            left_out.add(str(err), name)
            continue
        categories |= dict.fromkeys(region.category for region in regions)
        found.append(ForeignPicture(path, name, regions, size_px=size, is_covered=True))
    for path in by_stem.values():
        left_out.add("a mask without a picture", path.name)
    return ForeignSet("mask pictures", tuple(found), tuple(categories))


def has_masks_beside_pictures(folder: Path) -> bool:
    """Return whether files such as ``a_mask.png`` lie beside files such as ``a.jpg``."""
    paths = find_pictures_below(folder)
    stems = {path.with_suffix("") for path in paths}
    return any(
        _SUFFIX.search(path.stem) and path.with_name(_SUFFIX.sub("", path.stem)) in stems for path in paths
    )


def _read_mask(path: Path, legend: Mapping[str, str]) -> tuple[tuple[Region, ...], tuple[int, int]]:
    """Return a region for each value of a mask, and its width and height."""
    found = read_mask_values(path)
    if len(found.names) > _MOST_VALUES:
        raise ShapeError(
            f"a mask of more than {_MOST_VALUES} values: its edges are soft; save masks as PNG, not as JPEG"
        )
    regions = []
    for value, name in found.names.items():
        words = [f"#{value:02x}{value:02x}{value:02x}" if name.isdecimal() else "", *name.split()]
        known = next((legend[word] for word in reversed(words) if word in legend), name)
        regions.append(Region(known, shape=ColourArea(path, value)))
    height, width = found.values.shape
    return tuple(regions), (width, height)


def _read_legend(masks: Path) -> dict[str, str]:
    """Return the names of colours that a ``labelmap.txt`` beside the masks tells, as CVAT writes it."""
    for folder in (masks, masks.parent):
        for name in _LEGEND_NAMES:
            try:
                text = read_text_file(folder / name, _MAX_LEGEND_BYTES)
            except TextFileError:
                continue
            found = (_LEGEND_LINE.match(line.strip()) for line in text.splitlines())
            return {_hex(match["colour"]): match["name"].strip() for match in found if match}
    return {}


def _hex(colour: str) -> str:
    red, green, blue = (min(255, int(word)) for word in colour.split(","))
    return f"#{red:02x}{green:02x}{blue:02x}"


def _key(path: Path, folder: Path) -> str:
    """Return a file's path below its folder without its suffix."""
    resolved, base = path.resolve(), folder.resolve()
    return (
        (resolved.relative_to(base) if resolved.is_relative_to(base) else resolved).with_suffix("").as_posix()
    )
