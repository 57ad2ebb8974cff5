"""Open the history's database, run transactions and prepared statements in it: the one door to it.

One connection writes and a few read, so that neither waits for the other. Statements are SQLAlchemy's, made
of the tables in ``storage/tables.py``; each is compiled once. What is the database's own stands in
``storage/dialect.py``.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from edge_node.control_room.history.storage import dialect, migration
from edge_node.control_room.history.storage.epoch_counts import fill_counts
from edge_node.control_room.history.storage.older_files import add_what_lacks
from edge_node.control_room.history.storage.prepared import Preparer
from edge_node.errors import CorrosionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import Connection, Executable

NAME = "history.db"
_VERSION = 1  # of the tables: a program of the same one goes on with the file, whatever was added since
_READERS = 4
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
_DAMAGED = (
    "; the file is damaged: `edge-node control-room check` tells where, and with the control room stopped"
    " `edge-node control-room salvage` keeps what can still be read"
)
_PREPARER = Preparer(dialect.DIALECT)
_NOTHING: Mapping[str, Any] = {}


class HistoryError(CorrosionError):
    """The history cannot be opened, read or written."""


def to_us(moment: datetime) -> int:
    """Convert a time to whole microseconds since 1970; a time without a zone is read as UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return (moment - _EPOCH) // _MICROSECOND


