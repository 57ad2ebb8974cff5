"""Read YOLO data sets: boxes and polygons in text files beside pictures, and folders named after classes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

import yaml

from converter.data.foreign.foreign_set import ForeignPicture, ForeignSet, Region
from converter.data.foreign.picture_finder import find_pictures_below
from converter.data.foreign.shapes import Box, Polygons, ShapeError, box_around, is_turned_box
from edge_node.errors import DatasetError
from edge_node.text_file import TextFileError, read_text_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from converter.data.foreign.foreign_set import LeftOut
    from converter.data.foreign.picture_finder import PictureFinder

PARTS = ("train", "training", "val", "valid", "validation", "test", "testing")
_YAML_NAMES = {"data", "dataset"}
_NAME_FILES = ("classes.txt", "obj.names", "labels/classes.txt", "data/obj.names")
_MAX_BYTES = 64 * 1024 * 1024
_OUTSIDE = 0.01  # share of a side by which rounding may lead out of the picture
_BOX_NUMBERS, _CORNERS, _BOX_CORNERS = 4, 3, 4
_TURNED_TOLERANCE, _TURNED_SHARE = 0.01, 0.9  # corners are rounded, and boxes cut off at the border


def find_yaml(folder: Path) -> Path | None:
    """Return the file of a YOLO data set's classes and parts in a folder, ``data.yaml`` before others."""
    found = [path for suffix in ("*.yaml", "*.yml") for path in sorted(folder.glob(suffix))]
    told = [path for path in found if {"names", "nc"} & _read_yaml_or_nothing(path).keys()]
    return next((path for path in told if path.stem in _YAML_NAMES), told[0] if told else None)


def has_label_files(folder: Path) -> bool:
    """Return whether text files lie in folders called ``labels``, or beside pictures of their names."""
    texts = [path for path in folder.rglob("*.txt") if path.name not in {"classes.txt", "train.txt"}]
    if any("labels" in path.relative_to(folder).parts[:-1] for path in texts):
        return True
    stems = {path.with_suffix("") for path in find_pictures_below(folder)}
    return any(path.with_suffix("") in stems for path in texts)


def read_yolo(source: Path, finder: PictureFinder, left_out: LeftOut) -> ForeignSet:
    """Read boxes and polygons.

    Args:
        source: the ``data.yaml``, or the folder.
        finder: of the pictures.
        left_out: collects what is left out.

    Raises:
        DatasetError: the file cannot be read, or names no pictures.
    """
    path = source if source.is_file() else find_yaml(source)
    described = _read_yaml(path) if path is not None else {}
    folder = path.parent if path is not None else source
    names = _read_names(described, folder, path)
    has_points = "kpt_shape" in described
    licence = _read_licence(described)
    pictures: dict[Path, ForeignPicture] = {}
    parts = [(part, described[part]) for part in PARTS if described.get(part)]
    for part, places in parts or [("", ".")]:
        for picture in _find_part(places, described, folder, finder, left_out):
            if picture in pictures:
                left_out.add("the picture is listed twice", finder.name_of(picture))
                continue
            regions, is_incomplete = _read_labels(picture, names, left_out, has_points=has_points)
            pictures[picture] = ForeignPicture(
                path=picture,
                name=finder.name_of(picture),
                regions=regions,
                set_name=part or _part_of(picture, finder.root),
                licence=licence,
                is_incomplete=is_incomplete,
            )
    pictures = _without_turned_boxes(pictures)
    if pictures:
        _report_orphans(finder.root, {picture.with_suffix("").name for picture in pictures}, left_out)
    used = {region.category for picture in pictures.values() for region in picture.regions}
    extra = sorted(used - set(names.values()))
    origin = described.get("roboflow")
    address = str(origin.get("url") or "") if isinstance(origin, dict) else ""
    return ForeignSet("YOLO", tuple(pictures.values()), (*names.values(), *extra), address)


def _without_turned_boxes(pictures: dict[Path, ForeignPicture]) -> dict[Path, ForeignPicture]:
    """Return the pictures with boxes for the corners of turned boxes, where all outlines of a set are such.

    A line of a class and four corners is a polygon in one kind of YOLO set and a turned box in another. No
    set of outlines that people drew has only parallelograms.
    """
    outlines = [
        region.shape.parts[0]
        for picture in pictures.values()
        for region in picture.regions
        if isinstance(region.shape, Polygons)
    ]
    turned = [numbers for numbers in outlines if is_turned_box(numbers, _TURNED_TOLERANCE)]
    if not outlines or any(len(one) != 2 * _BOX_CORNERS for one in outlines):
        return pictures
    if len(turned) < _TURNED_SHARE * len(outlines):
        return pictures
    return {path: replace(picture, regions=_box_all(picture.regions)) for path, picture in pictures.items()}


