"""Choose by licence and source the rows that a training may read, before a picture of any other is opened."""

from __future__ import annotations

import difflib
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from converter.data.dataset import Origin, list_origins, load_dataset
from converter.data.licences import find_partly_allowed
from converter.text_table import format_table
from edge_node.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from converter.data.dataset import Sample
    from converter.training.recipe import CascadeRecipe, TrainingRecipe

_UNSTATED = "(none)"


class LicenceRow(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows of the data sets stand under one licence, and how many of them may be trained on.

    Attributes:
        licence: as in the rows; empty where they state none.
        sources: those with such rows.
        used: rows that may be trained on.
        left_out: the other rows.
    """

    licence: str
    sources: tuple[str, ...]
    used: int
    left_out: int


@dataclass(frozen=True, slots=True)
class AllowedRows:
    """Which rows of some data sets a recipe lets a training read.

    Attributes:
        training: says what is allowed.
        origins: source and licence of all rows, with the number of rows of each.
        partly_allowed: the sources with rows under allowed and other licences, left out whole where the
            recipe has a list of allowed ones.
    """

    training: TrainingRecipe
    origins: Mapping[Origin, int]
    partly_allowed: tuple[str, ...]

    @classmethod
    def read(cls, folders: Iterable[Path], recipe: CascadeRecipe) -> AllowedRows:
        """Read the tables of data sets; of the pictures nothing is opened.

        Raises:
            DatasetError: a table cannot be read, or the recipe leaves out a source that no row names.
        """
        training = recipe.training
        origins = sum((list_origins(folder) for folder in folders), Counter[Origin]())
        _refuse_unknown_sources(recipe, {origin.source for origin in origins} - {""})
        partly = find_partly_allowed(origins, training.allows) if training.licences else ()
        return cls(training, origins, partly)

    def admits(self, origin: Origin) -> bool:
        """Return whether rows of an origin may be read.

        Without a list of licences all are read, and those that are left out are tested on.
        """
        if not self.training.licences:
            return True
        left_out = {*self.partly_allowed, *self.training.leave_out_sources}
        return self.training.allows(origin.licence) and origin.source not in left_out

    def load(self, folder: Path) -> tuple[Sample, ...]:
        """Load the rows of a data set that may be read; may be none."""
        return load_dataset(folder, self.admits)

    def count(self, samples: Iterable[Sample]) -> tuple[LicenceRow, ...]:
        """Return a row for each licence, those most used by the loaded ``samples`` first."""
        used = Counter(
            sample.licence
            for sample in samples
            if self.training.admits(sample) and sample.source not in self.training.leave_out_sources
        )
        sources, rows = defaultdict[str, set[str]](set), Counter[str]()
        for origin, number in self.origins.items():
            sources[origin.licence].add(origin.source)
            rows[origin.licence] += number
        return tuple(
            LicenceRow(
                licence=one,
                sources=tuple(sorted(sources[one] - {""})),
                used=used[one],
                left_out=rows[one] - used[one],
            )
            for one in sorted(rows, key=lambda one: (-used[one], -rows[one], one))
        )


def format_licences(allowed: AllowedRows, samples: Iterable[Sample]) -> Iterator[str]:
    """Yield the lines of the table of licences, and a sentence for each source that is left out whole."""
    rows = allowed.count(samples)
    cells = [
        (row.licence or _UNSTATED, str(row.used), str(row.left_out), ", ".join(row.sources)) for row in rows
    ]
    cells.append(("all", str(sum(row.used for row in rows)), str(sum(row.left_out for row in rows)), ""))
    yield from format_table(("licence", "rows used", "left out", "sources"), cells)
    for source in allowed.partly_allowed:
        yield f"{source}: left out whole, because only some of its rows are under an allowed licence"
    for source in allowed.training.leave_out_sources:
        yield f"{source}: left out by name"


def _refuse_unknown_sources(recipe: CascadeRecipe, known: set[str]) -> None:
    """Refuse a recipe that leaves out a source that no row names: it would leave out nothing."""
    for training in (recipe.training, *recipe.trainings()):
        for source in training.leave_out_sources:
            if source not in known:
                near = difflib.get_close_matches(source, known, n=1)
                told = f'did you mean "{near[0]}"?' if near else f"known are {', '.join(sorted(known))}"
                raise DatasetError(f"leave_out_sources: no row is of source {source!r}; {told}")
