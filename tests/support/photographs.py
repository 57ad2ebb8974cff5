"""Photographs of metal with their true condition: those beside the repository, or rendered specimens."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import cv2

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
_SIDE_PX = 480  # as a robot's camera may give them


class Photograph(NamedTuple):
    """A picture, blue, green, red, and whether its metal is corroded."""

    pixels: NDArray[np.uint8]
    is_corroded: bool


def iter_photographs(count: int) -> Iterator[Photograph]:
    """Yield pictures, as many corroded as not: photographs if they are there, else rendered ones."""
    yield from _photographed(count) if (DATA / "labels.csv").is_file() else _rendered(count)


def _photographed(count: int) -> Iterator[Photograph]:
    with (DATA / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["set"] == "surfaces" and row["corroded"]]
    left = {"0": count // 2, "1": count - count // 2}
    step = max(1, len(rows) // (4 * count))  # not all of one source
    for row in rows[::step] + rows:
        if not left[row["corroded"]]:
            continue
        pixels = cv2.imread(str(DATA / row["file"]))
        if pixels is not None:
            left[row["corroded"]] -= 1
            scale = _SIDE_PX / max(pixels.shape[:2])
            small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            yield Photograph(small, row["corroded"] == "1")


def _rendered(count: int) -> Iterator[Photograph]:
    from converter.specimens.rendering import render
    from converter.specimens.spec import Finish, Material, SpecimenSpec

    metals, finishes = tuple(Material), (Finish.BRUSHED, Finish.ROLLED)
    for seed in range(count):
        spec = SpecimenSpec(metals[seed % 3], finishes[seed // 3 % 2], (seed % 2) * 60.0, seed=seed)
        yield Photograph(render(spec, _SIDE_PX, _SIDE_PX * 3 // 4).pixels, bool(seed % 2))
