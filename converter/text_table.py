"""Tables as lines of text: columns as wide as what stands in them, whole in a log or a mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_GAP = "  "


def table_lines(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table's lines, the first column to the left and the others to the right."""
    every = [heads, *rows]
    widths = [max(len(row[column]) for row in every) for column in range(len(heads))]
    return [
        _GAP.join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in every
    ]


def crossover_lines(crossover: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return a crossover matrix as lines: a row for each truth, a column for each answer."""
    columns = list(next(iter(crossover.values())))
    rows = [[truth, *(str(counts[name]) for name in columns)] for truth, counts in crossover.items()]
    return table_lines(["truth \\ said", *columns], rows)
