"""Open a history on a PostgreSQL server: connections, locks among processes, partitions, what it takes."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from sqlalchemy import NullPool, create_engine
from sqlalchemy.dialects.postgresql import psycopg as dialect_of_psycopg
from sqlalchemy.dialects.postgresql.base import PGTypeCompiler
from sqlalchemy.exc import SQLAlchemyError

from edge_node.control_room.database_address import find_parameters, load_driver, name_place
from edge_node.control_room.history.storage import migration, postgres_tables
from edge_node.control_room.history.storage.backend import DatabaseUnusableError, PartitionInUseError
from edge_node.control_room.history.storage.bulk_insert import list_columns, make_bulk, returning_key
from edge_node.control_room.history.storage.picture_files import PictureFiles
from edge_node.control_room.history.storage.prepared import Preparer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import Executable

    from edge_node.control_room.database_address import DatabasePlace
    from edge_node.control_room.history.storage.prepared import Prepared

VERSION = 1  # of the tables: a program of the same one goes on with them, whatever was added since
_ROOM_LOCK = 0x436F7248  # with the schema: who writes
_SCHEMA = "hashtext(current_schema()::text)"
_LOCK_ROOM = f"SELECT pg_advisory_xact_lock({_ROOM_LOCK}, {_SCHEMA})"
_LOCK_ROOM_SHARED = f"SELECT pg_advisory_xact_lock_shared({_ROOM_LOCK}, {_SCHEMA})"
# Held by the connection that writes: a room of one process alone, or the members of a shared ingest.
_CLAIM = 0x436F7243
# A lock of the table, not an advisory one: only with such a lock a session learns of tables that others made.
_LOCK_PARTITIONS = "LOCK TABLE verdict IN SHARE UPDATE EXCLUSIVE MODE"
# In one order, so that two processes never wait for each other.
_LOCK_ROBOTS = """
    SELECT robot_key FROM robot JOIN unnest(%s::text[], %s::text[]) AS named (site, robot) USING (site, robot)
    ORDER BY robot_key FOR NO KEY UPDATE OF robot"""
# Whatever the server, the database or the role prefers. A repeatable read would see the room as it was before
# its lock was given. A host without power is noticed within half a minute, not after two hours in which it
# held the lock; so is a process that was suspended in a transaction.
# A commit is on the disk (of the standby too, where the server is told to wait for it) before it is answered.
_SETTINGS = (
    "SET jit = off",
    "SET client_encoding = 'UTF8'",
    # Only the first schema of the path: another room may have the others.
    "SELECT set_config('search_path', quote_ident(current_schema()), false) WHERE current_schema() <> ''",
    "SET default_transaction_isolation = 'read committed'",
    "SET tcp_keepalives_idle = 10",
    "SET tcp_keepalives_interval = 5",
    "SET tcp_keepalives_count = 3",
    "SET tcp_user_timeout = 20000",
    "SET idle_in_transaction_session_timeout = '120s'",
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit')='off'",
)
_DROP_WAITS = "SET LOCAL lock_timeout = '2s'"  # for readers of a partition, as a backup has it


class _Types(PGTypeCompiler):
    """Takes values of 64 bits wherever SQLite does: for an integer of any name."""

    def visit_INTEGER(self, type_: Any, **_options: Any) -> str:  # noqa: N802, ARG002  SQLAlchemy's name
        return "BIGINT"


def _make_dialect() -> Any:
    made: Any = dialect_of_psycopg.dialect(paramstyle="format")  # type: ignore[no-untyped-call]
    made.type_compiler_instance = _Types(made)
    return made


_PREPARER = Preparer(_make_dialect())


class PostgresBackend:
    """A schema of a PostgreSQL database; several processes write to it."""

    is_shared = True

    def __init__(self, place: DatabasePlace, folder: Path) -> None:
        """Prepare to connect.

        Args:
            place: of the database.
            folder: the state folder, in which pictures lie if ``place`` names no other folder for them.

        Raises:
            ConfigError: the driver is not installed, or a file cannot be read.
        """
        driver = load_driver()
        self._driver = driver
        self._place = place
        self.name = name_place(place)
        self.errors: tuple[type[Exception], ...] = (driver.Error, SQLAlchemyError, OSError)
        self.preparer = _PREPARER
        self.pictures: PictureFiles | None = PictureFiles(_pictures_folder(place, folder))
        self.lacking: frozenset[str] = frozenset()
        self._partitions: set[int] = set()
        self._connections: list[Any] = []
        self._lock_timeout = driver.errors.LockNotAvailable
        find_parameters(place)

    # --- connections

    def open_writer(self) -> Any:
        """Return the connection that writes, after the tables are this version's."""
        writer = self._open(read_only=False)
        if not self._is_current(writer):
            self._upgrade()
        return writer

    def reopen_writer(self) -> Any:
        """Return a new connection that writes, after the one before has ended."""
        return self._open(read_only=False)

    def open_reader(self, *, read_only: bool) -> Any:
        """Return a connection that only reads."""
        reader = self._open(read_only=True)
        if read_only and reader.execute("SELECT to_regclass('room_mark')").fetchone()[0] is None:
            raise DatabaseUnusableError(
                "no history of a control room is there; start the control room once, which makes it"
            )
        return reader

    def close_connection(self, connection: Any) -> None:
        """Close a connection; never raises."""
        with contextlib.suppress(*self.errors, ValueError):
            self._connections.remove(connection)
            connection.close()

    def close(self) -> None:
        """Close all connections; never raises."""
        for connection in list(self._connections):
            self.close_connection(connection)

    def check_place(self) -> None:
        """Do nothing: a database that was removed fails by itself."""

    def is_lost(self, connection: Any) -> bool:
        """Tell whether a connection has ended: the server was stopped, killed, or another one took over."""
        return bool(connection.closed or connection.broken)

    # --- transactions

    def begin(self, writer: Any, robots: Sequence[tuple[str, str]] | None) -> None:
        """Begin a transaction: alone in the room, or beside those of other robots."""
        writer.execute("BEGIN")
        if robots is None:
            writer.execute(_LOCK_ROOM)
            return
        writer.execute(_LOCK_ROOM_SHARED)
        writer.execute(_LOCK_ROBOTS, [[site for site, _ in robots], [robot for _, robot in robots]])

    def is_contended(self, error: BaseException) -> bool:
        """Tell whether an error is a deadlock or a failed serialization."""
        return isinstance(
            error, (self._driver.errors.DeadlockDetected, self._driver.errors.SerializationFailure)
        )

    def is_refused_value(self, error: BaseException) -> bool:
        """Tell whether an error is of a value that fits into no row, as a number beyond 64 bits."""
        return isinstance(error, self._driver.DataError)

    def give_advice(self, error: BaseException) -> str:
        """Say what a person can do where the server refuses."""
        if isinstance(error, self._driver.errors.ReadOnlySqlTransaction):
            return "; this server only reads: name the others too, and target_session_attrs=read-write"
        if isinstance(error, self._driver.errors.InsufficientPrivilege):
            return "; the role makes its tables itself: GRANT CREATE ON SCHEMA, or a schema that it owns"
        if isinstance(error, self._driver.errors.InvalidSchemaName):
            return "; the schemas of its search_path are not there: CREATE SCHEMA"
        return ""

    # --- statements

    def prepare_insert(self, statement: Executable) -> Prepared:
        """Return an INSERT that returns the key."""
        return self.preparer.prepare(returning_key(statement))

    def read_new_key(self, cursor: Any) -> int:
        """Return the key that the row of an INSERT was given."""
        return int(cursor.fetchone()[0])

    def write_all(self, writer: Any, statement: Executable, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run a statement for each of ``rows``: a plain INSERT as one statement, others in a pipeline."""
        given = list(rows)
        if not given:
            return
        names = list_columns(statement)
        if names is not None:
            prepared = self.preparer.prepare(make_bulk(statement))
            writer.execute(
                prepared.text, prepared.bind({name: [row[name] for row in given] for name in names})
            )
            return
        prepared = self.preparer.prepare(statement)
        with writer.cursor() as cursor:
            cursor.executemany(prepared.text, [prepared.bind(row) for row in given])

    def read_each(
        self, reader: Any, query: Executable, rows: Sequence[Mapping[str, Any]]
    ) -> list[list[tuple[Any, ...]]]:
        """Return the rows of a query for each of ``rows``, in one pipeline."""
        if not rows:
            return []
        prepared = self.preparer.prepare(query)
        with reader.cursor() as cursor:
            cursor.executemany(prepared.text, [prepared.bind(row) for row in rows], returning=True)
            found = [cursor.fetchall()]
            while cursor.nextset():
                found.append(cursor.fetchall())
        return found

    # --- partitions

    def ensure_partition(self, writer: Any, received_us: int) -> None:
        """Make the partition of a time, in the open transaction, where it is not there."""
        week = postgres_tables.find_week(received_us)
        if week in self._partitions:
            return
        name = postgres_tables.name_partition(week)
        if writer.execute("SELECT to_regclass(%s)", [name]).fetchone()[0] is None:
            writer.execute(_LOCK_PARTITIONS)
            if writer.execute("SELECT to_regclass(%s)", [name]).fetchone()[0] is None:
                for statement in postgres_tables.list_partition_statements(week):
                    writer.execute(statement)
                return  # looked at again: this transaction may come to nothing
        self._partitions.add(week)

    def drop_partitions(self, writer: Any, last: int) -> None:
        """Drop the partitions that hold no position beyond ``last``.

        Raises:
            PartitionInUseError: somebody reads one for long.
        """
        self._partitions.clear()
        writer.execute(_DROP_WAITS)
        names = [name for (name,) in writer.execute(postgres_tables.PARTITIONS).fetchall()]
        try:
            for name in filter(postgres_tables.is_partition, names):
                highest = writer.execute(postgres_tables.ask_highest(name)).fetchone()[0]
                if highest is None or highest <= last:
                    writer.execute(f"DROP TABLE {name}")
        except self._lock_timeout as err:
            raise PartitionInUseError from err
        writer.execute("SET LOCAL lock_timeout = DEFAULT")

    def find_edge(self, before_us: int) -> int:
        """Return the beginning of the week in which a time lies."""
        return postgres_tables.find_week(before_us) * postgres_tables.WEEK_US

    # --- news for other processes

    def notify(self, writer: Any, channel: str, text: str) -> None:
        """Tell those who listen, once the open transaction is committed."""
        writer.execute("SELECT pg_notify(%s, %s)", [channel, text])

    def listen(self, channel: str) -> Any:
        """Return a connection of the driver that listens; its ``notifies`` yields what others notify."""
        connection = self._open(read_only=False)
        connection.execute(self._driver.sql.SQL("LISTEN {}").format(self._driver.sql.Identifier(channel)))
        return connection

    # --- sizes

    def read_used_bytes(self, reader: Any) -> int:
        """Return what the tables take on the server's disk."""
        return int(reader.execute(postgres_tables.USED_BYTES).fetchone()[0])

    def compact(self, writer: Any) -> bool:  # noqa: ARG002  the server does it by itself
        """Leave it to the server, whose autovacuum gives room of deleted rows to later ones."""
        return False

    def _open(self, *, read_only: bool) -> Any:
        connection = self._connect()
        connection.autocommit = True
        if read_only:
            connection.execute("SET default_transaction_read_only = on")
        self._connections.append(connection)
        return connection

    def _connect(self) -> Any:
        connection = self._driver.connect(**find_parameters(self._place), autocommit=True)
        try:
            _check_encoding(connection.info.parameter_status("server_encoding"))
            for statement in _SETTINGS:
                connection.execute(statement)
            connection.autocommit = False
        except BaseException:
            connection.close()
            raise
        _adapt(connection)
        return connection

    def _is_current(self, writer: Any) -> bool:
        try:
            found = writer.execute(postgres_tables.READ_VERSIONS).fetchone()
        except self._driver.Error:
            return False
        return bool(found and found[0] == VERSION and found[1] >= migration.find_newest())

    def _upgrade(self) -> None:
        engine = create_engine("postgresql+psycopg://", creator=self._connect, poolclass=NullPool)
        with engine.begin() as connection:
            # Of two processes that start at once, the second finds the tables made.
            connection.exec_driver_sql(_LOCK_ROOM)
            is_empty, is_marked = connection.exec_driver_sql(postgres_tables.LOOK).one()
            if is_empty:
                migration.make_tables(connection, postgres_tables.list_statements())
                connection.execute(postgres_tables.room_mark.insert(), {"version": VERSION})
            self._check_kind(is_empty or is_marked, connection)
            migration.upgrade(connection)

    def _check_kind(self, is_marked: bool, connection: Any) -> None:
        if not is_marked:
            raise DatabaseUnusableError(
                "has tables that are not a control room's; name another database, or a schema by"
                " options=-csearch_path=NAME"
            )
        version = connection.execute(postgres_tables.room_mark.select()).scalar()
        if version != VERSION:
            raise DatabaseUnusableError(
                f"version {version}, this program reads {VERSION};"
                " use the program that wrote it, or another database"
            )


def _pictures_folder(place: DatabasePlace, folder: Path) -> Path:
    return folder / "pictures" if place.pictures_dir is None else folder / place.pictures_dir


def _check_encoding(encoding: str) -> None:
    if encoding != "UTF8":
        raise DatabaseUnusableError(
            f"has the encoding {encoding}, which lacks letters of robots' texts; wanted UTF8:"
            " CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0"
        )


def _adapt(connection: Any) -> None:
    """Hand over Python's values as the columns are, and read sums as whole numbers."""
    from psycopg.adapt import Dumper, Loader
    from psycopg.types.numeric import Int8Dumper
    from psycopg.types.string import StrDumper

    class _Flag(Dumper):
        oid = Int8Dumper.oid

        def dump(self, obj: bool) -> bytes:
            return b"1" if obj else b"0"

    class _CleanText(StrDumper):
        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", "\N{REPLACEMENT CHARACTER}") if "\0" in obj else obj)

    class _Number(Loader):
        def load(self, data: Any) -> int | float:
            text = bytes(data)
            return int(text) if text.isdigit() or text[1:].isdigit() else float(text)

    adapters = connection.adapters
    adapters.register_dumper(bool, _Flag)
    adapters.register_dumper(int, Int8Dumper)
    adapters.register_dumper(str, _CleanText)
    adapters.register_loader("numeric", _Number)
