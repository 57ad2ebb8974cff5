"""Choose and read calibration pictures so that every class and group is represented."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.data.licences import find_partly_allowed
from edge_node.camera.picture import PICTURE_SUFFIXES, decode_judged
from edge_node.errors import DatasetError, UnreadablePictureError
from edge_node.inference.resize import resize
from edge_node.labels_csv import LABELS_NAME, MAX_TABLE_BYTES
from edge_node.text_file import TextFileError, read_bounded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from converter.graphs.scaling import Preprocessing
    from edge_node.inference.manifest import Resize

_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_KEPT_BYTES = 200e6  # of decoded pictures: 300 of 640 x 340 px, or six of a telephone
_CLASS_COLUMNS = ("material", "corroded", "severity", "form")


@dataclass(frozen=True, slots=True)
class Calibration:
    """The pictures on which the ranges of tensors are measured.

    Attributes:
        paths: in the order in which they were chosen.
        pixels: per picture uint8 ``(height, width, 3)``, blue, green, red; those that do not fit into memory
            are read again whenever they are asked for.
        sha256: over the sorted hashes of the files' contents.
        seed: of the choice.
        set_name: the folder's name.
    """

    paths: tuple[Path, ...]
    pixels: Sequence[NDArray[np.uint8]] = field(repr=False)
    sha256: str
    seed: int
    set_name: str
    _resized: dict[tuple[int, int, Resize], NDArray[np.uint8]] = field(default_factory=dict, repr=False)

    def resized(self, preprocessing: Preprocessing) -> NDArray[np.uint8]:
        """Return the pictures at a graph's size by the node's own rule, ``(pictures, height, width, 3)``."""
        size = preprocessing.height, preprocessing.width, preprocessing.resize
        if size not in self._resized:
            self._resized[size] = np.stack([resize(pixels, *size) for pixels in self.pixels])
        return self._resized[size]


class StoredPictures(Sequence[Any]):
    """Pictures in files, decoded as they are asked for; the first ones are kept, up to ``kept_bytes``."""

    def __init__(self, paths: Sequence[Path], kept_bytes: float = _KEPT_BYTES) -> None:
        self._paths, self._kept_bytes = paths, kept_bytes
        self._kept: dict[int, NDArray[np.uint8]] = {}

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, at: Any) -> Any:
        if at in self._kept:
            return self._kept[at]
        path = self._paths[at]
        return self.keep(at, decode_judged(_read_bytes(path), str(path)))

    def keep(self, at: int, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Keep a decoded picture if it fits, and return it."""
        if pixels.nbytes <= self._kept_bytes:
            self._kept_bytes -= pixels.nbytes
            self._kept[at] = pixels
        return pixels


def load_calibration(
    folder: Path,
    count: int,
    seed: int,
    report: Callable[[float], None] = lambda _share: None,
    licences: Sequence[str] = (),
) -> Calibration:
    """Choose and read ``count`` pictures of a folder, or all if it has fewer; report the share that is read.

    Classes are the columns of ``labels.csv`` where there is one, else the folders that pictures lie in;
    classes, and within a class groups, are chosen from in turn.

    Args:
        folder: of the pictures.
        count: how many are chosen.
        seed: of the choice.
        report: called with the share that is read.
        licences: the only ones whose rows may be chosen, as a recipe has them; empty: all pictures may.

    Raises:
        DatasetError: no folder, or no picture in it that may be chosen.
        UnreadablePictureError: a chosen file is cut off or no picture.
    """
    chosen = choose(folder, _keep_allowed(folder, find_pictures(folder), licences), count, seed)
    digests, pixels = [], StoredPictures(chosen)
    for number, path in enumerate(chosen):
        content = _read_bytes(path)
        digests.append(hashlib.sha256(content).hexdigest())
        pixels.keep(number, decode_judged(content, str(path)))
        report((number + 1) / len(chosen))
    return Calibration(
        paths=tuple(chosen),
        pixels=pixels,
        sha256=hashlib.sha256("".join(sorted(digests)).encode()).hexdigest(),
        seed=seed,
        set_name=folder.resolve().name,
    )


