"""Open the history's SQLite file, run transactions and queries in it: the only importer of sqlite3 here.

One connection writes and a few read, in WAL mode, so that neither waits for the other. synchronous=FULL: a
committed message survives a power cut, and only then is it acknowledged to the broker.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sqlite3
import threading
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from edge_node.errors import CorrosionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

NAME = "history.db"
_APPLICATION_ID = 0x436F7248  # "CorH": distinguishes a history from other SQLite files
_SCHEMA_VERSION = 1
NO_REASON = 99  # sorts behind all reasons
_READERS = 4
_BUSY_TIMEOUT_MS = 5000
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
_WAL_BYTES = 16 * 1024 * 1024
# Times are whole microseconds since 1970, UTC. `arrived` holds the received numbers as ranges: a day without
# gaps is one row, and a verdict that retention has deleted still counts as received.
_SCHEMA = """
CREATE TABLE robot (
    robot_key INTEGER PRIMARY KEY, site TEXT NOT NULL, robot TEXT NOT NULL,
    first_heard_us INTEGER NOT NULL, last_heard_us INTEGER NOT NULL, last_verdict_us INTEGER,
    verdicts INTEGER NOT NULL DEFAULT 0, duplicates INTEGER NOT NULL DEFAULT 0,
    clock_ahead_us INTEGER, status BLOB, health BLOB,
    UNIQUE (site, robot));
CREATE TABLE epoch (
    epoch_key INTEGER PRIMARY KEY, robot_key INTEGER NOT NULL, epoch TEXT NOT NULL,
    UNIQUE (robot_key, epoch));
CREATE TABLE arrived (
    epoch_key INTEGER NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,
    PRIMARY KEY (epoch_key, first_seq)) WITHOUT ROWID;
CREATE TABLE verdict (
    position INTEGER PRIMARY KEY AUTOINCREMENT, robot_key INTEGER NOT NULL, epoch_key INTEGER NOT NULL,
    seq INTEGER NOT NULL, observed_us INTEGER NOT NULL, received_us INTEGER NOT NULL,
    replayed INTEGER NOT NULL, outcome TEXT NOT NULL, material TEXT, form TEXT, severity TEXT, asset TEXT,
    distance_m REAL, area_fraction REAL, evidence TEXT);
CREATE UNIQUE INDEX verdict_by_number ON verdict (epoch_key, seq);
CREATE INDEX verdict_by_time ON verdict (observed_us);
CREATE INDEX verdict_by_robot ON verdict (robot_key, observed_us);
CREATE INDEX verdict_by_outcome ON verdict (outcome, observed_us);
CREATE INDEX verdict_by_material ON verdict (material, observed_us);
CREATE INDEX verdict_by_severity ON verdict (severity, observed_us) WHERE severity IS NOT NULL;
CREATE INDEX verdict_by_asset ON verdict (asset, observed_us) WHERE asset IS NOT NULL;
CREATE INDEX verdict_by_distance ON verdict (robot_key, distance_m) WHERE distance_m IS NOT NULL;
CREATE TABLE verdict_message (position INTEGER PRIMARY KEY, payload BLOB NOT NULL);
CREATE TABLE finding (
    finding_key INTEGER PRIMARY KEY, robot_key INTEGER NOT NULL, finding_id TEXT NOT NULL,
    is_open INTEGER NOT NULL, frames INTEGER NOT NULL, first_us INTEGER NOT NULL, last_us INTEGER NOT NULL,
    received_us INTEGER NOT NULL, material TEXT, severity TEXT, asset TEXT, payload BLOB NOT NULL,
    UNIQUE (robot_key, finding_id));