def _box_all(regions: Sequence[Region]) -> tuple[Region, ...]:
    return tuple(
        Region(
            region.category,
            box_around(
                zip(region.shape.parts[0][::2], region.shape.parts[0][1::2], strict=True), is_relative=True
            ),
        )
        if isinstance(region.shape, Polygons)
        else region
        for region in regions
    )


def _report_orphans(root: Path, stems: set[str], left_out: LeftOut) -> None:
    """Report text files in folders called ``labels`` whose pictures are not there."""
    for path in sorted(root.rglob("labels/**/*.txt")):
        if path.stem not in stems and path.name not in _NAME_FILES:
            left_out.add("a file of labels without its picture", path.relative_to(root).as_posix())


def read_class_folders(folder: Path, finder: PictureFinder) -> ForeignSet | None:
    """Read folders named after classes, below ``train``, ``val`` or not; None if there are none."""
    parts = [inner for inner in sorted(folder.iterdir()) if inner.is_dir()]
    divided = [inner for inner in parts if inner.name.lower() in PARTS]
    roots = [(inner.name, inner) for inner in divided] or [("", folder)]
    pictures = []
    for set_name, root in roots:
        for inner in sorted(root.iterdir()):
            if inner.is_dir():
                pictures += [
                    ForeignPicture(
                        path=path.resolve(),
                        name=finder.name_of(path.resolve()),
                        regions=(Region(inner.name),),
                        set_name=set_name,
                    )
                    for path in find_pictures_below(inner)
                    if finder.holds(path)
                ]
    classes = sorted({region.category for picture in pictures for region in picture.regions})
    return ForeignSet("folders of classes", tuple(pictures), tuple(classes)) if len(classes) > 1 else None


def _find_part(
    places: Any, described: Mapping[str, Any], folder: Path, finder: PictureFinder, left_out: LeftOut
) -> Iterator[Path]:
    """Yield the pictures of a part: a folder, a text file of names, or a list of both."""
    bases = _find_bases(described, folder, finder)
    for place in places if isinstance(places, list) else [places]:
        found = _find_place(str(place), bases, finder)
        if found is None:
            left_out.add(
                "the folder or list of pictures is not there, or leads out of the data set", str(place)
            )
        elif found.is_dir():
            yield from (path.resolve() for path in find_pictures_below(found) if finder.holds(path))
        else:
            for name in filter(None, map(str.strip, _read_text(found).splitlines())):
                picture = finder.find(name, (found.parent, *bases))
                if isinstance(picture, str):
                    left_out.add(picture, name)
                else:
                    yield picture


def _find_bases(described: Mapping[str, Any], folder: Path, finder: PictureFinder) -> list[Path]:
    """Return the folders from which paths may start; that of the author's machine counts by its last name."""
    told = str(described.get("path") or "")
    places = [folder / told, finder.root / told, folder / Path(told).name] if told else []
    return [place for place in (*places, folder, finder.root) if place.is_dir() and finder.holds(place)]


def _find_place(name: str, bases: Sequence[Path], finder: PictureFinder) -> Path | None:
    """Return the folder or list that ``name`` means.

    Roboflow writes ``../train`` for ``train``, and others the whole path on the author's machine: the end of
    such a path counts.
    """
    relative = name.replace("\\", "/")
    may_shorten = relative.startswith(("../", "/")) or PureWindowsPath(name).is_absolute()
    while relative:
        for base in bases:
            place = base / relative
            if finder.has(place):
                return place
        relative = relative.partition("/")[2] if may_shorten else ""
    return None


