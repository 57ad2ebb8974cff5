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
from converter.data.exchange.category_map import OPEN, needs_condition
from converter.data.exchange.grouping import View, find_groups
from converter.data.exchange.import_report import REPORT_NAME, ImportReport
from converter.data.exchange.picture_labels import label_crop, label_picture
from converter.data.foreign.shapes import ShapeError
from converter.data.mask_values import make_mask
from converter.data.near_duplicates import hash_view
from converter.data.picture_facts import UPRIGHT, PictureFacts, read_facts, turn_to_shown, turn_to_stored
from edge_node.camera.picture import decode_picture, read_content
from edge_node.errors import DatasetError, UnreadablePictureError
from edge_node.labels_csv import COLUMNS, LABELS_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from converter.data.exchange.category_map import CategoryMap
    from converter.data.exchange.picture_labels import Labelled
    from converter.data.foreign.foreign_set import ForeignPicture, ForeignSet, LeftOut

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
    if silent and order.category_map.without_corrosion == OPEN:
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
        destination = order.out.resolve()
        destination.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".import-", dir=destination.parent) as temporary:
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
            folder.rename(destination)
    except OSError as err:
        raise DatasetError(f"{order.out}: cannot be written ({err.strerror or err})") from err
    return report


@dataclass(slots=True)
class _Written:
    """What an import has written so far."""

    rows: list[dict[str, str]] = field(default_factory=list)
    views: list[View] = field(default_factory=list)
    digests: dict[str, tuple[str, Mapping[str, str]]] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    crops: int = 0
    turned: int = 0
    turned_by_habit: int = 0

    def name_file(self, name: str) -> str:
        """Return the path of a picture in the new folder: what an import wrote keeps its path."""
        file = f"{_PICTURES}/{name.removeprefix(f'{_PICTURES}/')}"
        file = file if file not in self.files else f"{_PICTURES}/{name}"
        self.files.add(file)
        return file


@dataclass(frozen=True, slots=True)
class _Read:
    """A picture of the other tool, read.

    Attributes:
        foreign: what the other tool says of it.
        content: its file.
        pixels: as shown.
        facts: of its EXIF data.
        shape: height and width that positions are meant in.
        orientation: from positions to the shown picture, as EXIF numbers it.
        by_habit: whether nothing but the tool's habit tells how its positions are meant.
    """

    foreign: ForeignPicture
    content: bytes = field(repr=False)
    pixels: NDArray[np.uint8] = field(repr=False)
    facts: PictureFacts
    shape: tuple[int, int]
    orientation: int
    by_habit: bool


def _import_picture(
    picture: ForeignPicture, order: ImportOrder, folder: Path, written: _Written, left_out: LeftOut
) -> None:
    """Write one picture with its mask, or its crops, and add their rows."""
    try:
        read = _read_picture(picture, order)
    except UnreadablePictureError as err:
        left_out.add(_reason_of(err, picture), picture.name)
        return
    if read is None:
        left_out.add("marks for a picture of another size", picture.name)
    elif order.crops and any(region.kind == "boxes" for region in picture.regions):
        _write_crops(read, order, folder, written, left_out)
    else:
        _write_picture(read, order, folder, written, left_out)


def _read_picture(picture: ForeignPicture, order: ImportOrder) -> _Read | None:
    """Read a picture, and find how its positions are meant; None if they are of another size.

    The size that the other tool names tells it; where both orientations have that size, its habit does.
    """
    content = read_content(picture.path)
    pixels = decode_picture(content, picture.name)
    facts = read_facts(content, pixels)
    shown, stored = (pixels.shape[0], pixels.shape[1]), facts.stored_size(pixels.shape)
    is_stored = order.is_stored_orientation
    if is_stored is None:
        is_stored = picture.is_stored_orientation
    if picture.size_px is not None:
        told = picture.size_px[1], picture.size_px[0]
        if told not in {shown, stored}:
            return None
        if shown != stored:
            is_stored = told == stored
    shape, orientation = (stored, facts.orientation) if is_stored else (shown, UPRIGHT)
    is_told = order.is_stored_orientation is not None or (picture.size_px is not None and shown != stored)
    by_habit = not is_told and any(region.kind != "pictures" for region in picture.regions)
    return _Read(picture, content, pixels, facts, shape, orientation, by_habit)


