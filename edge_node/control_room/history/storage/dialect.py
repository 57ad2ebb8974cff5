"""What is SQLite's own: how a history's file is opened, how a transaction begins, upserts and functions.

Another database (PostgreSQL) would stand beside this module: nothing else names SQLite, but for the options
of the tables and indexes in ``tables.py``, which other databases pass over.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import URL, NullPool, Text, cast, create_engine, event, func, literal_column, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from sqlalchemy import Column, ColumnElement, Connection, Dialect, Engine, Function, Table
    from sqlalchemy.dialects.sqlite import Insert
    from sqlalchemy.sql.selectable import FromClause, GenerativeSelect

HINTS = "sqlite"  # the dialect that hints of a statement are for
BEGIN = "BEGIN IMMEDIATE"  # to write
_APPLICATION_ID = 0x436F7248  # "CorH": distinguishes a history from other SQLite files
_BUSY_TIMEOUT_MS = 5000
_COMPACT_SIZES = 3  # of the file must be free on the disk
_WAL_BYTES = 16 * 1024 * 1024
_ON_CONNECT = (
    "PRAGMA journal_mode = WAL",
    # A committed message survives a power cut, and only then is it acknowledged to the broker.
    "PRAGMA synchronous = FULL",
    f"PRAGMA journal_size_limit = {_WAL_BYTES}",
    "PRAGMA trusted_schema = OFF",
)


class _Compiler(SQLiteCompiler):
    """Writes hints, like ``INDEXED BY``, which SQLAlchemy leaves out for SQLite, and no ``OFFSET 0``."""

    def limit_clause(self, select: GenerativeSelect, **options: Any) -> str:
        if select._limit_clause is None or select._offset_clause is not None:  # noqa: SLF001  as SQLAlchemy's
            return str(super().limit_clause(select, **options))  # type: ignore[no-untyped-call]
        return f"\n LIMIT {self.process(select._limit_clause, **options)}"  # noqa: SLF001

    def get_from_hint_text(self, table: FromClause, text: str | None) -> str | None:  # noqa: ARG002
        return text


def _make_dialect() -> Dialect:
    made = sqlite.dialect(paramstyle="qmark")
    made.statement_compiler = _Compiler
    return made


DIALECT = _make_dialect()  # by which statements are compiled


def make_file(path: Path) -> None:
    """Make the file for its owner alone before SQLite does: log and index beside it take its mode."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def make_engine(path: Path) -> Engine:
    """Make the engine whose connections open the file at ``path``; threads may share one, one at a time."""
    # Autocommit: whoever writes begins the transaction.
    options = {"timeout": _BUSY_TIMEOUT_MS / 1000, "isolation_level": None, "check_same_thread": False}
    engine = create_engine(_locate(path), connect_args=options, poolclass=NullPool)
    engine.dialect.statement_compiler = _Compiler
    event.listen(engine, "connect", _set_up)
    return engine


def forbid_writing(connection: Any) -> None:
    """Let a connection of the driver read only."""
    connection.execute("PRAGMA query_only = 1")


def is_empty(connection: Connection) -> bool:
    """Tell whether a file has no table yet."""
    return not connection.execute(text("SELECT count(*) FROM sqlite_master")).scalar()


def mark(connection: Connection, version: int) -> None:
    """Mark a file as a history whose tables programs of ``version`` can use."""
    connection.execute(text(f"PRAGMA application_id = {_APPLICATION_ID:d}"))
    connection.execute(text(f"PRAGMA user_version = {version:d}"))


def read_mark(connection: Connection) -> int | None:
    """Return the version of a history's tables; None if the file is no history."""
    if connection.execute(text("PRAGMA application_id")).scalar() != _APPLICATION_ID:
        return None
    return int(connection.execute(text("PRAGMA user_version")).scalar() or 0)


def read_used_bytes(connection: Any) -> int:
    """Return the size of the file without its free pages, by a connection of the driver."""
    pages, free, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def compact(connection: Any, path: Path) -> bool:
    """Write the file anew without free room, by a connection of the driver; False if the disk has no room.

    It takes twice the file's size beside it for a while: a copy, and the log that brings it into the file.
    """
    disk = os.statvfs(path)
    if disk.f_bavail * disk.f_frsize < _COMPACT_SIZES * read_used_bytes(connection):
        return False
    connection.execute("VACUUM")
    return True


def read_new_key(cursor: Any) -> int:
    """Return the key that the row of an INSERT was given."""
    return int(cursor.lastrowid or 0)


def is_damaged(error: BaseException) -> bool:
    """Tell whether an error of the driver means that pages of the file are damaged."""
    return "malformed" in str(error)


def insert_new(table: Table) -> Insert:
    """Make an INSERT that leaves a row alone that is there."""
    return sqlite.insert(table).on_conflict_do_nothing()


def insert_or_update(table: Table, keys: Iterable[Column[Any]], changed: Iterable[str]) -> Insert:
    """Make an INSERT that replaces the columns ``changed`` of a row that is there."""
    insert = sqlite.insert(table)
    return insert.on_conflict_do_update(
        index_elements=list(keys), set_={name: insert.excluded[name] for name in changed}
    )


def json_text(payload: ColumnElement[bytes], key: str) -> ColumnElement[str]:
    """Read a text out of a stored JSON object."""
    return func.json_extract(cast(payload, Text), f"$.{key}", type_=Text)


def contains(words: ColumnElement[str], word: ColumnElement[str]) -> ColumnElement[bool]:
    """Tell whether a text contains another, exactly as it is written."""
    return func.instr(words, word) > literal_column("0")


def larger(one: ColumnElement[int], other: ColumnElement[int]) -> Function[int]:
    """Return the larger of two numbers of a row."""
    return func.max(one, other)


def _locate(path: Path) -> URL:
    """Return where the file is; one in a folder that cannot be written, such as a backup's, is read as it is.

    SQLite would make its index beside it. A control room that runs has a log there, which has to be read.
    """
    if os.access(path.parent, os.W_OK) or not path.exists() or path.with_name(f"{path.name}-wal").exists():
        return URL.create("sqlite", database=str(path))
    named = f"file:{quote(os.fsencode(path.absolute()))}"
    return URL.create("sqlite", database=named, query={"immutable": "1", "uri": "true"})


def _set_up(connection: Any, record: object) -> None:  # noqa: ARG001  SQLAlchemy passes it
    for statement in _ON_CONNECT:
        connection.execute(statement)
