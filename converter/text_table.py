"""Format tables as lines of text with aligned columns, for terminals, logs and mails."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_GAP = "  "


def format_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Format a table: the first column aligned to the left, the others to the right."""
    every = [heads, *rows]
    widths = [max(len(row[column]) for row in every) for column in range(len(heads))]
    return [
        _GAP.join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in every
    ]


def format_markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Format a table in Markdown; cells may hold anything."""
    lines = [[" ".join(cell.split()).replace("|", "\\|") for cell in row] for row in (heads, *rows)]
    return [
        f"| {' | '.join(lines[0])} |",
        f"|{' --- |' * len(heads)}",
        *(f"| {' | '.join(line)} |" for line in lines[1:]),
    ]


def format_crossover(crossover: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Format a crossover matrix: one row per true label, one column per predicted label."""
    columns = list(next(iter(crossover.values())))
    rows = [[truth, *(str(counts[name]) for name in columns)] for truth, counts in crossover.items()]
    return format_table(["truth \\ said", *columns], rows)
