"""Open the history's database, run transactions and prepared statements in it: the one door to it.

One connection writes and a few read, so that neither waits for the other. Statements are SQLAlchemy's, made
of the tables in ``storage/tables.py``; each is compiled once. What is a database's own stands in
``storage/sqlite.py`` and ``storage/postgres.py``.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy.exc import DBAPIError

from edge_node.control_room.history.storage.backend import DatabaseUnusableError
from edge_node.control_room.history.storage.sqlite import NAME, SqliteBackend
from edge_node.errors import CorrosionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import Executable

    from edge_node.control_room.database_address import DatabasePlace
    from edge_node.control_room.history.storage.backend import Backend
    from edge_node.control_room.history.storage.picture_files import PictureFiles
    from edge_node.control_room.history.storage.prepared import Prepared

__all__ = ["NAME", "ContendedError", "Database", "HistoryError", "from_us", "to_us"]

_READERS = 4
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
_NOTHING: Mapping[str, Any] = {}
_Read = TypeVar("_Read")


class HistoryError(CorrosionError):
    """The history cannot be opened, read or written."""


class ContendedError(HistoryError):
    """Two transactions waited for each other; nothing was written, and the same may be tried again."""


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

    def __init__(self, folder: Path, *, read_only: bool = False, place: DatabasePlace | None = None) -> None:
        """Open the history; make it if it does not exist, upgrade it if it is of an older version.

        Args:
            folder: the control room's state folder, in which the file lies.
            read_only: it must exist and is not changed: for use while a control room runs on it.
            place: the PostgreSQL database that holds it instead.

        Raises:
            HistoryError: it is no history, is damaged, or was written by a newer version.
            ConfigError: ``place`` cannot be used.
        """
        self._lock = threading.RLock()
        self._depth = 0
        self._writer: Any = None
        self._guard: Callable[[], None] = lambda: None
        self._readers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        try:
            self._backend: Backend = _find_backend(folder, place, read_only=read_only)
        except (DatabaseUnusableError, OSError) as err:
            raise HistoryError(f"{folder / NAME}: {getattr(err, 'strerror', None) or err}") from err
        self._errors: tuple[type[Exception], ...] = (*self._backend.errors, DatabaseUnusableError)
        with self._translated():
            try:
                if not read_only:
                    self._writer = self._backend.open_writer()
                for number in range(_READERS):
                    is_late = number and self.is_shared  # a server's connections are opened when needed
                    self._readers.put(None if is_late else self._backend.open_reader(read_only=read_only))
            except BaseException:
                self.close()
                raise

    @property
    def is_shared(self) -> bool:
        """Other processes may write into the history at the same time."""
        return self._backend.is_shared

    @property
    def backend(self) -> Backend:
        """What is the database's own, for packages that need it."""
        return self._backend

    @property
    def pictures(self) -> PictureFiles | None:
        """Where the contents of pictures lie; None where they are in the rows."""
        return self._backend.pictures

    @property
    def lacking(self) -> frozenset[str]:
        """Columns of verdicts that an older file lacks, which is only read."""
        return self._backend.lacking

    def close(self) -> None:
        """Close all connections; never raises."""
        self._backend.close()

    def claim(self, *, alone: bool, wait_s: float = 10.0) -> None:
        """Keep other rooms from storing here, until it is closed, also where it is a server's.

        Args:
            alone: no other process of this room stores here either.
            wait_s: for one that is just ending.

        Raises:
            HistoryError: another room stores here.
        """
        with self._lock, self._translated():
            self._backend.claim(self._need_writer(), alone=alone, wait_s=wait_s)

    def check_place(self) -> None:
        """Raise HistoryError if the file was removed or replaced: what is written then is lost at the end."""
        with self._translated():
            self._backend.check_place()

    @contextlib.contextmanager
    def transaction(self, robots: Sequence[tuple[str, str]] | None = None) -> Iterator[None]:
        """Commit all writes inside at once, or none of them; may be nested.

        No other transaction of the room runs at the same time, also not of another process: so what is read
        inside stays as it is until the end. One with ``robots`` runs beside those of other robots.

        Args:
            robots: site and name of those whose rows alone are written; known ones stay locked to the end.

        Raises:
            HistoryError: nothing was written.
        """
        with self._lock, self._translated():
            writer = self._need_writer()
            if self._depth == 0:
                self._backend.check_place()
                self._begin(writer, robots)
            is_outer = self._depth == 0
            self._depth += 1
            try:
                if is_outer:
                    self._guard()
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
        return int(self._execute(self._prepare(statement), values).rowcount)

    def write_all(self, statement: Executable, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a statement once for each of ``rows``, in the open transaction or in one of its own."""
        with self.transaction():
            self._backend.write_all(self._need_writer(), statement, rows)

    def insert(self, statement: Executable, values: Mapping[str, Any]) -> int:
        """Insert a row and return the key that it was given."""
        return self._backend.read_new_key(self._execute(self._backend.prepare_insert(statement), values))

    def peek(self, query: Executable, values: Mapping[str, Any] = _NOTHING) -> tuple[Any, ...] | None:
        """Return the first row of a query, uncommitted writes included."""
        prepared = self._prepare(query)
        with self._lock, self._translated():
            cursor = self._need_writer().execute(prepared.text, prepared.bind(values))
            row: tuple[Any, ...] | None = cursor.fetchone()
        return row

    def peek_all(self, query: Executable, values: Mapping[str, Any] = _NOTHING) -> list[tuple[Any, ...]]:
        """Return all rows of a query, uncommitted writes included."""
        prepared = self._prepare(query)
        with self._lock, self._translated():
            cursor = self._need_writer().execute(prepared.text, prepared.bind(values))
            found: list[tuple[Any, ...]] = cursor.fetchall()
        return found

    def peek_each(self, query: Executable, rows: Sequence[Mapping[str, Any]]) -> list[list[tuple[Any, ...]]]:
        """Return the rows of a query for each of ``rows``, uncommitted writes included."""
        with self._lock, self._translated():
            return self._backend.read_each(self._need_writer(), query, rows)

    def rows(self, query: Executable, values: Mapping[str, Any] = _NOTHING) -> list[tuple[Any, ...]]:
        """Return all rows of a query over committed data."""
        prepared = self._prepare(query)
        bound = prepared.bind(values)

        def read(reader: Any) -> list[tuple[Any, ...]]:
            found: list[tuple[Any, ...]] = reader.execute(prepared.text, bound).fetchall()
            return found

        return self._read(read)

    def used_bytes(self) -> int:
        """Return what the history takes on the disk: of a file its size without its free pages."""
        return self._read(self._backend.read_used_bytes)

    def compact(self) -> bool:
        """Write the file anew without the room that deleted rows left in its pages; False if it cannot be.

        Nobody can write meanwhile; a gigabyte takes some ten seconds.
        """
        with self._lock:
            try:
                return self._backend.compact(self._need_writer())
            except self._errors:
                return False

    def set_guard(self, guard: Callable[[], None]) -> None:
        """Run ``guard`` at the beginning of each transaction: if it raises, nothing is written."""
        self._guard = guard

    def notify(self, channel: str, text: str) -> None:
        """Tell the room's other processes, once the open transaction is committed."""
        with self._lock, self._translated():
            self._backend.notify(self._need_writer(), channel, text)

    def listen(self, channel: str) -> Iterator[str | None]:
        """Yield what other processes notify, and None each second without; only where ``is_shared``.

        Raises:
            HistoryError: the connection was lost; listen anew, and read what came meanwhile.
        """
        with self._translated():
            connection = self._backend.listen(channel)  # type: ignore[attr-defined]
            try:
                yield None
                while True:
                    for notice in connection.notifies(timeout=1.0, stop_after=1):
                        yield notice.payload
                    yield None
            finally:
                self._backend.close_connection(connection)

    def find_edge(self, before_us: int) -> int:
        """Return up to which time rows go by age at little cost: the beginning of a partition."""
        return self._backend.find_edge(before_us)

    def keep_picture(self, content: bytes) -> bytes:
        """Return what the row of a picture holds: its content, or the hash of the file that was written."""
        if self._backend.pictures is None:
            return content
        with self._translated():
            return self._backend.pictures.write(content)

    def read_picture(self, stored: bytes) -> bytes | None:
        """Return the content of a picture by what its row holds; None if its file is gone."""
        if self._backend.pictures is None:
            return stored
        with self._translated():
            return self._backend.pictures.read(stored)

    def ensure_partition(self, received_us: int) -> None:
        """Make room for verdicts of a time, in the open transaction, where the database has partitions."""
        with self._translated():
            self._backend.ensure_partition(self._need_writer(), received_us)

    def drop_partitions(self, last: int) -> None:
        """Drop the partitions of verdicts with no position beyond ``last``, in the open transaction.

        Raises:
            PartitionInUseError: somebody reads one for long; the transaction has failed.
        """
        with self._translated():
            self._backend.drop_partitions(self._need_writer(), last)

    def _prepare(self, statement: Executable) -> Prepared:
        return self._backend.preparer.prepare(statement)

    def _execute(self, prepared: Prepared, values: Mapping[str, Any]) -> Any:
        with self._lock:
            if self._depth:  # this thread's own transaction: it holds the lock and translates errors
                return self._need_writer().execute(prepared.text, prepared.bind(values))
            with self.transaction():
                return self._need_writer().execute(prepared.text, prepared.bind(values))

    def _read(self, read: Callable[[Any], _Read]) -> _Read:
        """Read by one of the readers; once more by a new connection where the old one has ended."""
        reader = self._readers.get()
        try:
            with self._translated():
                try:
                    if reader is not None:
                        return read(reader)
                except self._errors:
                    if not self._backend.is_lost(reader):
                        raise
                    self._backend.close_connection(reader)
                    reader = None
                reader = self._backend.open_reader(read_only=False)
                return read(reader)
        finally:
            self._readers.put(reader)

    def _need_writer(self) -> Any:
        if self._writer is None:
            raise HistoryError(f"{self._backend.name}: opened for reading only")
        if self._depth == 0 and self._backend.is_lost(self._writer):
            self._backend.close_connection(self._writer)
            self._writer = self._backend.reopen_writer()
        return self._writer

    def _begin(self, writer: Any, robots: Sequence[tuple[str, str]] | None) -> None:
        try:
            self._backend.begin(writer, robots)
        except BaseException:
            self._roll_back(writer)
            raise

    def _roll_back(self, writer: Any) -> None:
        with contextlib.suppress(*self._errors):
            writer.rollback()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Raise errors of the database and the operating system as ``HistoryError`` with the place's name."""
        try:
            yield
        except self._errors as err:
            raise self._translate(err) from err

    def _translate(self, err: Exception) -> Exception:
        name = self._backend.name
        if isinstance(err, OSError):
            return HistoryError(f"{name}: {err.strerror or err}")
        cause = err.orig if isinstance(err, DBAPIError) and err.orig is not None else err
        if self._backend.is_refused_value(cause):
            return ValueError(str(cause))
        text = f"{name}: {' '.join(str(cause).split())}{self._backend.give_advice(cause)}"
        return ContendedError(text) if self._backend.is_contended(cause) else HistoryError(text)


def _find_backend(folder: Path, place: DatabasePlace | None, *, read_only: bool) -> Backend:
    if place is None:
        return SqliteBackend(folder, read_only=read_only)
    from edge_node.control_room.history.storage.postgres import PostgresBackend

    return PostgresBackend(place, folder)