def _read_labels(
    picture: Path, names: Mapping[int, str], left_out: LeftOut, *, has_points: bool
) -> tuple[tuple[Region, ...], bool]:
    """Return the regions in the text file of a picture, and whether some could not be read."""
    file = _label_file(picture)
    if file is None:
        return (), False
    regions, is_incomplete = [], False
    for number, line in enumerate(_read_text(file).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            regions.append(_read_line(line.split(), names, has_points=has_points))
        except ShapeError as err:
            left_out.add(str(err), f"{file.name}: line {number}")
            is_incomplete = True
    return tuple(regions), is_incomplete


def _read_line(words: Sequence[str], names: Mapping[int, str], *, has_points: bool) -> Region:
    """Return the region of a line: a class and the numbers of a box or a polygon."""
    try:
        index, numbers = int(float(words[0])), [float(word) for word in words[1:]]
    except (ValueError, OverflowError):
        raise ShapeError("a line that holds something else than numbers") from None
    if index < 0 or (names and index not in names):
        raise ShapeError(f"a class that {len(names)} names do not reach")
    category = names.get(index, f"class {index}")
    if has_points or len(numbers) in {_BOX_NUMBERS, _BOX_NUMBERS + 1}:  # the fifth is a confidence
        return Region(category, box=_read_box(numbers[:_BOX_NUMBERS]))
    if len(numbers) < 2 * _CORNERS or len(numbers) % 2:
        raise ShapeError("a line of neither a box nor a polygon")
    if not _are_shares(numbers):
        raise ShapeError("a polygon with numbers outside of 0 to 1")
    return Region(category, shape=Polygons((tuple(numbers),), is_relative=True))


def _read_box(numbers: Sequence[float]) -> Box:
    if len(numbers) < _BOX_NUMBERS or not _are_shares(numbers):
        raise ShapeError("a box with numbers outside of 0 to 1, or too few")
    x, y, width, height = numbers
    return Box(x - width / 2, y - height / 2, width, height, is_relative=True)


def _are_shares(numbers: Sequence[float]) -> bool:
    return all(-_OUTSIDE <= number <= 1 + _OUTSIDE for number in numbers)


def _label_file(picture: Path) -> Path | None:
    """Return the text file of a picture: in ``labels`` for the path's last ``images``, or beside it."""
    parts = list(picture.parts)
    places = [picture.with_suffix(".txt")]
    if "images" in parts[:-1]:
        at = len(parts) - 2 - parts[-2::-1].index("images")
        places.insert(0, Path(*parts[:at], "labels", *parts[at + 1 :]).with_suffix(".txt"))
    return next((place for place in places if place.is_file()), None)


def _read_names(described: Mapping[str, Any], folder: Path, path: Path | None) -> dict[int, str]:
    given = described.get("names")
    if isinstance(given, list):
        return dict(enumerate(map(str, given)))
    if isinstance(given, dict):
        try:
            return {int(index): str(name) for index, name in given.items()}
        except ValueError as err:
            raise DatasetError(f"{path}: names are numbered by something else than whole numbers") from err
    if given:
        raise DatasetError(f"{path}: names is {given!r}, wanted a list or a number for each")
    for name in _NAME_FILES:
        if (folder / name).is_file():
            return dict(enumerate(filter(None, map(str.strip, _read_text(folder / name).splitlines()))))
    return {}


def _read_licence(described: Mapping[str, Any]) -> str:
    """Return the licence that the file names, as Roboflow and Ultralytics write it."""
    origin = described.get("roboflow")
    places = (described, origin if isinstance(origin, dict) else {})
    found = (place.get(key) for place in places for key in ("license", "licence"))
    return next((text for text in found if isinstance(text, str) and text), "")


def _part_of(picture: Path, root: Path) -> str:
    folders = picture.relative_to(root).parts[:-1]
    return next((folder for folder in folders if folder.lower() in PARTS), "")


def _read_text(path: Path) -> str:
    try:
        return read_text_file(path, _MAX_BYTES)
    except TextFileError as err:
        raise DatasetError(f"{path}: {err}") from err


def _read_yaml(path: Path) -> dict[str, Any]:
    """Return the keys of a YAML file, every scalar as text: a class may be called ``no``, or ``1.0``."""
    try:
        found = yaml.load(_read_text(path), Loader=yaml.BaseLoader)  # noqa: S506  # it makes texts alone
    except (yaml.YAMLError, RecursionError) as err:
        raise DatasetError(f"{path}: no YAML ({str(err).splitlines()[0]})") from err
    if not isinstance(found, dict):
        raise DatasetError(f"{path}: no keys in it, wanted names and train")
    return found


def _read_yaml_or_nothing(path: Path) -> dict[str, Any]:
    try:
        return _read_yaml(path)
    except DatasetError:
        if path.stem in _YAML_NAMES:
            raise  # its names would be lost
        return {}