CREATE INDEX finding_by_time ON finding (is_open, last_us);
CREATE TABLE review (
    review_id TEXT PRIMARY KEY, robot_key INTEGER NOT NULL, finding_id TEXT NOT NULL,
    reviewed_us INTEGER NOT NULL, opinion TEXT NOT NULL, note TEXT NOT NULL, reviewer TEXT NOT NULL,
    corrections TEXT NOT NULL, delivery TEXT NOT NULL, answer TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX review_by_finding ON review (robot_key, finding_id, reviewed_us);
CREATE TABLE response (
    response_key INTEGER PRIMARY KEY, robot_key INTEGER NOT NULL, response_id TEXT NOT NULL,
    received_us INTEGER NOT NULL, command_id TEXT, payload BLOB NOT NULL,
    UNIQUE (robot_key, response_id));
CREATE INDEX response_by_command ON response (command_id);
CREATE TABLE picture (
    picture_key INTEGER PRIMARY KEY AUTOINCREMENT, robot_key INTEGER NOT NULL, sha256 TEXT NOT NULL,
    is_thumbnail INTEGER NOT NULL, received_us INTEGER NOT NULL, bytes INTEGER NOT NULL,
    content BLOB NOT NULL,
    UNIQUE (robot_key, sha256, is_thumbnail));
CREATE TABLE refused (
    reason TEXT PRIMARY KEY, count INTEGER NOT NULL, last_us INTEGER NOT NULL, last_topic TEXT NOT NULL,
    last_text TEXT NOT NULL) WITHOUT ROWID;
"""
# Missing numbers of the epoch of a row of `epoch_state`, up to its end if that was named.
EPOCH_MISSING = (
    "SELECT max(0, max(coalesce(max(last_seq), 0), named_seq)"
    " - iif(from_start, 1, coalesce(min(first_seq), named_seq + 1)) + 1"
    " - coalesce(sum(last_seq - first_seq + 1), 0)) FROM arrived WHERE epoch_key = epoch_state.epoch_key"
)
# Added later, beside the tables of version 1, which an older program goes on using.
_ADDED_TABLES = """
CREATE {temporary} TABLE epoch_state (
    epoch_key INTEGER PRIMARY KEY, robot_key INTEGER NOT NULL, from_start INTEGER NOT NULL,
    previous_key INTEGER, named_seq INTEGER NOT NULL DEFAULT 0, named_us INTEGER,
    missing INTEGER NOT NULL DEFAULT 0);
CREATE {temporary} TABLE conflict (
    conflict_key INTEGER PRIMARY KEY, robot_key INTEGER NOT NULL, epoch TEXT NOT NULL,
    seq INTEGER NOT NULL, sha256 BLOB NOT NULL, received_us INTEGER NOT NULL, count INTEGER NOT NULL,
    payload BLOB NOT NULL, UNIQUE (robot_key, epoch, seq, sha256));
"""
_ADDED_INDEXES = """
CREATE INDEX epoch_with_gaps ON epoch_state (robot_key) WHERE missing > 0;
CREATE INDEX epoch_by_previous ON epoch_state (previous_key) WHERE previous_key IS NOT NULL;
ALTER TABLE verdict ADD COLUMN sha256 BLOB;
"""
# What the review queue is ordered by; a verdict that an older program stores counts as one without reasons.
_DISAGREEMENT = (
    "CREATE TABLE disagreement (disagreement_key INTEGER PRIMARY KEY AUTOINCREMENT,"
    " robot_key INTEGER NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL, received_us INTEGER NOT NULL,"
    " evidence TEXT, payload BLOB NOT NULL, UNIQUE (robot_key, epoch, seq))"
)
_QUEUE_COLUMNS = (
    "ALTER TABLE verdict ADD COLUMN reasons TEXT NOT NULL DEFAULT ''",
    f"ALTER TABLE verdict ADD COLUMN teaches INTEGER NOT NULL DEFAULT {NO_REASON}",
    "ALTER TABLE verdict ADD COLUMN margin REAL NOT NULL DEFAULT 0",
    "CREATE INDEX verdict_by_teaching ON verdict (teaches, margin, position DESC) WHERE evidence IS NOT NULL",
    _DISAGREEMENT,
)
_FILL = (
    "INSERT INTO epoch_state (epoch_key, robot_key, from_start) SELECT epoch_key, robot_key, 0 FROM epoch e"
    " WHERE NOT EXISTS (SELECT 1 FROM epoch_state s WHERE s.epoch_key = e.epoch_key)"
)
_COUNT = f"UPDATE epoch_state SET missing = ({EPOCH_MISSING})"


# Not in the first versions' files; older programs do not look at it.
_LATER_TABLES = (
    "CREATE TABLE IF NOT EXISTS retired (robot_key INTEGER PRIMARY KEY, retired_us INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS audit (audit_key INTEGER PRIMARY KEY AUTOINCREMENT, at_us INTEGER NOT NULL,"
    " user TEXT NOT NULL, role TEXT NOT NULL, origin TEXT NOT NULL, address TEXT NOT NULL,"
    " action TEXT NOT NULL, subject TEXT NOT NULL, outcome TEXT NOT NULL, text TEXT NOT NULL);"
    "CREATE INDEX IF NOT EXISTS audit_by_action ON audit (action, audit_key)"
)


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
    """An open history file: any thread may read, one at a time may write."""

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        """Open the file in ``folder``; create it if it does not exist.

        Args:
            folder: the control room's state folder.
            read_only: the file must exist and is not changed: for use while a control room runs on it.

        Raises:
            HistoryError: the file is no history, is damaged, or was written by a newer version.
        """
        self.path = folder / NAME
        self._lock = threading.RLock()
        self._depth = 0
        self._readers: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        self._connections: list[sqlite3.Connection] = []
        self._writer: sqlite3.Connection | None = None
        if read_only and not self.path.is_file():
            raise HistoryError(f"{self.path}: not there; is it the state_dir of a control room?")
        with self._translated():
            try:
                if not read_only:
                    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                    self._make_file()
                    self._writer = self._connect()
                    self._prepare(self._writer)
                for _ in range(_READERS):
                    reader = self._connect()
                    if read_only:
                        _add_tables(reader, temporary=True)
                    reader.execute("PRAGMA query_only = 1")
                    self._readers.put(reader)
                if read_only:
                    self._check_kind(self._connections[0])
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Close all connections, which checkpoints the write-ahead log; never raises."""
        for connection in reversed(self._connections):
            with contextlib.suppress(sqlite3.Error):
                connection.close()
        self._connections.clear()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all writes inside at once, or none of them; may be nested.

        Raises:
            HistoryError: nothing was written.
        """
        with self._lock, self._translated():
            writer = self._open_writer()
            if self._depth == 0:
                writer.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    with contextlib.suppress(sqlite3.Error):
                        writer.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                try:
                    writer.execute("COMMIT")
                except sqlite3.Error:
                    with contextlib.suppress(sqlite3.Error):
                        writer.execute("ROLLBACK")
                    raise

    def write(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Run a statement, in the open transaction or in one of its own, and return the rows changed."""
        return self._execute(statement, values).rowcount

    def insert(self, statement: str, values: Sequence[Any]) -> int:
        """Insert a row and return its rowid."""
        return int(self._execute(statement, values).lastrowid or 0)

    def peek(self, query: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """Return the first row of a query, uncommitted writes included."""
        with self._lock, self._translated():
            row: tuple[Any, ...] | None = self._open_writer().execute(query, values).fetchone()
            return row

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a query over committed data."""
        reader = self._readers.get()
        try:
            with self._translated():
                return reader.execute(query, values).fetchall()
        finally:
            self._readers.put(reader)

    def has_table(self, name: str) -> bool:
        """Tell whether the file has a table: one that was written by an older version may lack some."""
        return bool(self.rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (name,)))

    def used_bytes(self) -> int:
        """Return the size of the file without its free pages."""
        pages, free, size = (
            int(self.rows(f"PRAGMA {name}")[0][0]) for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size

    def _execute(self, statement: str, values: Sequence[Any]) -> sqlite3.Cursor:
        with self._lock:
            if self._depth:  # this thread's own transaction: it holds the lock and translates errors
                return self._open_writer().execute(statement, values)
            with self.transaction():
                return self._open_writer().execute(statement, values)

    def _open_writer(self) -> sqlite3.Connection:
        if self._writer is None:
            raise HistoryError(f"{self.path}: opened for reading only")
        return self._writer

    def _make_file(self) -> None:
        """Make the file for its owner alone before SQLite does: log and index beside it take its mode."""
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))

    def _connect(self) -> sqlite3.Connection:
        # Autocommit: ``transaction`` begins them. Threads share a connection, one at a time.
        connection = sqlite3.connect(
            self.path, timeout=_BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False
        )
        self._connections.append(connection)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
        connection.execute("PRAGMA trusted_schema = OFF")
        return connection

    def _prepare(self, writer: sqlite3.Connection) -> None:
        if not writer.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            writer.executescript(
                f"BEGIN; {_SCHEMA} PRAGMA application_id = {_APPLICATION_ID};"
                f" PRAGMA user_version = {_SCHEMA_VERSION}; COMMIT;"
            )
        self._check_kind(writer)
        _add_tables(writer, temporary=False)
        writer.executescript(_LATER_TABLES)

    def _check_kind(self, connection: sqlite3.Connection) -> None:
        kind = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if kind != _APPLICATION_ID:
            raise HistoryError(f"{self.path}: not a history of a control room; choose another state_dir")
        if version != _SCHEMA_VERSION:
            raise HistoryError(
                f"{self.path}: version {version}, this program reads {_SCHEMA_VERSION};"
                " use the program that wrote it, or another state_dir"
            )

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Raise errors of SQLite and the operating system as ``HistoryError`` with the file's path."""
        try:
            yield
        except sqlite3.Error as err:
            damaged = isinstance(err, sqlite3.DatabaseError) and "malformed" in str(err)
            advice = "; it is damaged: move it away and start anew" if damaged else ""
            raise HistoryError(f"{self.path}: {err}{advice}") from err
        except OSError as err:
            raise HistoryError(f"{self.path}: {err.strerror or err}") from err


def _add_tables(connection: sqlite3.Connection, *, temporary: bool) -> None:
    """Add the tables that a file of an older version lacks; temporary ones where it must not be changed."""
    connection.execute("BEGIN IMMEDIATE" if not temporary else "BEGIN")
    try:
        known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'epoch_state'").fetchone()
        if not known:
            tables = _ADDED_TABLES.format(temporary="TEMP" if temporary else "")
            for statement in (tables if temporary else tables + _ADDED_INDEXES).split(";"):
                connection.execute(statement)
        if not temporary and not _has_column(connection, "teaches"):
            for statement in _QUEUE_COLUMNS:
                connection.execute(statement)
        if not (known and temporary):  # an older program may have gone on in between
            connection.execute(_FILL)
            connection.execute(_COUNT)
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def _has_column(connection: sqlite3.Connection, name: str) -> bool:
    return any(row[1] == name for row in connection.execute("PRAGMA table_info(verdict)"))
