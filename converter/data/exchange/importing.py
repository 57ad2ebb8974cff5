"""Import a data set of another tool: pictures, masks and ``labels.csv``, all or nothing."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import cv2
import msgspec
import numpy as np

from converter.data.dataset import CORRODED, UNCORRODED
from converter.data.exchange.category_map import needs_condition
from converter.data.exchange.grouping import View, find_groups
from converter.data.exchange.picture_labels import label_crop, label_picture
from converter.data.foreign.shapes import ShapeError
from converter.data.near_duplicates import hash_view
from converter.data.picture_facts import PictureFacts, read_facts, turn_to_shown, turn_to_stored
from edge_node.camera.picture import decode_picture, read_content
from edge_node.errors import DatasetError, UnreadablePictureError
from edge_node.messages.labels_csv import COLUMNS, LABELS_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from converter.data.exchange.category_map import CategoryMap
    from converter.data.exchange.picture_labels import Labelled
    from converter.data.foreign.foreign_set import ForeignPicture, ForeignSet, LeftOut

REPORT_NAME = "import.json"
TABLE_COLUMNS = (*COLUMNS, "metal")
_PICTURES, _MASKS = "pictures", "masks"
_CELLS = {CORRODED: "1", UNCORRODED: "0"}
_LEAST_CROP_PX = 32  # a smaller one is enlarged seven times for a model, and shows nothing


@dataclass(frozen=True, slots=True)
class ImportOrder:
    """What a person asks for.

    Attributes:
        out: the new folder.
        category_map: as confirmed.
        source: of pictures whose file names none.
        licence: of pictures whose file names none.
        set_name: of pictures whose file names no part.
        crops: whether each box is cut out as a picture of its own.
        is_stored_orientation: whether positions are meant before pictures are turned by EXIF, where sizes do
            not tell; None: as the format has it.
    """

    out: Path
    category_map: CategoryMap
    source: str = ""
    licence: str = ""
    set_name: str = ""
    crops: bool = False
    is_stored_orientation: bool | None = None


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a data set; written as ``import.json``."""

    tool: str
    source: str
    pictures: int
    masks: int
    crops: int
    boxes: int
    turned: int
    groups: int
    joined: dict[str, int]
    conditions: dict[str, int]
    categories: dict[str, dict[str, str]]
    left_out: dict[str, tuple[str, ...]]


@dataclass(slots=True)
class _Written:
    """What an import has written so far."""

    rows: list[dict[str, str]] = field(default_factory=list)
    views: list[View] = field(default_factory=list)
    digests: dict[str, tuple[str, Mapping[str, str]]] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    crops: int = 0
    turned: int = 0

    def name_file(self, name: str) -> str:
        """Return the path of a picture in the new folder: what an import wrote keeps its path."""
        file = f"{_PICTURES}/{name.removeprefix(f'{_PICTURES}/')}"
        file = file if file not in self.files else f"{_PICTURES}/{name}"
        self.files.add(file)
        return file


def find_questions(found: ForeignSet, order: ImportOrder) -> list[str]:
    """Return what a person has to say before the import, each in a sentence."""
    questions = []
    without = sum(not (picture.licence or order.licence) for picture in found.pictures)
    if without:
        questions.append(
            f"the licence of {without} pictures is not known; give it with --licence 'CC BY 4.0' or the like,"
            " or --licence unknown"
        )
    if not (order.source or found.source or all(one.known.get("source") for one in found.pictures)):
        questions.append("give where the pictures come from with --source, in a word or two")
    silent = sum(needs_condition(picture, order.category_map) for picture in found.pictures)
    has_regions = any(region.kind != "pictures" for picture in found.pictures for region in picture.regions)
    if silent and has_regions and order.category_map.without_corrosion == "?":
        questions.append(
            f"{silent} pictures have no mark of corrosion; write into the map"
            ' without_corrosion = "uncorroded" if people looked at them, or "nothing" if nobody knows'
        )
    return questions


