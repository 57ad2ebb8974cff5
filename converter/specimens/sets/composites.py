"""Write a data set of photographs of clean metal with rendered corrosion or rendered dirt on them."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import cv2
import numpy as np

from converter.specimens.sets.dataset import refuse_occupied
from converter.specimens.sets.painting import cut_picture, paint
from converter.specimens.sets.photographs import Photograph, choose_photographs, draw_photographs
from converter.specimens.spec import (
    LATE_PITTING_FRACTION,
    LATE_UNIFORM_FRACTION,
    MIN_CORRODED_FRACTION,
    Material,
)
from edge_node.errors import DatasetError
from edge_node.labels_csv import COLUMNS, LABELS_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

SET_NAME = "composites"
# The photograph that was painted on stands behind the columns of every set.
COMPOSITE_COLUMNS = (*COLUMNS, "metal", "area_fraction", "photograph")
# Of each photograph drawn one picture with corrosion and one with dirt alone.
_PER_PHOTOGRAPH = 2
_JPEG_QUALITY = 95


def write_composites(  # noqa: PLR0913 - the command's options, and its progress
    out: Path,
    folder: Path,
    licences: Sequence[str],
    *,
    count: int,
    seed: int = 0,
    size: tuple[int, int] = (480, 360),
    without: Sequence[str] = (),
    force: bool = False,
    on_written: Callable[[int], None] | None = None,
) -> Path:
    """Write ``count`` composites, masks and ``labels.csv`` under ``out``; return the path of the labels.

    A row has the source, licence and group of its photograph: where these are left out of a training, so is
    what was painted on it.

    Raises:
        DatasetError: no such photographs, one cannot be read, or ``out`` cannot be written.
    """
    refuse_occupied(out, force=force)
    rng = np.random.default_rng((seed, 30))
    photographs = choose_photographs(folder, licences, without)
    drawn = draw_photographs(photographs, -(-count // _PER_PHOTOGRAPH), rng)
    rows: list[tuple[str, ...]] = []
    try:
        for name in ("pictures", "masks"):
            (out / name).mkdir(parents=True, exist_ok=True)
        for number, photograph in enumerate(drawn):
            pixels = _read(folder / photograph.file)
            for view in range(min(_PER_PHOTOGRAPH, count - len(rows))):
                own = np.random.default_rng((seed, 31, number, view))
                part, inside = cut_picture(pixels, size, own)
                picture, mask = paint(part, inside, photograph.material, own, corroded=view == 0)
                rows.append(_write(out, f"{seed}_{number:05d}_{view}", photograph, picture, mask))
                if on_written is not None:
                    on_written(len(rows))
        labels = out / LABELS_NAME
        with labels.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(COMPOSITE_COLUMNS)
            writer.writerows(rows)
    except OSError as err:
        raise DatasetError(f"{out}: cannot write composites: {err.strerror or err}") from err
    return labels


def _read(path: Path) -> np.ndarray:
    try:
        encoded = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as err:
        raise DatasetError(f"{path}: cannot read: {err.strerror or err}") from err
    pixels = cv2.imdecode(encoded, cv2.IMREAD_COLOR) if encoded.size else None
    if pixels is None:
        raise DatasetError(f"{path}: no picture; copy it again, or remove its row")
    return np.asarray(pixels, np.uint8)


def _write(
    out: Path, stem: str, photograph: Photograph, picture: np.ndarray, mask: np.ndarray
) -> tuple[str, ...]:
    """Write a picture and its mask; return its row."""
    name, mask_name = f"pictures/{stem}.jpg", f"masks/{stem}.png"
    _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    (out / name).write_bytes(encoded.tobytes())
    _, encoded = cv2.imencode(".png", mask)
    (out / mask_name).write_bytes(encoded.tobytes())
    share = float(np.count_nonzero(mask)) / mask.size
    pitted = photograph.material is Material.ALUMINIUM
    form = "none" if share < MIN_CORRODED_FRACTION else "pitting" if pitted else "uniform"
    late = LATE_PITTING_FRACTION if pitted else LATE_UNIFORM_FRACTION
    severity = "none" if form == "none" else "late" if share >= late else "mid"
    origin = (SET_NAME, photograph.source, photograph.licence, photograph.group)
    metal = (photograph.material.value, photograph.finish)
    state = ("0" if form == "none" else "1", severity, form)
    return (name, *origin, *metal, *state, mask_name, "metal", f"{share:.4f}", photograph.file)
