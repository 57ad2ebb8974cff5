"""Read Label Studio's JSON export: rectangles, polygons, brush strokes and choices."""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote, urlsplit

import msgspec

from converter.data.foreign.foreign_set import ForeignPicture, ForeignSet, Region
from converter.data.foreign.json_file import take_record
from converter.data.foreign.shapes import Box, Brush, Polygons, ShapeError, box_around
from edge_node.camera.picture import PICTURE_SUFFIXES
from edge_node.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from converter.data.foreign.foreign_set import LeftOut, Shape
    from converter.data.foreign.picture_finder import PictureFinder

KNOWN_PREFIX = "labels_"  # of the task's data, under which an export of ours writes columns of labels.csv
_PERCENT = 100.0
_SHAPES = ("rectangle", "ellipse", "polygon", "brush")  # how the types of results with a place begin
# Results that mark nothing: the labels of a shape of the same id, relations, remarks.
_NO_REGIONS = {"labels", "relation", "textarea", "rating", "number", "datetime"}
_LABELS_END, _CHOICES = "labels", "choices"  # rectanglelabels, ellipselabels, ...
Value: TypeAlias = dict[str, Any]


class Result(msgspec.Struct, frozen=True):
    """An element of an annotation's ``result``."""

    type: str = ""
    id: str = ""
    value: Value = {}
    original_width: float | None = None
    original_height: float | None = None
    image_rotation: float | None = 0


class Annotation(msgspec.Struct, frozen=True):
    """What one person said of a task."""

    result: list[Any] = []
    was_cancelled: bool | None = False
    skipped: bool | None = False
    ground_truth: bool | None = False


class Task(msgspec.Struct, frozen=True):
    """One picture with what people, and perhaps models, said of it."""

    data: dict[str, Any]
    id: int | str | None = None
    annotations: list[Any] | None = None
    completions: list[Any] | None = None  # before Label Studio 1.0
    file_upload: str | None = None


def is_label_studio(content: Any) -> bool:
    """Return whether a JSON file's content looks like Label Studio's export, or a task of it."""
    first = content[0] if isinstance(content, list) and content else content
    return isinstance(first, dict) and isinstance(first.get("data"), dict)


def is_label_studio_min(content: Any) -> bool:
    """Return whether it looks like Label Studio's shortened export, which lacks what is needed."""
    first = content[0] if isinstance(content, list) and content else None
    return (
        isinstance(first, dict)
        and "data" not in first
        and {"annotator", "annotation_id"} & first.keys() != set()
    )


def read_label_studio(content: Any, path: Path, finder: PictureFinder, left_out: LeftOut) -> ForeignSet:
    """Read the tasks of an export.

    Raises:
        DatasetError: it is the shortened form, or no export.
    """
    if is_label_studio_min(content):
        raise DatasetError(f"{path}: Label Studio's JSON-MIN does not hold what is needed; export it as JSON")
    if not is_label_studio(content):
        raise DatasetError(
            f"{path}: no export of Label Studio: wanted a list of tasks with data and annotations"
        )
    pictures = []
    for at, item in enumerate(content if isinstance(content, list) else [content]):
        task = take_record(item, Task)
        if isinstance(task, str):
            left_out.add(f"a task that is no Label Studio ({task})", f"number {at + 1}")
        elif (picture := _read_task(task, at, finder, left_out)) is not None:
            pictures.append(picture)
    categories = {region.category: None for picture in pictures for region in picture.regions}
    return ForeignSet("Label Studio", tuple(pictures), tuple(categories))


def _read_task(task: Task, at: int, finder: PictureFinder, left_out: LeftOut) -> ForeignPicture | None:
    where = f"task {task.id if task.id is not None else at + 1}"
    url = _find_url(task)
    if url is None:
        left_out.add("a task without a picture", where)
        return None
    found = finder.find_url(url)
    if isinstance(found, str):
        left_out.add(found, url[:200])
        return None
    chosen = _choose_annotation(task, where, left_out)
    if chosen is None:
        return None
    regions, size, is_incomplete = _read_results(chosen, where, left_out)
    known = {
        key.removeprefix(KNOWN_PREFIX): value
        for key, value in task.data.items()
        if key.startswith(KNOWN_PREFIX) and isinstance(value, str)
    }
    return ForeignPicture(
        path=found,
        name=finder.name_of(found),
        regions=regions,
        size_px=size,
        licence=known.get("licence", ""),
        known=known,
        is_incomplete=is_incomplete,
    )


def _find_url(task: Task) -> str | None:
    """Return the address of the task's picture: ``image``, or the first value that looks like one."""
    texts = {key: value for key, value in task.data.items() if isinstance(value, str)}
    if "image" in texts:
        return texts["image"]
    for key, value in texts.items():
        parts = urlsplit(value)
        last = PurePosixPath(unquote(parts.query.rpartition("=")[2] or parts.path))
        if last.suffix.lower() in PICTURE_SUFFIXES and not key.startswith(KNOWN_PREFIX):
            return value
    return task.file_upload