def import_set(
    found: ForeignSet,
    order: ImportOrder,
    left_out: LeftOut,
    on_done: Callable[[int, int], None] = lambda _done, _all: None,
) -> ImportReport:
    """Write pictures, masks, ``labels.csv`` and ``import.json`` into a new folder.

    Args:
        found: what was read.
        order: what is asked for.
        left_out: collects what is left out.
        on_done: called with the number of pictures that are done, and of all.

    Raises:
        DatasetError: the folder is there already, or cannot be written, or no picture is left.
    """
    if order.out.exists() and (not order.out.is_dir() or any(order.out.iterdir())):
        raise DatasetError(f"{order.out}: is there already and not empty; name a new folder")
    try:
        order.out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".import-", dir=order.out.parent) as temporary:
            folder = Path(temporary) / "set"
            folder.mkdir()
            written = _Written()
            for done, picture in enumerate(found.pictures, start=1):
                _import_picture(picture, order, folder, written, left_out)
                on_done(done, len(found.pictures))
            if not written.rows:
                reason = next(iter(left_out.names), "nothing is left")
                raise DatasetError(f"no picture is left to import: {reason}")
            report = _finish(found, order, folder, written, left_out)
            folder.rename(order.out)
    except OSError as err:
        raise DatasetError(f"{order.out}: cannot be written ({err.strerror or err})") from err
    return report


def _import_picture(
    picture: ForeignPicture, order: ImportOrder, folder: Path, written: _Written, left_out: LeftOut
) -> None:
    """Write one picture with its mask, or its crops, and add their rows."""
    try:
        content = read_content(picture.path)
        pixels = decode_picture(content, picture.name)
    except UnreadablePictureError as err:
        left_out.add(_reason_of(err, picture), picture.name)
        return
    facts = read_facts(content, pixels)
    shape, is_stored = _find_shape(picture, facts, pixels, order)
    if shape is None:
        left_out.add("marks for a picture of another size", picture.name)
        return
    boxes = [region for region in picture.regions if region.kind == "boxes"]
    if order.crops and boxes:
        _write_crops(picture, order, folder, pixels, facts, written, left_out, is_stored=is_stored)
        return
    labelled = label_picture(picture, order.category_map, shape, left_out)
    if isinstance(labelled, str):
        left_out.add(labelled, picture.name)
        return
    digest = hashlib.sha256(content).hexdigest()
    if earlier := written.digests.get(digest):
        differ = "" if earlier[1] == labelled.labels else ", with other labels: see which are right"
        left_out.add(f"a second copy of a picture{differ}", f"{picture.name} (as {earlier[0]})")
        return
    written.digests[digest] = picture.name, labelled.labels
    written.turned += facts.orientation != 1
    file = written.name_file(picture.name)
    _write(folder / file, content)
    mask = _write_mask(labelled, file, folder, facts.orientation if is_stored else 1)
    for note in labelled.notes:
        left_out.add(note, picture.name)
    _add_row(written, picture, order, (file, mask, labelled.labels), (digest, pixels, facts))


def _write_crops(  # noqa: PLR0913, PLR0917  # the parts of one picture that is being imported
    picture: ForeignPicture,
    order: ImportOrder,
    folder: Path,
    pixels: NDArray[np.uint8],
    facts: PictureFacts,
    written: _Written,
    left_out: LeftOut,
    *,
    is_stored: bool,
) -> None:
    """Cut out each box that means something, and add its row."""
    orientation = facts.orientation if is_stored else 1
    stored = turn_to_stored(pixels, orientation)
    name = PurePosixPath(picture.name)
    for number, region in enumerate(picture.regions, start=1):
        labels = label_crop(region, order.category_map)
        if region.box is None or region.shape is not None or not labels:
            continue
        try:
            left, top, right, bottom = region.box.corners_px(stored.shape[0], stored.shape[1])
        except ShapeError as err:
            left_out.add(str(err), picture.name)
            continue
        if min(right - left, bottom - top) < _LEAST_CROP_PX:
            left_out.add(f"a box of fewer than {_LEAST_CROP_PX} px", picture.name)
            continue
        crop = np.ascontiguousarray(turn_to_shown(stored[top:bottom, left:right], orientation)).astype(
            np.uint8
        )
        file = written.name_file(f"{name.with_suffix('').as_posix()}-box{number}.png")
        content = cv2.imencode(".png", crop)[1].tobytes()
        _write(folder / file, content)
        written.crops += 1
        _add_row(
            written, picture, order, (file, "", labels), (hashlib.sha256(content).hexdigest(), pixels, facts)
        )


def _add_row(
    written: _Written,
    picture: ForeignPicture,
    order: ImportOrder,
    result: tuple[str, str, Mapping[str, str]],
    seen: tuple[str, NDArray[np.uint8], PictureFacts],
) -> None:
    file, mask, labels = result
    digest, pixels, facts = seen
    known = picture.known
    row = {
        **{column: _CELLS.get(value, value) for column, value in labels.items()},
        "file": file,
        "mask": mask,
        "set": known.get("set") or picture.set_name or order.set_name,
        "source": known.get("source") or order.source,
        "licence": picture.licence or order.licence,
    }
    written.rows.append(row)
    written.views.append(
        View(picture.name, digest, hash_view(pixels), known.get("group", ""), facts.camera, facts.taken_at)
    )