def from_us(microseconds: int) -> datetime:
    """Convert microseconds since 1970 to a time in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


class Database:
    """An open history: any thread may read, one at a time may write.

    ``values`` of a statement are those that it binds by name; a statement is made once, with the module that
    runs it or for each shape of a filter, and kept: it is found again by its identity.
    """

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        """Open the file in ``folder``; make it if it does not exist, upgrade it if it is of an older version.

        Args:
            folder: the control room's state folder.
            read_only: the file must exist and is not changed: for use while a control room runs on it.

        Raises:
            HistoryError: the file is no history, is damaged, or was written by a newer version.
        """
        self.path = folder / NAME
        self._lock = threading.RLock()
        self._depth = 0
        self._engine = dialect.make_engine(self.path)
        self._errors = (self._engine.dialect.loaded_dbapi.Error, SQLAlchemyError, OSError)
        self._readers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._connections: list[Connection] = []
        self._writer: Any = None
        self.lacking: frozenset[str] = frozenset()
        if read_only and not self.path.is_file():
            raise HistoryError(f"{self.path}: not there; is it the state_dir of a control room?")
        with self._translated():
            try:
                if not read_only:
                    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                    dialect.make_file(self.path)
                    self._writer = self._open_writer()
                for _ in range(_READERS):
                    self._readers.put(self._open_reader(read_only=read_only))
            except BaseException:
                self.close()
                raise
            self._place = self._find_place()

    def close(self) -> None:
        """Close all connections, which checkpoints the write-ahead log; never raises."""
        for connection in reversed(self._connections):
            with contextlib.suppress(*self._errors):
                connection.close()
        self._connections.clear()

    def check_place(self) -> None:
        """Raise HistoryError if the file was removed or replaced: what is written then is lost at the end."""
        if self._find_place() != self._place:
            raise HistoryError(
                f"{self.path}: was removed or replaced while this program writes to it;"
                " put it back, or start the program again"
            )

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all writes inside at once, or none of them; may be nested.

        Raises:
            HistoryError: nothing was written.
        """
        with self._lock, self._translated():
            writer = self._need_writer()
            if self._depth == 0:
                self.check_place()
                writer.execute(dialect.BEGIN)
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._roll_back(writer)
                raise
            self._depth -= 1
            if self._depth == 0:
                try:
                    writer.commit()
                except self._errors:
                    self._roll_back(writer)
                    raise

    def write(self, statement: Executable, values: Mapping[str, Any] = _NOTHING) -> int:
        """Run a statement, in the open transaction or in one of its own, and return the rows changed."""
        return int(self._execute(statement, values).rowcount)

    def write_all(self, statement: Executable, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a statement once for each of ``rows``, in the open transaction or in one of its own."""
        prepared = _PREPARER.prepare(statement)
        with self.transaction():
            self._writer.executemany(prepared.text, [prepared.bind(row) for row in rows])

    def insert(self, statement: Executable, values: Mapping[str, Any]) -> int:
        """Insert a row and return the key that it was given."""
        return dialect.read_new_key(self._execute(statement, values))

    def peek(self, query: Executable, values: Mapping[str, Any] = _NOTHING) -> tuple[Any, ...] | None:
        """Return the first row of a query, uncommitted writes included."""
        prepared = _PREPARER.prepare(query)
        with self._lock:
            try:
                cursor = self._need_writer().execute(prepared.text, prepared.bind(values))
                row: tuple[Any, ...] | None = cursor.fetchone()
            except self._errors as err:
                raise self._translate(err) from err
        return row

    def rows(self, query: Executable, values: Mapping[str, Any] = _NOTHING) -> list[tuple[Any, ...]]:
        """Return all rows of a query over committed data."""
        prepared = _PREPARER.prepare(query)
        reader = self._readers.get()
        try:
            found: list[tuple[Any, ...]] = reader.execute(prepared.text, prepared.bind(values)).fetchall()
        except self._errors as err:
            raise self._translate(err) from err
        else:
            return found
        finally:
            self._readers.put(reader)

    def used_bytes(self) -> int:
        """Return the size of the file without its free pages."""
        reader = self._readers.get()
        try:
            with self._translated():
                return dialect.read_used_bytes(reader)
        finally:
            self._readers.put(reader)

    def compact(self) -> bool:
        """Write the file anew without the room that deleted rows left in its pages; False if it cannot be.

        Nobody can write meanwhile; a gigabyte takes some ten seconds.
        """
        with self._lock:
            try:
                return dialect.compact(self._need_writer(), self.path)
            except self._errors:
                return False

    def _execute(self, statement: Executable, values: Mapping[str, Any]) -> Any:
        prepared = _PREPARER.prepare(statement)
        with self._lock:
            if self._depth:  # this thread's own transaction: it holds the lock and translates errors
                return self._need_writer().execute(prepared.text, prepared.bind(values))
            with self.transaction():
                return self._need_writer().execute(prepared.text, prepared.bind(values))

    def _find_place(self) -> tuple[int, int] | None:
        """Return what tells the file from another of the same name; None if it is gone."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _need_writer(self) -> Any:
        if self._writer is None:
            raise HistoryError(f"{self.path}: opened for reading only")
        return self._writer

    def _roll_back(self, writer: Any) -> None:
        with contextlib.suppress(*self._errors):
            writer.rollback()

    def _open_writer(self) -> Any:
        """Return the driver's connection that writes, after the tables are this version's."""
        connection = self._connect()
        with connection.begin():
            connection.execute(text(dialect.BEGIN))
            if dialect.is_empty(connection):
                dialect.mark(connection, _VERSION)
                migration.make_tables(connection)
            self._check_kind(connection)
            migration.upgrade(connection)
            fill_counts(connection)
        return connection.connection.driver_connection

    def _open_reader(self, *, read_only: bool) -> Any:
        connection = self._connect()
        if read_only:
            with connection.begin():
                self._check_kind(connection)
                self.lacking = add_what_lacks(connection)
        reader = connection.connection.driver_connection
        dialect.forbid_writing(reader)
        return reader

    def _connect(self) -> Connection:
        connection = self._engine.connect()
        self._connections.append(connection)
        return connection

    def _check_kind(self, connection: Connection) -> None:
        version = dialect.read_mark(connection)
        if version is None:
            raise HistoryError(f"{self.path}: not a history of a control room; choose another state_dir")
        if version != _VERSION:
            raise HistoryError(
                f"{self.path}: version {version}, this program reads {_VERSION};"
                " use the program that wrote it, or another state_dir"
            )

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Raise errors of the database and the operating system as ``HistoryError`` with the file's path."""
        try:
            yield
        except self._errors as err:
            raise self._translate(err) from err

    def _translate(self, err: Exception) -> HistoryError:
        if isinstance(err, OSError):
            return HistoryError(f"{self.path}: {err.strerror or err}")
        cause = err.orig if isinstance(err, DBAPIError) and err.orig is not None else err
        advice = _DAMAGED if dialect.is_damaged(cause) else ""
        return HistoryError(f"{self.path}: {cause}{advice}")