def _choose_annotation(task: Task, where: str, left_out: LeftOut) -> Annotation | None:
    """Return the annotation that counts: the one marked as ground truth, or what all people agree on."""
    given = [take_record(item, Annotation) for item in (task.annotations or task.completions or [])]
    valid = [one for one in given if not isinstance(one, str) and not (one.was_cancelled or one.skipped)]
    if not given:
        left_out.add("nobody annotated the task", where)
    elif not valid:
        left_out.add("the task was skipped", where)
    if not valid:
        return None
    truths = [one for one in valid if one.ground_truth]
    counted = truths or valid
    if any(_normalise(one) != _normalise(counted[0]) for one in counted[1:]):
        left_out.add("several annotations of a task differ; mark the right one as ground truth", where)
        return None
    return counted[0]


def _normalise(annotation: Annotation) -> list[str]:
    """Return what an annotation says, without ids and times, so that two can be compared."""
    results = (take_record(item, Result) for item in annotation.result)
    return sorted(repr((one.type, one.value)) for one in results if not isinstance(one, str))


def _read_results(
    annotation: Annotation, where: str, left_out: LeftOut
) -> tuple[tuple[Region, ...], tuple[int, int] | None, bool]:
    """Return regions, the size of the picture that they are of, and whether some could not be read."""
    regions: list[Region] = []
    size: tuple[int, int] | None = None
    is_incomplete = False
    results = [
        one for one in (take_record(item, Result) for item in annotation.result) if isinstance(one, Result)
    ]
    if len(results) < len(annotation.result):
        left_out.add("a result that is no Label Studio", where)
        is_incomplete = True
    labels_by_id = _labels_by_id(results)
    shapes = {one.id: one for one in results if one.id and one.type.startswith(_SHAPES)}
    for result in results:
        if result.original_width and result.original_height:
            size = int(result.original_width), int(result.original_height)
        if result.type in _NO_REGIONS:
            continue
        try:
            regions += _make_regions(result, labels_by_id, shapes.get(result.id, result))
        except ShapeError as err:
            left_out.add(str(err), where)
            is_incomplete = True
    return tuple(regions), size, is_incomplete


def _labels_by_id(results: Iterable[Result]) -> Mapping[str, list[str]]:
    """Return labels by region: separate tags for shape and label make results of one id."""
    found: dict[str, list[str]] = defaultdict(list)
    for result in results:
        found[result.id] += [label for label in _labels_of(result.value) if label not in found[result.id]]
    return found


def _labels_of(value: Value) -> list[str]:
    paths = ["/".join(map(str, path)) for path in value.get("taxonomy") or () if isinstance(path, list)]
    given = [value[key] or () for key in value if key.endswith(_LABELS_END) or key == _CHOICES]
    return [str(label) for labels in given for label in labels] + paths


def _make_regions(result: Result, labels_by_id: Mapping[str, Sequence[str]], place: Result) -> list[Region]:
    """Return a region for each label of a result; a choice about a region has that region's ``place``."""
    labels = _labels_of(result.value) or (labels_by_id.get(result.id, []) if result.id else [])
    if result.image_rotation:
        raise ShapeError("a region on a picture that was turned in Label Studio")
    if not labels:
        raise ShapeError("a region without a label")
    try:
        box, shape = _read_place(place)
    except (KeyError, TypeError, ValueError) as err:
        if isinstance(err, ShapeError):
            raise
        raise ShapeError(f"a region of {result.type or 'no type'} that is damaged") from err
    return [Region(label, box, shape) for label in labels]


def _read_place(result: Result) -> tuple[Box | None, Shape | None]:
    """Return the box or the shape of a result; choices have neither."""
    kind, value = result.type, result.value
    if kind.startswith(("choices", "taxonomy")):
        return None, None
    if kind.startswith("rectangle"):
        if value.get("rotation"):
            return _box_turned(result), None
        left, top, width, height = (float(value[key]) / _PERCENT for key in ("x", "y", "width", "height"))
        return Box(left, top, width, height, is_relative=True), None
    if kind.startswith("ellipse"):
        across, down, half, tall = (float(value[key]) / _PERCENT for key in ("x", "y", "radiusX", "radiusY"))
        most = max(half, tall) if value.get("rotation") else 0.0  # turned, it reaches no further
        half, tall = max(half, most), max(tall, most)
        return Box(across - half, down - tall, 2 * half, 2 * tall, is_relative=True), None
    if kind.startswith("polygon"):
        corners = tuple(float(number) / _PERCENT for point in value["points"] for number in point)
        return None, Polygons((corners,), is_relative=True)
    if kind.startswith("brush"):
        size = int(result.original_height or 0), int(result.original_width or 0)
        return None, Brush(size, bytes(value["rle"]))
    raise ShapeError(f"a region of a kind that is not read ({kind})")


def _box_turned(result: Result) -> Box:
    """Return the upright box around a rectangle that is turned about its upper left corner."""
    if not result.original_width or not result.original_height:
        raise ShapeError("a turned rectangle")  # of a picture whose size is not told
    value, width_px, height_px = result.value, result.original_width, result.original_height
    left, top = float(value["x"]) * width_px, float(value["y"]) * height_px
    across, down = float(value["width"]) * width_px, float(value["height"]) * height_px
    angle = math.radians(float(value["rotation"]))
    corners = [
        (
            (left + x * math.cos(angle) - y * math.sin(angle)) / width_px / _PERCENT,
            (top + x * math.sin(angle) + y * math.cos(angle)) / height_px / _PERCENT,
        )
        for x, y in ((0, 0), (across, 0), (across, down), (0, down))
    ]
    return box_around(corners, is_relative=True)