def _write_picture(
    read: _Read, order: ImportOrder, folder: Path, written: _Written, left_out: LeftOut
) -> None:
    """Write a picture with its mask, and add its row, unless it is a copy or nothing is said of it."""
    picture = read.foreign
    labelled = label_picture(picture, order.category_map, read.shape, left_out)
    if isinstance(labelled, str):
        left_out.add(labelled, picture.name)
        return
    digest = hashlib.sha256(read.content).hexdigest()
    if earlier := written.digests.get(digest):
        differ = "" if earlier[1] == labelled.labels else ", with other labels: see which are right"
        left_out.add(f"a second copy of a picture{differ}", f"{picture.name} (as {earlier[0]})")
        return
    written.digests[digest] = picture.name, labelled.labels
    written.turned += read.facts.orientation != UPRIGHT
    written.turned_by_habit += read.facts.orientation != UPRIGHT and read.by_habit
    file = written.name_file(picture.name)
    _write(folder / file, read.content)
    mask = _write_mask(labelled, file, folder, read.orientation)
    for note in labelled.notes:
        left_out.add(note, picture.name)
    row = {"file": file, "mask": mask, **labelled.labels}
    _add_row(written, row, digest, read, order)


def _write_crops(read: _Read, order: ImportOrder, folder: Path, written: _Written, left_out: LeftOut) -> None:
    """Cut out each box that means something, and add its row."""
    picture = read.foreign
    if any(region.kind == "masks" for region in picture.regions):
        left_out.add("masks on a picture whose boxes are cut out", picture.name)
    positioned = turn_to_stored(read.pixels, read.orientation)
    stem = PurePosixPath(picture.name).with_suffix("").as_posix()
    for number, region in enumerate(picture.regions, start=1):
        labels = label_crop(region, order.category_map)
        if region.box is None or region.shape is not None or not labels:
            continue
        try:
            left, top, right, bottom = region.box.corners_px(*read.shape)
        except ShapeError as err:
            left_out.add(str(err), picture.name)
            continue
        if min(right - left, bottom - top) < _LEAST_CROP_PX:
            left_out.add(f"a box of fewer than {_LEAST_CROP_PX} px", picture.name)
            continue
        crop = np.ascontiguousarray(turn_to_shown(positioned[top:bottom, left:right], read.orientation))
        file = written.name_file(f"{stem}-box{number}.png")
        content = cv2.imencode(".png", crop.astype(np.uint8))[1].tobytes()
        _write(folder / file, content)
        written.crops += 1
        _add_row(written, {"file": file, **labels}, hashlib.sha256(content).hexdigest(), read, order)


def _add_row(written: _Written, row: Mapping[str, str], digest: str, read: _Read, order: ImportOrder) -> None:
    picture, facts = read.foreign, read.facts
    known = picture.known
    origin = {
        "set": known.get("set") or picture.set_name or order.set_name,
        "source": known.get("source") or order.source,
        "licence": picture.licence or order.licence,
    }
    written.rows.append({column: _CELLS.get(value, value) for column, value in row.items()} | origin)
    group = known.get("group", "")
    written.views.append(
        View(picture.name, digest, hash_view(read.pixels), group, facts.camera, facts.taken_at)
    )


def _write_mask(labelled: Labelled, file: str, folder: Path, orientation: int) -> str:
    """Write a mask as people see the picture; return its name, empty where there is none."""
    if labelled.mask is None:
        return ""
    name = f"{_MASKS}/{file.removeprefix(f'{_PICTURES}/')}.png"
    mask = make_mask(labelled.mask, labelled.unknown)
    pixels = np.ascontiguousarray(turn_to_shown(mask, orientation))
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
        masks=sum(bool(row.get("mask")) for row in written.rows),
        crops=written.crops,
        boxes=boxes,
        turned=written.turned,
        turned_by_habit=written.turned_by_habit,
        groups=len(set(groups.names)),
        joined=groups.joined,
        conditions=dict(Counter(_name_condition(row) for row in written.rows)),
        categories={name: dict(columns) for name, columns in order.category_map.columns.items()},
        left_out=dict(left_out.names),
    )
    _write(folder / REPORT_NAME, msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    _write(folder / LABELS_NAME, _format_table(written.rows).encode())
    return report


def _format_table(rows: list[dict[str, str]]) -> str:
    """Return rows as the text of a ``labels.csv``, sorted by file."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, TABLE_COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted(rows, key=lambda row: row["file"]))
    return text.getvalue()


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
