"""Note in the transaction that stores messages what it changed, and read what was noted since."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import bindparam, delete, func, insert, select

from edge_node.control_room.history.processes.positions import Positions
from edge_node.control_room.history.sql_filters import LIMIT
from edge_node.control_room.history.storage.process_tables import change

if TYPE_CHECKING:
    from edge_node.control_room.history.database import Database

KEPT = 5000  # rows: some minutes, for whoever takes over the receipts
_MOST = 500  # rows that are read at once
_MOST_NAMED = 500  # things that one row names; beyond, pages load everything again

_INSERT = insert(change).values(content=bindparam("content"))
_TRIM = delete(change).where(change.c.change_key <= bindparam("last"))
_ENDS = select(func.min(change.c.change_key), func.max(change.c.change_key))
_NOTES = select(change.c.change_key, change.c.content).order_by(change.c.change_key)
_SINCE = _NOTES.where(change.c.change_key > bindparam("newest")).limit(LIMIT)
_BETWEEN = _NOTES.where(change.c.change_key.between(bindparam("first"), bindparam("last")))


class Changes(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a transaction changed, by its names.

    Attributes:
        robots: site and robot.
        epochs: site, robot, epoch, and whether a verdict of it came again.
        verdicts: how many are new.
        findings: site and id.
        pictures: site, robot and hash.
        responses: site, robot and id.
        reviewed: site and subject.
        defects: keys.
        commands: site and robot of those of which something is known.
        is_much: too much to name it.
    """

    robots: tuple[tuple[str, str], ...] = ()
    epochs: tuple[tuple[str, str, str, bool], ...] = ()
    verdicts: int = 0
    findings: tuple[tuple[str, str], ...] = ()
    pictures: tuple[tuple[str, str, str], ...] = ()
    responses: tuple[tuple[str, str, str], ...] = ()
    reviewed: tuple[tuple[str, str], ...] = ()
    defects: tuple[int, ...] = ()
    commands: tuple[tuple[str, str], ...] = ()
    is_much: bool = False


def insert_changes(database: Database, changes: Changes) -> None:
    """Note what changed; in the open transaction."""
    named = (changes.findings, changes.pictures, changes.responses, changes.reviewed, changes.defects)
    if sum(map(len, named)) > _MOST_NAMED:
        changes = Changes(epochs=changes.epochs, is_much=True)
    database.write(_INSERT, {"content": msgspec.json.encode(changes).decode()})


def trim_changes(database: Database) -> None:
    """Delete all but the newest notes."""
    newest = database.rows(_ENDS)[0][1] or 0
    with database.transaction(robots=()):
        database.write(_TRIM, {"last": newest - KEPT})


class ChangeReader:
    """Reads each note once, also those that are committed late; belongs to one thread."""

    def __init__(self, database: Database, *, from_oldest: bool = False) -> None:
        """Begin with notes to come, or ``from_oldest`` with all that are kept.

        Raises:
            HistoryError: the history cannot be read.
        """
        self._database = database
        oldest, newest = database.rows(_ENDS)[0]
        begin = (oldest or 1) - 1 if from_oldest else newest or 0
        self._positions = Positions(begin)

    def read(self) -> list[Changes]:
        """Return the notes that were committed since, at most some hundred: more come with the next call.

        Raises:
            HistoryError: the history cannot be read.
        """
        holes = [{"first": first, "last": last} for first, last in self._positions.holes]
        rows = [row for hole in holes for row in self._database.rows(_BETWEEN, hole)]
        since = self._database.rows(_SINCE, {"newest": self._positions.newest, "limit": _MOST})
        found = [msgspec.json.decode(row[1], type=Changes) for row in rows + since]
        if since and since[0][0] > self._positions.newest + 1 and self._begins_with(since[0][0]):
            found.insert(0, Changes(is_much=True))  # who was away for long missed what is deleted by now
        self._positions.note(row[0] for row in rows + since)
        return found

    def _begins_with(self, key: int) -> bool:
        return bool(self._database.rows(_ENDS)[0][0] == key)
