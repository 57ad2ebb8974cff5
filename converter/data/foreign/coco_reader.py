"""Read COCO files: boxes, polygons, run lengths, crowds, licences. Keypoints and captions are ignored."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from converter.data.foreign.foreign_set import ForeignPicture, ForeignSet, Region
from converter.data.foreign.json_file import MAX_JSON_BYTES, read_json, take_record
from converter.data.foreign.shapes import Box, Polygons, RunLengths, box_around, is_turned_box
from edge_node.errors import DatasetError
from edge_node.text_file import TextFileError, read_bounded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from converter.data.foreign.foreign_set import LeftOut
    from converter.data.foreign.picture_finder import PictureFinder

KNOWN_KEY = "corrosion_labels"  # under which an export of ours writes the columns of labels.csv
_LARGE_BYTES = 16 * 1024 * 1024  # larger ones are parsed once, when they are read
_ROUNDED_PX = 1.0
_ROBOFLOW_NAME = "_annotations.coco.json"
Id: TypeAlias = int | float | str


class CocoPicture(msgspec.Struct, frozen=True):
    """An element of ``images``."""

    id: Id
    file_name: str
    width: int | None = None
    height: int | None = None
    license: Id | None = None
    corrosion_labels: dict[str, str] = {}


class CocoCategory(msgspec.Struct, frozen=True):
    """An element of ``categories``."""

    id: Id
    name: str


class CocoLicence(msgspec.Struct, frozen=True):
    """An element of ``licenses``."""

    id: Id
    name: str = ""
    url: str | None = ""


class CocoRuns(msgspec.Struct, frozen=True):
    """Run lengths, as numbers or in their compressed text."""

    size: tuple[int, int]
    counts: tuple[int, ...] | str


class CocoAnnotation(msgspec.Struct, frozen=True):
    """An element of ``annotations``."""

    image_id: Id
    category_id: Id
    id: Id | None = None
    bbox: tuple[float, ...] = ()
    segmentation: Any = None  # run lengths, or polygons: told apart below


def is_coco(content: Any) -> bool:
    """Return whether a JSON file's content looks like COCO."""
    return isinstance(content, dict) and "images" in content and "categories" in content


def find_coco_files(folder: Path) -> list[Path]:
    """Return the JSON files below a folder that look like COCO, sorted; large ones by two of their words."""
    return [path for path in sorted(folder.rglob("*.json")) if _looks_like_coco(path)]


def read_coco(files: list[Path], finder: PictureFinder, left_out: LeftOut) -> ForeignSet:
    """Read COCO files as one data set, each a part of it.

    Raises:
        DatasetError: a file is no COCO, or its ids are not unique.
    """
    pictures: list[ForeignPicture] = []
    categories: dict[str, None] = {}
    sources: list[str] = []
    for path in files:
        content = read_json(path)
        if not is_coco(content):
            raise DatasetError(f"{path}: no COCO: wanted an object with images, annotations and categories")
        names = _read_categories(content, path)
        categories |= dict.fromkeys(names.values())
        part, around = _name_part(path), path.parent.parent
        places = (
            path.parent,
            path.parent / "images",
            around / part,
            around / "images" / part,
            around / "images",
        )
        set_name = part if len(files) > 1 else ""
        pictures += _read_pictures(content, names, path, set_name, finder, places, left_out)
        sources.append(_read_source(content))
    return ForeignSet("COCO", tuple(pictures), tuple(categories), next(filter(None, sources), ""))


def _read_pictures(  # noqa: PLR0913, PLR0917  # what one file of several is read with
    content: Mapping[str, Any],
    names: Mapping[str, str],
    path: Path,
    set_name: str,
    finder: PictureFinder,
    places: tuple[Path, ...],
    left_out: LeftOut,
) -> Iterator[ForeignPicture]:
    licences = _read_licences(content)
    images = list(_take_all(content.get("images"), CocoPicture, "a picture that is no COCO", path, left_out))
    ids = Counter(_key(image.id) for image in images)
    if twice := [key for key, count in ids.items() if count > 1]:
        raise DatasetError(f"{path}: {len(twice)} ids of pictures are there twice, such as {twice[0]}")
    regions, incomplete = _read_regions(content, names, set(ids), path, left_out)
    for image in images:
        found = finder.find(image.file_name, places)
        if isinstance(found, str):
            left_out.add(found, image.file_name)
            continue
        known = dict(image.corrosion_labels)
        yield ForeignPicture(
            path=found,
            name=finder.name_of(found),
            regions=tuple(regions.get(_key(image.id), ())),
            size_px=(image.width, image.height) if image.width and image.height else None,
            is_stored_orientation=True,
            set_name=set_name,
            licence=known.get("licence", "") or licences.get(_key(image.license), ""),
            known=known,
            is_incomplete=_key(image.id) in incomplete,
        )


