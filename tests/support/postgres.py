"""A real PostgreSQL server in a temporary folder, reached by a Unix socket; new databases for tests."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.database_address import DatabasePlace
from edge_node.control_room.history.history import History
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ABSENT = "PostgreSQL is not installed (Debian package postgresql), or the Python package psycopg is not"
_FAST = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
)
_SMALL = ("shared_buffers=16MB", "max_connections=60", "autovacuum=off")
_USER = "room"
# For what is a file's own, or takes too many statements for the time that tests have.
ON_SQLITE = pytest.mark.parametrize("place", ["sqlite"], indirect=True)


@cache
def find_programs() -> Path | None:
    """Return the folder of the newest server's programs; None where PostgreSQL or its driver is absent."""
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return None
    if (found := shutil.which("initdb")) is not None:
        return Path(found).resolve().parent
    folders = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((path.parent for path in folders), default=None, key=lambda path: int(path.parent.name))


class PostgresServer:
    """A server with its data in a folder of its own; run by an unprivileged user, as PostgreSQL wants it."""

    def __init__(
        self, options: Sequence[str] = (*_FAST, *_SMALL), *, copy_of: PostgresServer | None = None
    ) -> None:
        """Make the data folder, of a running server if ``copy_of`` is given; ``start`` starts it."""
        programs = find_programs()
        if programs is None:
            pytest.skip(ABSENT)
        self._programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="room-pg-", dir="/tmp"))  # a socket's name must be short
        self._options = list(options)
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0
        if os.geteuid() == 0:
            shutil.chown(self.folder, self._user(), self._user())
        self._data = self.folder / "data"
        if copy_of is None:
            self._run(
                "initdb", "-D", self._data, "-U", _USER, "-A", "trust", "-N", "-E", "UTF8", "--locale=C.UTF-8"
            )
        else:
            self._run(
                "pg_basebackup",
                "-D",
                self._data,
                "-R",
                "-X",
                "stream",
                "-c",
                "fast",
                "-d",
                f"host={copy_of.folder} user={_USER} application_name=standby",
            )

    def start(self) -> None:
        """Start, and wait until it takes connections."""
        options = [f"unix_socket_directories={self.folder}", "listen_addresses=", *self._options]
        self._process = subprocess.Popen(
            [
                self._programs / "postgres",
                "-D",
                self._data,
                *(part for one in options for part in ("-c", one)),
            ],
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / "log").open("ab"),
            **self._as_user(),
        )
        wait_for(self.is_ready, timeout_s=60)

    @property
    def pid(self) -> int:
        """The server's first process."""
        assert self._process is not None
        return self._process.pid

    def is_ready(self) -> bool:
        """Tell whether the server takes connections."""
        done = subprocess.run(
            [self._programs / "pg_isready", "-q", "-h", self.folder, "-d", "postgres"], check=False
        )
        return done.returncode == 0

    def kill(self) -> None:
        """End the server and all its processes at once, as a power cut does."""
        if self._process is not None:
            # The other processes end when they miss the first one; those that are in a query end later.
            children = _list_children(self._process.pid)
            for pid in (self._process.pid, *children):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait(10)

    def promote(self) -> None:
        """Make a standby the server that writes; returns once it is."""
        self._run("pg_ctl", "promote", "-D", self._data, "-s")

    def stop(self) -> None:
        """Stop, and remove the folder."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)  # at once: nothing is wanted of the data
            self._process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, name: str, *others: PostgresServer) -> str:
        """Return the URL of a database of this server, or of whichever of several writes."""
        hosts = "&".join(f"host={server.folder}:5432" for server in (self, *others))
        return f"postgresql+psycopg://{_USER}@/{name}?{hosts}&target_session_attrs=read-write"

    def execute(self, statement: str, name: str = "postgres") -> list[tuple[object, ...]]:
        """Run one statement as the server's owner."""
        import psycopg

        with psycopg.connect(host=str(self.folder), user=_USER, dbname=name, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def make_database(self, template: str = "template1") -> str:
        """Make a database, and return its name."""
        self._made += 1
        name = f"room_{self._made}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def _run(self, program: str, *arguments: object) -> None:
        subprocess.run(
            [self._programs / program, *map(str, arguments)],
            check=True,
            stdout=subprocess.DEVNULL,
            **self._as_user(),
        )

    def _as_user(self) -> dict[str, object]:
        return {"user": self._user(), "group": self._user(), "extra_groups": []} if os.geteuid() == 0 else {}

    def _user(self) -> str:
        import pwd

        return "postgres" if any(one.pw_name == "postgres" for one in pwd.getpwall()) else "nobody"


class PostgresRooms:
    """Empty histories on one server: one database for each that is open, emptied and used again."""

    def __init__(self, server: PostgresServer) -> None:
        """Begin without one."""
        self._server = server
        self._template = ""
        self._free: list[str] = []

    def make(self, folder: Path) -> DatabasePlace:
        """Return the place of an empty history, whose pictures lie in ``folder``."""
        if not self._template:
            self._template = self._server.make_database()
            History(folder, place=DatabasePlace(url=self._server.url(self._template))).close()
        name = self._free.pop() if self._free else self._server.make_database(self._template)
        return DatabasePlace(url=self._server.url(name), pictures_dir=str(folder / "pictures"))

    def make_empty(self) -> DatabasePlace:
        """Return the place of a database without tables."""
        return DatabasePlace(url=self._server.url(self._server.make_database()))

    def execute(self, place: DatabasePlace, statement: str) -> list[tuple[object, ...]]:
        """Run a statement in a history's database as the server's owner."""
        return self._server.execute(statement, _name_of(place))

    def give_back(self, place: DatabasePlace) -> None:
        """Empty the database of a history that is closed."""
        name = _name_of(place)
        self._server.execute(_EMPTY, name)
        self._free.append(name)


_EMPTY = """
DO $$
DECLARE one record;
BEGIN
    FOR one IN SELECT inhrelid::regclass AS name FROM pg_inherits WHERE inhparent = 'verdict'::regclass LOOP
        EXECUTE format('DROP TABLE %s', one.name);
    END LOOP;
    FOR one IN SELECT oid::regclass AS name FROM pg_class WHERE relkind = 'r'
        AND relnamespace = 'public'::regnamespace AND relname NOT IN ('alembic_version', 'room_mark') LOOP
        EXECUTE format('DELETE FROM %s', one.name);
    END LOOP;
    FOR one IN SELECT oid::regclass AS name FROM pg_class WHERE relkind = 'S' LOOP
        EXECUTE format('SELECT setval(%L, 1, false)', one.name);
    END LOOP;
END $$"""


@contextlib.contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run a server, or skip the test where there is none."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _name_of(place: DatabasePlace) -> str:
    return place.url.partition("?")[0].rpartition("/")[2]


def _list_children(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(child) for child in found.stdout.split()]
