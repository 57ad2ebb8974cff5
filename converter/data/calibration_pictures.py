"""Folders of pictures: found, read whole or not at all, chosen so that every class and group is there."""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from edge_node.camera.picture import PICTURE_SUFFIXES, decode_picture
from edge_node.errors import DatasetError, UnreadablePictureError
from edge_node.inference.preprocess import resize
from edge_node.messages.labels_csv import LABELS_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from converter.graphs.scaling import Preprocessing

_CLASS_COLUMNS = ("material", "corroded", "severity", "form")


@dataclass(frozen=True, slots=True)
class Calibration:
    """The pictures that ranges are measured on.

    Attributes:
        paths: in the order of choice.
        pixels: blue, green, red, each of its own size.
        sha256: over the sorted hashes of the files' contents.
        seed: of the choice.
        set_name: the folder's name.
    """

    paths: tuple[Path, ...]
    pixels: tuple[NDArray[np.uint8], ...] = field(repr=False)
    sha256: str
    seed: int
    set_name: str

    def resized(self, preprocessing: Preprocessing) -> NDArray[np.uint8]:
        """Return the pictures at a graph's size by the node's own rule, ``(pictures, height, width, 3)``."""
        height, width = preprocessing.height, preprocessing.width
        return np.stack([resize(p, height, width, preprocessing.resize) for p in self.pixels])


def load_calibration(folder: Path, count: int, seed: int) -> Calibration:
    """Choose and read ``count`` pictures of a folder, or all if it has fewer.

    Classes are the columns of ``labels.csv`` where there is one, else the folders that pictures lie in;
    every class and, within it, every group has its turn.

    Raises:
        DatasetError: no folder, or no picture in it.
        UnreadablePictureError: one of the chosen is cut off or no picture.
    """
    chosen = choose(folder, find_pictures(folder), count, seed)
    contents = [_content(path) for path in chosen]
    digests = sorted(hashlib.sha256(content).hexdigest() for content in contents)
    return Calibration(
        paths=tuple(chosen),
        pixels=tuple(
            decode_picture(content, str(path)) for content, path in zip(contents, chosen, strict=True)
        ),
        sha256=hashlib.sha256("".join(digests).encode()).hexdigest(),
        seed=seed,
        set_name=folder.resolve().name,
    )


def find_pictures(folder: Path) -> list[Path]:
    """Return the picture files in a folder and its folders, sorted; masks of ``labels.csv`` left out.

    Raises:
        DatasetError: it is no folder, or has none.
    """
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        raise DatasetError(f"{folder}: {found}, wanted a folder of pictures")
    masks = {row["mask"] for row in label_rows(folder).values() if row.get("mask")}
    root = _labels_root(folder) or folder.resolve()
    pictures = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in PICTURE_SUFFIXES and path.is_file() and _relative(path, root) not in masks
    ]
    if not pictures:
        raise DatasetError(f"{folder}: no picture in it ({', '.join(sorted(PICTURE_SUFFIXES))})")
    return pictures


def choose(folder: Path, pictures: Sequence[Path], count: int, seed: int) -> list[Path]:
    """Return ``count`` of ``pictures``: classes in turn, in each its groups in turn, drawn by seed."""
    rows, root = label_rows(folder), _labels_root(folder) or folder.resolve()
    strata: dict[tuple[str, ...], dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    random = np.random.default_rng(seed)
    for index in random.permutation(len(pictures)):
        path = pictures[int(index)]
        row = rows.get(_relative(path, root))
        stratum = tuple(row.get(column) or "" for column in _CLASS_COLUMNS) if row else (str(path.parent),)
        strata[stratum][(row and row.get("group")) or str(path)].append(path)
    turns = [list(_in_turn(groups.values())) for _, groups in sorted(strata.items())]
    return list(_in_turn(turns))[:count]


def label_rows(folder: Path) -> dict[str, dict[str, str]]:
    """Return the rows of the ``labels.csv`` in or above a folder, by their ``file`` column.

    They only say which pictures are alike: columns that are missing say nothing, and a file of that name
    without the column ``file`` is not about pictures.

    Raises:
        DatasetError: it is no CSV.
    """
    root = _labels_root(folder)
    if root is None:
        return {}
    try:
        with (root / LABELS_NAME).open(encoding="utf-8-sig", errors="replace", newline="") as file:
            return {row["file"]: row for row in csv.DictReader(file) if row.get("file")}
    except csv.Error as err:
        raise DatasetError(f"{root / LABELS_NAME}: no CSV ({err})") from err


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as err:
        raise UnreadablePictureError(f"{path}: {err.strerror or err}") from err


def _labels_root(folder: Path) -> Path | None:
    """Return the nearest folder, from ``folder`` upwards, with a ``labels.csv``; two levels are looked at."""
    resolved = folder.resolve()
    return next((f for f in (resolved, *list(resolved.parents)[:2]) if (f / LABELS_NAME).is_file()), None)


def _relative(path: Path, root: Path) -> str:
    resolved = path.resolve()
    return resolved.relative_to(root).as_posix() if resolved.is_relative_to(root) else str(resolved)


def _in_turn(lists: Iterable[Sequence[Path]]) -> Iterable[Path]:
    """Yield the first of each list, then the second of each, until all are given."""
    remaining = [list(items) for items in lists]
    while remaining := [items for items in remaining if items]:
        for items in remaining:
            yield items.pop(0)