def _read_regions(
    content: Mapping[str, Any], names: Mapping[str, str], ids: set[str], path: Path, left_out: LeftOut
) -> tuple[Mapping[str, list[Region]], set[str]]:
    """Return the regions of each picture, and the pictures of which some could not be read."""
    regions: dict[str, list[Region]] = defaultdict(list)
    incomplete: set[str] = set()
    has_outlines = not _are_all_boxes(content)
    for at, item in enumerate(_items(content.get("annotations"))):
        annotation = take_record(item, CocoAnnotation)
        where = f"{path.name}: annotation {item.get('id', at) if isinstance(item, dict) else at}"
        if isinstance(annotation, str):
            left_out.add(f"an annotation that is no COCO ({annotation})", where)
            if isinstance(item, dict):
                incomplete.add(_key(item.get("image_id")))
            continue
        image, category = _key(annotation.image_id), _key(annotation.category_id)
        if image not in ids:
            left_out.add("an annotation of a picture that the file does not list", where)
            continue
        if category not in names:
            left_out.add("an annotation of a category that the file does not list", where)
            incomplete.add(image)
            continue
        region = _make_region(names[category], annotation, has_outlines=has_outlines)
        if region is None:
            left_out.add("an annotation without a box or mask that can be read", where)
            incomplete.add(image)
        else:
            regions[image].append(region)
    return regions, incomplete


def _make_region(category: str, annotation: CocoAnnotation, *, has_outlines: bool) -> Region | None:
    box = Box(*annotation.bbox) if len(annotation.bbox) == 4 else None
    box = box if box is not None and box.is_real else None
    given = annotation.segmentation if has_outlines else None
    if not given:
        return Region(category, box) if box is not None else None
    if isinstance(given, dict):
        runs = take_record(given, CocoRuns)
        return None if isinstance(runs, str) else Region(category, box, RunLengths(runs.size, runs.counts))
    parts = given if isinstance(given, list) and isinstance(given[0], list) else [given]
    try:
        polygons = msgspec.convert(parts, tuple[tuple[float, ...], ...])
    except msgspec.ValidationError:
        return None
    return Region(category, box, Polygons(polygons))


def _are_all_boxes(content: Mapping[str, Any]) -> bool:
    """Return whether every outline is its own box written as four corners, as tools for boxes write it."""
    found = [
        item
        for item in _items(content.get("annotations"))
        if isinstance(item, dict) and item.get("segmentation")
    ]
    return KNOWN_KEY not in next(iter(_items(content.get("images"))), {}) and all(map(_is_box, found))


def _is_box(item: Mapping[str, Any]) -> bool:
    try:
        (outline,) = msgspec.convert(item["segmentation"], tuple[tuple[float, ...], ...])
        left, top, width, height = msgspec.convert(item.get("bbox"), tuple[float, ...])
    except (msgspec.ValidationError, ValueError):
        return False
    if not is_turned_box(outline[:8], _ROUNDED_PX) or len(outline) not in {8, 10}:
        return False
    around = box_around(zip(outline[::2], outline[1::2], strict=True))
    corners = {(round(x), round(y)) for x, y in zip(outline[:8:2], outline[1:8:2], strict=True)}
    same = (around.left - left, around.top - top, around.width - width, around.height - height)
    return (
        len({x for x, _ in corners}) == len({y for _, y in corners}) == 2
        and max(map(abs, same)) <= _ROUNDED_PX
    )


def _read_categories(content: Mapping[str, Any], path: Path) -> dict[str, str]:
    names: dict[str, str] = {}
    for item in _items(content["categories"]):
        category = take_record(item, CocoCategory)
        if isinstance(category, str):
            raise DatasetError(f"{path}: a category that is no COCO ({category})")
        key = _key(category.id)
        if names.get(key, category.name) != category.name:
            raise DatasetError(f"{path}: category id {key} is both {names[key]!r} and {category.name!r}")
        names[key] = category.name
    return names


def _read_licences(content: Mapping[str, Any]) -> dict[str, str]:
    found = (take_record(item, CocoLicence) for item in _items(content.get("licenses")))
    return {_key(one.id): one.name or one.url or "" for one in found if not isinstance(one, str)}


def _read_source(content: Mapping[str, Any]) -> str:
    """Return where the file says that its pictures come from: its address, else its contributor."""
    info = content.get("info")
    told = [info.get(key) for key in ("url", "contributor")] if isinstance(info, dict) else []
    return next((text.strip() for text in told if isinstance(text, str) and text.strip()), "")


def _take_all(
    items: Any, kind: type[CocoPicture], reason: str, path: Path, left_out: LeftOut
) -> Iterator[CocoPicture]:
    for at, item in enumerate(_items(items)):
        record = take_record(item, kind)
        if isinstance(record, str):
            left_out.add(f"{reason} ({record})", f"{path.name}: number {at + 1}")
        else:
            yield record


def _key(number: object) -> str:
    """Return an id as text: one file may write it as 7, "7" and 7.0."""
    return str(int(number)) if isinstance(number, float) and number.is_integer() else str(number)


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _name_part(path: Path) -> str:
    """Return the name of the part that a file holds: *train* of ``instances_train2017.json``."""
    if path.name == _ROBOFLOW_NAME:
        return path.parent.name
    return path.stem.removeprefix("instances_")


def _looks_like_coco(path: Path) -> bool:
    try:
        content = read_bounded(path, MAX_JSON_BYTES)
    except TextFileError:
        return False
    if not all(word in content for word in (b'"images"', b'"categories"')):
        return False
    if len(content) > _LARGE_BYTES:
        return True
    try:
        return is_coco(read_json(path))
    except DatasetError:
        return False