def find_pictures(folder: Path) -> list[Path]:
    """Find the picture files below a folder, sorted, without the masks of ``labels.csv``.

    Raises:
        DatasetError: it is no folder, or has no pictures.
    """
    if not folder.is_dir():
        found = "a file" if folder.exists() else "no such folder"
        raise DatasetError(f"{folder}: {found}; wanted a folder of pictures")
    masks = {row["mask"] for row in read_label_rows(folder).values() if row.get("mask")}
    root = _find_labels_root(folder) or folder.resolve()
    pictures = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in PICTURE_SUFFIXES
        and path.is_file()
        and _relative_name(path, root) not in masks
    ]
    if not pictures:
        raise DatasetError(f"{folder}: no picture in it ({', '.join(sorted(PICTURE_SUFFIXES))})")
    return pictures


def choose(folder: Path, pictures: Sequence[Path], count: int, seed: int) -> list[Path]:
    """Choose ``count`` pictures by seed: classes in turn, and within a class its groups in turn."""
    rows, root = read_label_rows(folder), _find_labels_root(folder) or folder.resolve()
    strata: dict[tuple[str, ...], dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    random = np.random.default_rng(seed)
    for index in random.permutation(len(pictures)):
        path = pictures[int(index)]
        row = rows.get(_relative_name(path, root))
        stratum = tuple(row.get(column) or "" for column in _CLASS_COLUMNS) if row else (str(path.parent),)
        strata[stratum][(row and row.get("group")) or str(path)].append(path)
    turns = [list(_interleave(groups.values())) for _, groups in sorted(strata.items())]
    return list(_interleave(turns))[:count]


def read_label_rows(folder: Path) -> dict[str, dict[str, str]]:
    """Read the rows of the ``labels.csv`` in or above a folder, by their ``file`` column.

    They only tell which pictures are alike: missing columns are ignored, and so is a ``labels.csv`` without
    the column ``file``.

    Raises:
        DatasetError: it is no CSV, or cannot be read.
    """
    root = _find_labels_root(folder)
    if root is None:
        return {}
    try:
        content = read_bounded(root / LABELS_NAME, MAX_TABLE_BYTES)
        encoding = "utf-16" if content.startswith(_UTF16_MARKS) else "utf-8-sig"
        rows = csv.DictReader(io.StringIO(content.decode(encoding, errors="replace"), newline=""))
        return {row["file"]: row for row in rows if row.get("file")}
    except TextFileError as err:
        raise DatasetError(f"{root / LABELS_NAME}: {err}") from err
    except csv.Error as err:
        raise DatasetError(f"{root / LABELS_NAME}: no CSV ({err})") from err


def _keep_allowed(folder: Path, pictures: list[Path], licences: Sequence[str]) -> list[Path]:
    """Return the pictures of rows under one of these licences, without sources that have others too."""
    if not licences:
        return pictures
    rows, root = read_label_rows(folder), _find_labels_root(folder) or folder.resolve()
    origins = {name: (row.get("source") or "", row.get("licence") or "") for name, row in rows.items()}
    partly = find_partly_allowed(origins.values(), licences.__contains__)
    allowed = {
        name for name, (source, licence) in origins.items() if licence in licences and source not in partly
    }
    if kept := [path for path in pictures if _relative_name(path, root) in allowed]:
        return kept
    raise DatasetError(f"{folder}: no picture under {', '.join(licences)}, which the cascade file allows")


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as err:
        raise UnreadablePictureError(f"{path}: {err.strerror or err}") from err


def _find_labels_root(folder: Path) -> Path | None:
    """Return the nearest folder with a ``labels.csv``: ``folder`` or one of the two above it."""
    resolved = folder.resolve()
    return next((f for f in (resolved, *list(resolved.parents)[:2]) if (f / LABELS_NAME).is_file()), None)


def _relative_name(path: Path, root: Path) -> str:
    resolved = path.resolve()
    return resolved.relative_to(root).as_posix() if resolved.is_relative_to(root) else str(resolved)


def _interleave(lists: Iterable[Sequence[Path]]) -> Iterable[Path]:
    """Yield the first item of each list, then the second of each, and so on."""
    remaining = [list(items) for items in lists]
    while remaining := [items for items in remaining if items]:
        for items in remaining:
            yield items.pop(0)