def _find_shape(
    picture: ForeignPicture, facts: PictureFacts, pixels: NDArray[np.uint8], order: ImportOrder
) -> tuple[tuple[int, int] | None, bool]:
    """Return height and width that positions are meant in, and whether those are the stored ones.

    The size that the other tool names tells it; where both orientations have that size, its habit does.
    """
    shown, stored = (pixels.shape[0], pixels.shape[1]), facts.stored_size(pixels.shape)
    habit = (
        picture.is_stored_orientation if order.is_stored_orientation is None else order.is_stored_orientation
    )
    fallback = (stored if habit else shown), habit and facts.orientation != 1
    if picture.size_px is None:
        return fallback
    told = picture.size_px[1], picture.size_px[0]
    if told not in {shown, stored}:
        return None, False
    if shown == stored:
        return fallback
    return told, told == stored


def _write_mask(labelled: Labelled, file: str, folder: Path, orientation: int) -> str:
    """Write a mask as people see the picture; return its name, empty where there is none."""
    if labelled.mask is None:
        return ""
    name = f"{_MASKS}/{file.removeprefix(f'{_PICTURES}/')}.png"
    pixels = np.ascontiguousarray(turn_to_shown(labelled.mask, orientation)).astype(np.uint8) * 255
    _write(folder / name, cv2.imencode(".png", pixels)[1].tobytes())
    return name


def _finish(
    found: ForeignSet, order: ImportOrder, folder: Path, written: _Written, left_out: LeftOut
) -> ImportReport:
    """Find groups, and write the table and the report."""
    prefix = re.sub(r"[^\w.-]+", "-", order.source or "imported")
    groups = find_groups(written.views, prefix)
    for row, group in zip(written.rows, groups.names, strict=True):
        row["group"] = group
    boxes = sum(region.kind == "boxes" for picture in found.pictures for region in picture.regions)
    report = ImportReport(
        tool=found.tool,
        source=order.source or found.source,
        pictures=len(written.rows),
        masks=sum(bool(row["mask"]) for row in written.rows),
        crops=written.crops,
        boxes=boxes,
        turned=written.turned,
        groups=len(set(groups.names)),
        joined=groups.joined,
        conditions=dict(Counter(_name_condition(row) for row in written.rows)),
        categories={name: dict(columns) for name, columns in order.category_map.columns.items()},
        left_out=dict(left_out.names),
    )
    _write(folder / REPORT_NAME, msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    _write(folder / LABELS_NAME, format_table(written.rows).encode())
    return report


def format_table(rows: list[dict[str, str]]) -> str:
    """Return rows as the text of a ``labels.csv``, sorted by file."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, TABLE_COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted(rows, key=lambda row: row["file"]))
    return text.getvalue()


def iter_summary(report: ImportReport, out: Path, *, most_shown: int = 3) -> Iterator[str]:
    """Yield what became of a data set, in lines."""
    told = ", ".join(f"{count} {name}" for name, count in sorted(report.conditions.items()))
    yield f"{report.pictures} pictures of {report.tool}, {report.masks} masks: {out / LABELS_NAME}"
    yield f"  {told}"
    joined = ", ".join(f"{count} joined by {reason}" for reason, count in report.joined.items())
    yield f"  {report.groups} groups{f' ({joined})' if joined else ''}"
    if report.boxes:
        made = f"cut out as {report.crops} pictures" if report.crops else "taken as labels of their pictures"
        yield f"  {report.boxes} boxes {made}: a box is not a mask, none of its pixels counts as corroded"
    if report.turned:
        yield f"  {report.turned} pictures are turned by their EXIF data; masks are turned with them"
    total = sum(len(names) for names in report.left_out.values())
    if total:
        yield f"left out ({REPORT_NAME} names all {total}):"
    for reason, names in report.left_out.items():
        more = ", ..." if len(names) > most_shown else ""
        yield f"  {len(names)}  {reason}: {', '.join(names[:most_shown])}{more}"


def _name_condition(row: Mapping[str, str]) -> str:
    if row.get("metal") == "other":
        return "no metal"
    return {"1": CORRODED, "0": UNCORRODED}.get(row.get("corroded", ""), "of unknown condition")


def _reason_of(err: UnreadablePictureError, picture: ForeignPicture) -> str:
    """Return why a picture cannot be read, without its name, so that equal reasons are counted together."""
    text = str(err).replace(str(picture.path), "").replace(picture.name, "").strip(": ")
    return f"unreadable: {text}"


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
