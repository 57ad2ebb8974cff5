"""Make columns, keys and partial indexes of the history's tables, and hold the list of these tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import REAL, BigInteger, Column, Double, Index, Integer, MetaData, Text, text

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.types import TypeEngine

# SQLite numbers its rows only by a key that is called INTEGER.
NUMBER: TypeEngine[int] = BigInteger().with_variant(Integer, "sqlite")
MEASURE: TypeEngine[float] = Double().with_variant(REAL, "sqlite")

metadata = MetaData()


def number_column(name: str, *, default: int | None = None, optional: bool = False) -> Column[int]:
    """Make a column of whole numbers."""
    return Column(
        name, NUMBER, nullable=optional, server_default=None if default is None else text(str(default))
    )


def text_column(name: str, *, default: str | None = None, optional: bool = False) -> Column[str]:
    """Make a column of texts."""
    return Column(name, Text, nullable=optional, server_default=default)


def key_column(name: str, *, counted: bool = True) -> Column[int]:
    """Make a table's key; the database counts it up if ``counted``."""
    return Column(name, NUMBER, primary_key=True, autoincrement=counted)


def index_part(name: str, which: ColumnElement[bool], *columns: ColumnElement[Any]) -> None:
    """Index the rows of a table for which a condition is true."""
    Index(name, *columns, sqlite_where=which, postgresql_where=which)
