"""Choose from a labels.csv the photographs of uncorroded metal that a list of licences allows."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from converter.specimens.spec import Material
from edge_node.errors import DatasetError
from edge_node.labels_csv import LABELS_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

# Rows of this set show whole places: rust would lie on what stands behind the metal.
_PLACES = "scenes"
_STEEL, _ALUMINIUM = Material.STEEL, Material.ALUMINIUM


@dataclass(frozen=True, slots=True)
class Photograph:
    """A photograph of clean metal: its file, relative to the folder, and what its row says of it."""

    file: str
    source: str
    licence: str
    group: str
    material: Material
    finish: str


def choose_photographs(
    folder: Path, licences: Sequence[str], without: Sequence[str] = ()
) -> tuple[Photograph, ...]:
    """Return the photographs of uncorroded steel and aluminium, in the order of their files.

    Args:
        folder: with the ``labels.csv``.
        licences: allowed ones, compared as they are written.
        without: sources that are left out whole.

    Raises:
        DatasetError: no table, or no such photograph.
    """
    table = folder / LABELS_NAME
    try:
        with table.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as err:
        raise DatasetError(f"{table}: cannot read: {err}; wanted the table of photographs") from err
    chosen = sorted(_find(rows, set(licences), set(without)), key=lambda photograph: photograph.file)
    if not chosen:
        found = sorted({row.get("licence") or "none stated" for row in rows})
        raise DatasetError(
            f"{table}: no uncorroded steel or aluminium under {', '.join(licences)}; licences there are"
            f" {', '.join(found)}"
        )
    return tuple(chosen)


def draw_photographs(
    photographs: Sequence[Photograph], count: int, rng: np.random.Generator
) -> Iterator[Photograph]:
    """Yield ``count`` photographs, steel and aluminium in turn; large sources less often than by number."""
    by_material: dict[Material, dict[str, list[Photograph]]] = {}
    for photograph in photographs:
        by_source = by_material.setdefault(photograph.material, defaultdict(list))
        by_source[photograph.source].append(photograph)
    materials = sorted(by_material, key=lambda material: material.value, reverse=True)
    for number in range(count):
        by_source = by_material[materials[number % len(materials)]]
        names = sorted(by_source)
        weights = np.sqrt([len(by_source[name]) for name in names])
        own = by_source[names[int(rng.choice(len(names), p=weights / weights.sum()))]]
        yield own[int(rng.integers(len(own)))]


def _find(rows: Sequence[dict[str, str]], licences: set[str], without: set[str]) -> Iterator[Photograph]:
    metals = {_STEEL.value: _STEEL, "galvanized": Material.GALVANIZED, _ALUMINIUM.value: _ALUMINIUM}
    for row in rows:
        material = metals.get(row.get("material") or "")
        if material is None or row.get("corroded") != "0" or row.get("licence") not in licences:
            continue
        if row.get("set") == _PLACES:
            continue
        if (source := row.get("source") or "") in without:
            continue
        group = row.get("group") or row["file"]
        yield Photograph(row["file"], source, row["licence"], group, material, row.get("finish") or "")
