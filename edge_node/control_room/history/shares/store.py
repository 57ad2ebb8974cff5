"""Say what the shares need of the history's database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from sqlalchemy import Executable


class Store(Protocol):
    """The history's database: statements with values by name, as ``database.py`` runs them."""

    @property
    def is_shared(self) -> bool:
        """It is a server's, which gives room of deleted rows to later ones; other processes write too."""

    def transaction(self) -> AbstractContextManager[None]:
        """Commit all writes inside at once."""

    def write(self, statement: Executable, values: Mapping[str, Any] = ...) -> int:
        """Run a statement and return the rows changed."""

    def write_all(self, statement: Executable, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a statement once for each of ``rows``."""

    def peek(self, query: Executable, values: Mapping[str, Any] = ...) -> tuple[Any, ...] | None:
        """Return the first row of a query, uncommitted writes included."""

    def rows(self, query: Executable, values: Mapping[str, Any] = ...) -> list[tuple[Any, ...]]:
        """Return all rows of a query over committed data."""

    def used_bytes(self) -> int:
        """Return the size of the file without its free pages."""

    def compact(self) -> bool:
        """Write the file anew without the room that deleted rows left in its pages; False if it cannot be."""
