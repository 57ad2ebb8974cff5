"""Find the rows of the history's tables in a file whose pages may be damaged.

Pages that are reached from a table's first page are that table's. A page whose way there is damaged is the
table's whose columns its rows fit. Pages that the file counts as free hold rows that were deleted.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from edge_node.control_room.history.recovery.page_file import (
    INDEX_BRANCH,
    INDEX_LEAF,
    TABLE_BRANCH,
    TABLE_LEAF,
    DamagedPageError,
    PageFile,
)
from edge_node.control_room.history.storage.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Table

_INDEX_COLUMNS = 4  # an index's rows have so many columns at most, and the row's key


class RecoveredRows:
    """The rows that can still be found, by table."""

    def __init__(self, path: Path) -> None:
        """Look for the pages of each table in the file at ``path``.

        Raises:
            OSError: it cannot be read.
            ValueError: it is empty.
        """
        self._file = PageFile(path)
        self._pages: dict[str, list[int]] = {table.name: [] for table in metadata.sorted_tables}
        seen = self._follow_tables()
        unclaimed = set(range(2, self._file.pages + 1)) - seen - self._file.free_pages()
        for number in sorted(unclaimed):
            if (table := self._find_table(number)) is not None:
                self._pages[table.name].append(number)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def count(self, table: Table) -> int:
        """Return how many rows the pages of a table say that they have."""
        return sum(self._file.count_cells(number) for number in self._pages[table.name])

    def rows(self, table: Table) -> Iterator[dict[str, Any]]:
        """Return a table's rows by column, in the order of its key; those that can't be right are left out.

        A row that was stored before a column came has it not.
        """
        firsts = [
            (*(rows[0][column.name] for column in table.primary_key), number)
            for number in self._pages[table.name]
            if (rows := _rows(table, self._cells(number)))
        ]
        for *_, number in sorted(firsts):
            yield from _rows(table, self._cells(number))

    def _follow_tables(self) -> set[int]:
        """Find the pages that are reached from the first page of each table and index."""
        roots: dict[int, str] = {}
        seen: set[int] = {1}
        for number in self._follow(1, seen=set()):
            for _, values in self._cells(number):
                if len(values) == 5 and isinstance(values[3], int) and 1 < values[3] <= self._file.pages:
                    roots[values[3]] = values[1] if values[0] == "table" else ""
            seen.add(number)
        for root, name in roots.items():
            for number in self._follow(root, seen):
                if name in self._pages:
                    self._pages[name].append(number)
        return seen

    def _follow(self, root: int, seen: set[int]) -> Iterator[int]:
        """Return the pages below ``root``, itself included, that are not yet ``seen``."""
        waiting = [root]
        while waiting:
            number = waiting.pop()
            if number in seen:
                continue
            kind = self._file.kind(number)
            if kind in (TABLE_BRANCH, INDEX_BRANCH):
                try:
                    waiting.extend(self._file.children(number))
                except DamagedPageError:
                    continue
            elif kind not in (TABLE_LEAF, INDEX_LEAF):
                continue
            seen.add(number)
            yield number

    def _find_table(self, number: int) -> Table | None:
        """Return the table that all rows of a page fit, if it is one alone."""
        kind = self._file.kind(number)
        if kind not in (TABLE_LEAF, INDEX_LEAF, INDEX_BRANCH):
            return None
        cells = self._cells(number)
        fitting = [
            table
            for table in metadata.sorted_tables
            if cells
            and _has_rowid(table) == (kind == TABLE_LEAF)
            # Rows of few columns could as well be an index's.
            and (kind == TABLE_LEAF or len(table.c) > _INDEX_COLUMNS)
            and len(_rows(table, cells)) == len(cells)
        ]
        return fitting[0] if len(fitting) == 1 else None

    def _cells(self, number: int) -> list[tuple[int | None, list[Any]]]:
        """Return the rows of a page up to the first that is damaged."""
        found = []
        try:
            for cell in self._file.cells(number):
                found.append((cell.rowid, cell.values))  # noqa: PERF401  those before a damaged one count
        except DamagedPageError:
            pass
        return found


def _rows(table: Table, cells: list[tuple[int | None, list[Any]]]) -> list[dict[str, Any]]:
    """Return those of a page's rows that fit a table."""
    columns = list(table.c)
    found = []
    for rowid, values in cells:
        if not _least_columns(table) <= len(values) <= len(columns):
            continue
        # The key is the number of the row.
        given = values if rowid is None or values[0] is not None else [rowid, *values[1:]]
        if all(_fits(column, value) for column, value in zip(columns, given, strict=False)):
            found.append({column.name: value for column, value in zip(columns, given, strict=False)})
    return found


@cache
def _least_columns(table: Table) -> int:
    """Return how many columns a row has at least: those that came later can be left out."""
    needed = [
        index for index, column in enumerate(table.c) if not column.nullable and not column.server_default
    ]
    return max(needed) + 1


def _has_rowid(table: Table) -> bool:
    return bool(table.dialect_options["sqlite"]["with_rowid"])


def _fits(column: Any, value: object) -> bool:
    if value is None:
        return bool(column.nullable)
    return isinstance(value, _types(column))


@cache
def _types(column: Any) -> tuple[type, ...]:
    wanted = column.type.python_type
    return (int, float) if wanted is float else (wanted,)
