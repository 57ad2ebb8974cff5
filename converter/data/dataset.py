"""Load labelled pictures from a ``labels.csv`` or from folders named after classes.

An empty cell means unknown; stages that need the column leave the row out.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from edge_node.camera.picture import PICTURE_SUFFIXES, PicturePage, decode_judged
from edge_node.errors import DatasetError, UnreadablePictureError
from edge_node.labels_csv import LABELS_NAME, MAX_TABLE_BYTES
from edge_node.text_file import TextFileError, read_text_file

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

# Column of ``Sample.labels`` that holds the name of a class folder.
FOLDER_COLUMN = "label"
LABEL_COLUMNS = ("material", "finish", "corroded", "severity", "form", "metal")
CORRODED, UNCORRODED = "corroded", "uncorroded"
METAL, OTHER = "metal", "other"
SPECIMENS_SOURCE = "rendered"  # source of the pictures of ``converter specimens``
_CORRODED_CELLS = {"1": CORRODED, "0": UNCORRODED, CORRODED: CORRODED, UNCORRODED: UNCORRODED, "": ""}
_PROBLEMS_SHOWN = 5
# TensorFlow for Poets: names of pictures of one subject are equal before this text.
_SAME_SUBJECT = "_nohash_"


class Origin(NamedTuple):
    """Where a picture comes from, and its licence, as its row says; empty where it says nothing."""

    source: str
    licence: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture and its labels.

    Attributes:
        path: the file.
        group: the specimen, site or series; never split between sets. Empty where it is not known.
        source: its origin; whole sources can be left out.
        set_name: the part of the data set that it belongs to; empty without parts.
        licence: as in its row.
        labels: column -> value, without unknown ones; ``corroded`` is ``CORRODED`` or ``UNCORRODED``.
        mask: a grey picture of the same view, 255 where corroded, 127 where nobody labelled it, or None.
    """

    path: Path
    group: str
    source: str = ""
    set_name: str = ""
    licence: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    mask: Path | None = None

    @property
    def specimen(self) -> str:
        """The group; where it is not known the file's path, which makes the picture a group of its own."""
        return self.group or str(self.path)

    @property
    def sha256(self) -> str:
        """The SHA-256 of the file's bytes, as hexadecimal digits.

        Raises:
            DatasetError: it cannot be read.
        """
        return hashlib.sha256(_read_bytes(self.path)).hexdigest()

    def read(self) -> NDArray[np.uint8]:
        """Read the picture, of a robot's evidence the part that it judged; uint8 BGR ``(height, width, 3)``.

        Raises:
            DatasetError: it is missing, cut off or no picture.
        """
        try:
            return decode_judged(_read_bytes(self.path), str(self.path))
        except UnreadablePictureError as err:
            said = str(err).removesuffix("; copy it again")
            raise DatasetError(f"{said}; remove it, or copy it again") from err

    def read_mask(self, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
        """Read the mask, resized to ``shape`` ``(height, width, ...)``, uint8; None where there is none.

        It lies over the picture as it is in the file; a robot's evidence is turned and cut as in ``read``.

        Raises:
            DatasetError: it is missing or no picture.
        """
        if self.mask is None:
            return None
        pixels = cv2.imdecode(np.frombuffer(_read_bytes(self.mask), np.uint8), cv2.IMREAD_GRAYSCALE)
        if pixels is None:
            raise DatasetError(f"{self.mask}: no picture, wanted the mask of {self.path.name}")
        if (view := PicturePage(str(self.path), None, _read_bytes(self.path)).view()) is not None:
            pixels = view.carry_mask(np.asarray(pixels, np.uint8))
        resized = cv2.resize(pixels, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST)
        return np.asarray(resized, np.uint8)


def load_dataset(path: Path, admits: Callable[[Origin], bool] = lambda _origin: True) -> tuple[Sample, ...]:
    """Load the samples of a ``labels.csv``, of the folder that holds one, or of folders named after classes.

    For a folder one or two levels below a ``labels.csv``, only the rows of that folder are loaded.

    Args:
        path: the table or the folder.
        admits: whether rows of an origin are loaded; nothing of other rows is looked at, not even whether
            their files exist.

    Raises:
        DatasetError: nothing there, no pictures, or rows that cannot be used.
    """
    if (table := find_table(path)) is not None:
        return _load_csv(table, admits)
    if (part := _load_part_of_set(path, admits)) is not None:
        return part
    if path.is_dir():
        samples = _load_folders(path)
        return samples if admits(Origin("", "")) else ()
    raise DatasetError(f"{path}: nothing there; wanted {LABELS_NAME} or a folder with a folder per class")


def list_origins(path: Path) -> Counter[Origin]:
    """Return source and licence of the rows that ``load_dataset`` would load, with the rows of each.

    Only the table is read; of folders named after classes, which have none, the pictures are counted.

    Raises:
        DatasetError: nothing there, or no table.
    """
    table = find_table(path)
    if table is None:
        return Counter(Origin(sample.source, sample.licence) for sample in load_dataset(path))
    return Counter(_read_origin(row) for row in _read_rows(table))


def find_table(path: Path) -> Path | None:
    """Return the ``labels.csv`` that a path names, or of the folder that it names; None if there is none."""
    if path.is_file():
        return path
    table = path / LABELS_NAME
    return table if table.is_file() else None


def load_usable(path: Path) -> tuple[tuple[Sample, ...], tuple[str, ...]]:
    """Load the samples of a data set whose rows can be used, and what is wrong with the other rows.

    Raises:
        DatasetError: nothing there, no pictures, or no table.
    """
    table = find_table(path)
    if table is None:
        return load_dataset(path), ()
    rows = list(enumerate(_read_rows(table), start=2))
    problems = list(_find_problems(table, rows))
    bad = {line for line, _ in problems}
    usable = [row for line, row in rows if line not in bad]
    return tuple(_parse_row(table.parent, row) for row in usable), tuple(_format_problems(problems))


def add_choice_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``--set`` and ``--source``, by which ``choose_samples`` chooses."""
    for name in ("set", "source"):
        parser.add_argument(
            f"--{name}",
            action="append",
            default=[],
            dest=f"{name}s",
            metavar=name.upper(),
            help=f"use only pictures of this {name}; may be given several times",
        )


def choose_samples(
    samples: Sequence[Sample], sets: Sequence[str], sources: Sequence[str]
) -> tuple[Sample, ...]:
    """Return the samples of the named sets and sources; all if none is named.

    Raises:
        DatasetError: there is no such sample.
    """
    left = tuple(
        sample
        for sample in samples
        if (not sets or sample.set_name in sets) and (not sources or sample.source in sources)
    )
    if not left:
        known = sorted({name for sample in samples for name in (sample.set_name, sample.source)} - {""})
        raise DatasetError(f"no picture of {', '.join((*sets, *sources))}; known are {', '.join(known)}")
    return left


def hash_dataset(samples: Iterable[Sample]) -> str:
    """Return the SHA-256 over pictures and labels, independent of their order."""
    rows = sorted(f"{sample.sha256} {sorted(sample.labels.items())}" for sample in samples)
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def read_class_name(name: str) -> str:
    """Return the label of a folder's name, as TensorFlow for Poets wrote it: lower case and spaces."""
    return re.sub(r"[^a-z0-9]+", " ", name.lower()).strip()


def _load_part_of_set(path: Path, admits: Callable[[Origin], bool]) -> tuple[Sample, ...] | None:
    """Load the samples of a folder below a ``labels.csv``; None where no row is of this folder."""
    folder = path.resolve()
    for parent in list(folder.parents)[:2] if path.is_dir() else ():
        if (parent / LABELS_NAME).is_file():
            samples = _load_csv(parent / LABELS_NAME, admits)
            part = tuple(sample for sample in samples if sample.path.resolve().is_relative_to(folder))
            return part or None
    return None


def _load_csv(path: Path, admits: Callable[[Origin], bool]) -> tuple[Sample, ...]:
    rows = [(line, row) for line, row in enumerate(_read_rows(path), start=2) if admits(_read_origin(row))]
    if problems := list(_format_problems(_find_problems(path, rows))):
        more = f" (and {len(problems) - _PROBLEMS_SHOWN} more)" if len(problems) > _PROBLEMS_SHOWN else ""
        raise DatasetError(f"{path}: {'; '.join(problems[:_PROBLEMS_SHOWN])}{more}")
    return tuple(_parse_row(path.parent, row) for _, row in rows)


def _read_origin(row: Mapping[str, str]) -> Origin:
    return Origin(row.get("source") or "", row.get("licence") or "")


def _read_rows(path: Path) -> list[dict[str, str]]:
    try:
        reader = csv.DictReader(io.StringIO(read_text_file(path, MAX_TABLE_BYTES), newline=""))
        columns = reader.fieldnames or []
        if "file" not in columns or not set(columns) & {*LABEL_COLUMNS, FOLDER_COLUMN}:
            raise DatasetError(
                f"{path}: columns {', '.join(columns) or 'none'}; wanted file and at least one of"
                f" {', '.join((*LABEL_COLUMNS, FOLDER_COLUMN))}"
            )
        rows = list(reader)
    except TextFileError as err:
        raise DatasetError(f"{path}: {err}") from err
    except csv.Error as err:
        raise DatasetError(f"{path}: not a table ({err}); save it as CSV in UTF-8") from err
    if not rows:
        raise DatasetError(f"{path}: no rows")
    return rows


def _format_problems(problems: Iterable[tuple[int, str]]) -> Iterator[str]:
    return (f"line {line}: {text}" for line, text in problems)


def _find_problems(path: Path, rows: Iterable[tuple[int, dict[str, str]]]) -> Iterator[tuple[int, str]]:
    """Yield the lines whose rows cannot be used, with the reason."""
    seen: set[str] = set()
    for line, row in rows:
        name = row["file"] or ""
        if name in seen:
            yield line, f"{name!r} is listed twice"
        seen.add(name)
        if not (path.parent / name).is_file():
            yield line, f"{name!r} is not there"
        if (row.get("corroded") or "") not in _CORRODED_CELLS:
            yield line, f"corroded is {row['corroded']!r}, wanted 1, 0 or nothing"
        if (row.get("metal") or "") not in {METAL, OTHER, ""}:
            yield line, f"metal is {row['metal']!r}, wanted {METAL}, {OTHER} or nothing"
        if row.get("metal") == OTHER and (row.get("material") or row.get("corroded")):
            yield line, "what is no metal has neither material nor corroded"
        if row.get("mask") and not (path.parent / row["mask"]).is_file():
            yield line, f"mask {row['mask']!r} is not there"


def _parse_row(root: Path, row: dict[str, str]) -> Sample:
    labels = {column: row[column] for column in (*LABEL_COLUMNS, FOLDER_COLUMN) if row.get(column)}
    if "corroded" in labels:
        labels["corroded"] = _CORRODED_CELLS[labels["corroded"]]
    if {"material", "corroded"} & labels.keys():
        labels.setdefault("metal", METAL)  # a material or a condition implies metal
    return Sample(
        path=root / row["file"],
        group=row.get("group") or "",
        source=row.get("source") or "",
        set_name=row.get("set") or "",
        licence=row.get("licence") or "",
        labels=labels,
        mask=root / row["mask"] if row.get("mask") else None,
    )


def _load_folders(root: Path) -> tuple[Sample, ...]:
    folders = [folder for folder in sorted(root.iterdir()) if folder.is_dir()]
    samples = [sample for folder in folders for sample in _load_class(folder)]
    if len({sample.labels[FOLDER_COLUMN] for sample in samples}) < 2:
        filled = {sample.labels[FOLDER_COLUMN] for sample in samples}
        names = (
            folder.name if read_class_name(folder.name) in filled else f"{folder.name} (no pictures)"
            for folder in folders
        )
        found = f"found {', '.join(names) or 'no folders'}"
        raise DatasetError(f"{root}: {found}; wanted {LABELS_NAME}, or pictures in two or more folders")
    return tuple(samples)


def _load_class(folder: Path) -> Iterator[Sample]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in PICTURE_SUFFIXES or not path.is_file():
            continue
        group = ""
        if path.parent != folder:  # a folder within a class folder is a specimen or a series
            group = path.parent.relative_to(folder.parent).as_posix()
        elif _SAME_SUBJECT in path.name:
            group = f"{folder.name}/{path.name.split(_SAME_SUBJECT)[0]}"
        yield Sample(path, group, labels={FOLDER_COLUMN: read_class_name(folder.name)})


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as err:
        raise DatasetError(f"{path}: {err.strerror or err}") from err
