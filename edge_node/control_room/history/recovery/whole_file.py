"""Copy and check a history's file as a whole, by SQLite's own means."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from edge_node.control_room.history.storage import sqlite
from edge_node.errors import CorrosionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_PAGES = 2000  # copied at once; a room that writes waits no longer than for these
_MAX_FOUND = 100  # kinds of damage that are listed


class WholeFileError(CorrosionError):
    """A history's file cannot be copied or read."""


def copy_file(source: Path, target: Path, report: Callable[[float], None]) -> None:
    """Copy a history's file as it is at one moment, also while a control room writes to it.

    Args:
        source: the file.
        target: must not exist.
        report: takes the share that is copied, 0 to 1.

    Raises:
        WholeFileError: it cannot be read or written; a part may be left at ``target``.
    """

    def advance(_status: int, remaining: int, total: int) -> None:
        report(1 - remaining / max(total, 1))

    sqlite.make_file(target)
    with _driver(source) as read, _driver(target) as written:
        # Without a transaction that reads, the copy begins anew whenever the room commits, and never ends.
        read.execute("BEGIN")
        read.execute("SELECT count(*) FROM sqlite_master").fetchone()
        read.backup(written, pages=_PAGES, progress=advance)


def find_damage(path: Path) -> list[str]:
    """Return what SQLite finds wrong with a file's pages, tables and indexes; nothing if it is whole."""
    try:
        with _driver(path) as connection:
            lines = [row[0] for row in connection.execute(f"PRAGMA integrity_check({_MAX_FOUND:d})")]
    except WholeFileError as err:
        return [str(err)]
    found = [line for text in lines for line in str(text).splitlines()]
    return [] if found == ["ok"] else found


def include_log(path: Path) -> None:
    """Write what is in a file's write-ahead log into the file itself; one that cannot be is left out."""
    with contextlib.suppress(WholeFileError), _driver(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextlib.contextmanager
def _driver(path: Path) -> Iterator[Any]:
    with _translated(path):
        engine = sqlite.make_engine(path)
        with engine.connect() as connection:
            yield connection.connection.driver_connection


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    driver_error = sqlite.make_engine(path).dialect.loaded_dbapi.Error
    try:
        yield
    except (SQLAlchemyError, driver_error) as err:
        raise WholeFileError(f"{path}: {getattr(err, 'orig', None) or err}") from err
    except OSError as err:
        raise WholeFileError(f"{path}: {err.strerror or err}") from err
