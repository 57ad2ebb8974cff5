"""Define and run transactions on the spool's SQLite file; the robot's only importer of sqlite3."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import field

from edge_node.plain_struct import MutableStruct, PlainStruct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from edge_node.messages.checkpoint import GivenUp
    from edge_node.messages.topics import Kind
    from edge_node.spool.rows import Keep, NewRow, Refusal, StoredRange


Connection: TypeAlias = sqlite3.Connection

_BUSY_TIMEOUT_MS = 2000  # `edge-node spool requeue` may write beside a running node
# sqlite3 gives no error codes before Python 3.11.
_DAMAGE_TEXTS = ("malformed", "no such", "has no column", "decode to UTF-8")


class DamagedError(Exception):
    """The file is damaged or no spool; never leaves this package."""


class DiskError(Exception):
    """The file cannot be read or written now, but perhaps later; never leaves this package."""

    def __init__(self, text: str, *, full: bool) -> None:
        super().__init__(text)
        self.full = full


class Batch(MutableStruct):
    """All changes of one transaction.

    Attributes:
        given_up: verdicts that were lost before they reached the disk.
        meta: the spool's own values that change with the rows.
        forget_before_s: with new nonces, those that expired before this Unix time are deleted.
    """

    rows: list[NewRow] = field(default_factory=list)
    settled: list[int] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    nonces: list[tuple[str, float]] = field(default_factory=list)
    stored: list[StoredRange] = field(default_factory=list)
    given_up: list[GivenUp] = field(default_factory=list)
    meta: dict[str, str | int] = field(default_factory=dict)
    forget_before_s: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.rows or self.settled or self.refused or self.nonces or self.stored)

    @property
    def must_last(self) -> bool:
        """Whether it must be synced: rows and nonces may not be lost; deletions may be repeated."""
        return bool(self.rows or self.nonces)


class Dropped(PlainStruct, frozen=True):
    """A row that was dropped because the bound on disk was reached; ``given_up`` if it was a verdict."""

    kind: Kind
    keep: Keep
    given_up: GivenUp | None = None

    @property
    def counter(self) -> str:
        """Name of the count of such rows."""
        return f"dropped:{self.kind.value}:{self.keep.name.lower()}"


class Written(PlainStruct, frozen=True):
    """The result of a transaction.

    Attributes:
        change: in the number of waiting rows.
        quarantined: rows that were moved into quarantine.
    """

    change: int
    dropped: tuple[Dropped, ...] = ()
    quarantined: int = 0


def connect(path: Path) -> Connection:
    """Open a connection that begins no transaction by itself and may be used by several threads in turn."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA cache_size = -4000")  # 4 MB
        connection.execute("PRAGMA trusted_schema = OFF")
    except BaseException:
        connection.close()
        raise
    return connection


def close(connection: Connection) -> None:
    """Close ``connection``; never raises."""
    with contextlib.suppress(sqlite3.Error):
        connection.close()


@contextlib.contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """Commit what is written inside as one transaction.

    Raises:
        DamagedError, DiskError: nothing was written.
    """
    with translate_errors():
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise


@contextlib.contextmanager
def open_for_salvage(path: Path) -> Iterator[Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]]]:
    """Open the file at ``path`` without any check and yield a function that queries it.

    Raises:
        DamagedError, DiskError: also by the function.
    """

    def query(text: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with translate_errors():
            return connection.execute(text, values).fetchall()

    with translate_errors():
        connection = connect(path)
    with contextlib.closing(connection):
        yield query


@contextlib.contextmanager
def translate_errors() -> Iterator[None]:
    """Translate SQLite's errors to ``DamagedError`` and ``DiskError``."""
    try:
        yield
    except sqlite3.OperationalError as err:
        text = str(err)
        if any(part in text for part in _DAMAGE_TEXTS):
            raise DamagedError(text) from err
        raise DiskError(text, full="full" in text) from err
    except (sqlite3.DatabaseError, UnicodeDecodeError, ValueError) as err:
        raise DamagedError(str(err)) from err
