"""Open a history in an SQLite file: how it is opened, locked, measured and written anew."""

from __future__ import annotations

import contextlib
import os
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import URL, NullPool, create_engine, event, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.exc import SQLAlchemyError

from edge_node.control_room.history.storage import migration
from edge_node.control_room.history.storage.backend import DatabaseUnusableError
from edge_node.control_room.history.storage.epoch_counts import fill_counts
from edge_node.control_room.history.storage.older_files import add_what_lacks
from edge_node.control_room.history.storage.prepared import Preparer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import Connection, Dialect, Engine, Executable
    from sqlalchemy.sql.selectable import FromClause, GenerativeSelect

    from edge_node.control_room.history.storage.picture_files import PictureFiles
    from edge_node.control_room.history.storage.prepared import Prepared

NAME = "history.db"
VERSION = 1  # of the tables: a program of the same one goes on with the file, whatever was added since
_BEGIN = "BEGIN IMMEDIATE"  # to write
_DAMAGED = (
    "; the file is damaged: `edge-node control-room check` tells where, and with the control room stopped"
    " `edge-node control-room salvage` keeps what can still be read"
)
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
_PREPARER = Preparer(DIALECT)


@cache
def _list_statements() -> list[str]:
    return migration.list_statements(DIALECT)


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


class SqliteBackend:
    """One file in the state folder; one process writes to it."""

    is_shared = False

    def __init__(self, folder: Path, *, read_only: bool) -> None:
        """Prepare to open the file in ``folder``, which is made if it may be written.

        Raises:
            DatabaseUnusableError: it is not there, and shall only be read.
            OSError: it cannot be made.
        """
        self._path = folder / NAME
        self.name = str(self._path)
        self._engine = make_engine(self._path)
        self.errors: tuple[type[Exception], ...] = (
            self._engine.dialect.loaded_dbapi.Error,
            SQLAlchemyError,
            OSError,
        )
        self.preparer = _PREPARER
        self.pictures: PictureFiles | None = None
        self.lacking: frozenset[str] = frozenset()
        self._connections: list[Connection] = []
        if read_only and not self._path.is_file():
            raise DatabaseUnusableError("not there: start the control room once, or name its state_dir")
        self._place: tuple[int, int] | None = None

    def open_writer(self) -> Any:
        """Return the driver's connection that writes, after the tables are this version's."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        make_file(self._path)
        connection = self._connect()
        with connection.begin():
            connection.execute(text(_BEGIN))
            if is_empty(connection):
                mark(connection, VERSION)
                migration.make_tables(connection, _list_statements())
            self._check_kind(connection)
            migration.upgrade(connection)
            fill_counts(connection)
        self._place = self._find_place()
        return connection.connection.driver_connection

    def reopen_writer(self) -> Any:
        """Return the connection of the file anew."""
        return self._connect().connection.driver_connection

    def open_reader(self, *, read_only: bool) -> Any:
        """Return a connection that only reads; it sees what an older file lacks as if it were there."""
        connection = self._connect()
        if read_only:
            with connection.begin():
                self._check_kind(connection)
                self.lacking = add_what_lacks(connection)
            self._place = self._find_place()
        reader = connection.connection.driver_connection
        forbid_writing(reader)
        return reader

    def close_connection(self, connection: Any) -> None:
        """Close a connection; never raises."""
        with contextlib.suppress(*self.errors):
            connection.close()

    def close(self) -> None:
        """Close all connections, which checkpoints the write-ahead log; never raises."""
        for connection in reversed(self._connections):
            with contextlib.suppress(*self.errors):
                connection.close()
        self._connections.clear()

    def check_place(self) -> None:
        """Raise DatabaseUnusableError if the file was removed or replaced."""
        if self._find_place() != self._place:
            raise DatabaseUnusableError(
                "was removed or replaced while this program writes to it;"
                " put it back, or start the program again"
            )

    def begin(self, writer: Any, robots: Sequence[tuple[str, str]] | None) -> None:  # noqa: ARG002  all wait
        """Begin a transaction that writes."""
        writer.execute(_BEGIN)

    def prepare_insert(self, statement: Executable) -> Prepared:
        """Return the statement as it is: SQLite's cursor knows the key."""
        return self.preparer.prepare(statement)

    def read_new_key(self, cursor: Any) -> int:
        """Return the key that the row of an INSERT was given."""
        return int(cursor.lastrowid or 0)

    def write_all(self, writer: Any, statement: Executable, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run a statement once for each of ``rows``."""
        prepared = self.preparer.prepare(statement)
        writer.executemany(prepared.text, [prepared.bind(row) for row in rows])

    def read_each(
        self, reader: Any, query: Executable, rows: Sequence[Mapping[str, Any]]
    ) -> list[list[tuple[Any, ...]]]:
        """Return the rows of a query for each of ``rows``."""
        prepared = self.preparer.prepare(query)
        return [reader.execute(prepared.text, prepared.bind(row)).fetchall() for row in rows]

    def ensure_partition(self, writer: Any, received_us: int) -> None:
        """Do nothing: a table of SQLite takes rows of any time."""

    def drop_partitions(self, writer: Any, last: int) -> None:
        """Drop nothing: rows are deleted."""

    def find_edge(self, before_us: int) -> int:
        """Return the time: rows are deleted one by one."""
        return before_us

    def notify(self, writer: Any, channel: str, text: str) -> None:
        """Do nothing: nobody else has the file."""

    def read_used_bytes(self, reader: Any) -> int:
        """Return the size of the file without its free pages."""
        return read_used_bytes(reader)

    def compact(self, writer: Any) -> bool:
        """Write the file anew without free room; False if the disk has none for it."""
        return compact(writer, self._path)

    def is_lost(self, connection: Any) -> bool:  # noqa: ARG002  as others have it
        """Tell that a file's connection never ends by itself."""
        return False

    def is_refused_value(self, error: BaseException) -> bool:  # noqa: ARG002
        """Tell that the driver raises what Python does for a value that does not fit."""
        return False

    def is_contended(self, error: BaseException) -> bool:  # noqa: ARG002
        """Tell that transactions which write wait in a row."""
        return False

    def give_advice(self, error: BaseException) -> str:
        """Say what helps where the driver's error means that pages of the file are damaged."""
        return _DAMAGED if "malformed" in str(error) else ""

    def _connect(self) -> Connection:
        connection = self._engine.connect()
        self._connections.append(connection)
        return connection

    def _find_place(self) -> tuple[int, int] | None:
        """Return what tells the file from another of the same name; None if it is gone."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _check_kind(self, connection: Connection) -> None:
        version = read_mark(connection)
        if version is None:
            raise DatabaseUnusableError("not a history of a control room; choose another state_dir")
        if version != VERSION:
            raise DatabaseUnusableError(
                f"version {version}, this program reads {VERSION};"
                " use the program that wrote it, or another state_dir"
            )


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
