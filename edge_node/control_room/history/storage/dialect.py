"""Write what SQLite and PostgreSQL say differently, so that a statement is made once for both.

How a database is opened, locked and measured stands in ``sqlite.py`` and ``postgres.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Boolean, Text, literal_column
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Column, ColumnElement, Table
    from sqlalchemy.dialects.postgresql import Insert
    from sqlalchemy.sql.compiler import SQLCompiler

HINTS = "sqlite"  # the dialect that hints of a statement are for


def insert_new(table: Table) -> Insert:
    """Make an INSERT that leaves a row alone that is there."""
    return postgresql.insert(table).on_conflict_do_nothing()  # both databases compile it


def insert_or_update(table: Table, keys: Iterable[Column[Any]], changed: Iterable[str]) -> Insert:
    """Make an INSERT that replaces the columns ``changed`` of a row that is there."""
    insert = postgresql.insert(table)
    return insert.on_conflict_do_update(
        index_elements=list(keys), set_={name: insert.excluded[name] for name in changed}
    )


def json_text(payload: ColumnElement[bytes], key: str) -> ColumnElement[str]:
    """Read a text out of a stored JSON object."""
    return _JsonText(payload, literal_column(f"'{key}'"))


def contains(words: ColumnElement[str], word: ColumnElement[str]) -> ColumnElement[bool]:
    """Tell whether a text contains another, exactly as it is written."""
    return _Contains(words, word)


def larger(one: ColumnElement[int], other: ColumnElement[int]) -> ColumnElement[int]:
    """Return the larger of two numbers of a row; both have a value."""
    return _Larger(one, other)


def whole(number: ColumnElement[Any]) -> ColumnElement[int]:
    """Return a number without its fraction: towards zero, where a cast of PostgreSQL would round."""
    return _Whole(number)


def unindexed(column: ColumnElement[int]) -> ColumnElement[int]:
    """Return a column such that SQLite searches by no index on it."""
    return _Unindexed(column)


class _JsonText(FunctionElement[str]):
    inherit_cache = False
    name = "json_text"
    type = Text()


class _Contains(FunctionElement[bool]):
    inherit_cache = False
    name = "contains"
    type = Boolean()


class _Larger(FunctionElement[int]):
    inherit_cache = False
    name = "larger"
    type = BigInteger()


class _Whole(FunctionElement[int]):
    inherit_cache = False
    name = "whole"
    type = BigInteger()


class _Unindexed(FunctionElement[int]):
    inherit_cache = False
    name = "unindexed"
    type = BigInteger()


def _write(element: FunctionElement[Any], compiler: SQLCompiler, options: dict[str, Any]) -> list[str]:
    return [compiler.process(part, **options) for part in element.clauses]


@compiles(_JsonText, "sqlite")
def _write_json_text(element: _JsonText, compiler: SQLCompiler, **options: Any) -> str:
    payload, key = _write(element, compiler, options)
    return f"json_extract(CAST({payload} AS TEXT), '$.' || {key})"


@compiles(_JsonText, "postgresql")
def _write_json_text_pg(element: _JsonText, compiler: SQLCompiler, **options: Any) -> str:
    payload, key = _write(element, compiler, options)
    return f"(convert_from({payload}, 'UTF8')::json ->> {key})"


@compiles(_Contains, "sqlite")
def _write_contains(element: _Contains, compiler: SQLCompiler, **options: Any) -> str:
    words, word = _write(element, compiler, options)
    return f"(instr({words}, {word}) > 0)"


@compiles(_Contains, "postgresql")
def _write_contains_pg(element: _Contains, compiler: SQLCompiler, **options: Any) -> str:
    words, word = _write(element, compiler, options)
    return f"(strpos({words}, {word}) > 0)"


@compiles(_Larger, "sqlite")
def _write_larger(element: _Larger, compiler: SQLCompiler, **options: Any) -> str:
    return f"max({', '.join(_write(element, compiler, options))})"


@compiles(_Larger, "postgresql")
def _write_larger_pg(element: _Larger, compiler: SQLCompiler, **options: Any) -> str:
    return f"greatest({', '.join(_write(element, compiler, options))})"


@compiles(_Whole, "sqlite")
def _write_whole(element: _Whole, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST({_write(element, compiler, options)[0]} AS INTEGER)"


@compiles(_Whole, "postgresql")
def _write_whole_pg(element: _Whole, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST(trunc({_write(element, compiler, options)[0]}) AS BIGINT)"


@compiles(_Unindexed, "sqlite")
def _write_unindexed(element: _Unindexed, compiler: SQLCompiler, **options: Any) -> str:
    return f"+{_write(element, compiler, options)[0]}"


@compiles(_Unindexed, "postgresql")
def _write_unindexed_pg(element: _Unindexed, compiler: SQLCompiler, **options: Any) -> str:
    return _write(element, compiler, options)[0]
