"""Note which processes of a room run and how their links to the broker are, and read what others noted."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, delete, select

from edge_node.control_room.history.database import from_us, to_us
from edge_node.control_room.history.storage.dialect import insert_or_update
from edge_node.control_room.history.storage.process_tables import room_process

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from edge_node.control_room.history.database import Database

SILENT_S = 15.0  # a process that noted nothing for so long is gone

_COLUMNS = ("name", "place", "beat", "state", "since_us", "words")
_PUT = insert_or_update(room_process, (room_process.c.name,), _COLUMNS[1:]).values(
    {name: bindparam(name) for name in _COLUMNS}
)
_READ = select(*(room_process.c[name] for name in _COLUMNS)).order_by(room_process.c.name)
_BEAT = select(room_process.c.place, room_process.c.beat).where(room_process.c.name == bindparam("who"))
_DELETE = delete(room_process).where(room_process.c.name == bindparam("who"))


@dataclass(frozen=True, slots=True)
class RoomProcess:
    """A process of the room.

    Attributes:
        name: such as ingest-2.
        place: host and process number.
        state: of its link to the broker.
        since: of that state.
        text: why there is no link.
    """

    name: str
    place: str
    state: str
    since: datetime
    text: str = ""


def note_process(database: Database, process: RoomProcess, beat: int) -> None:
    """Note that a process runs; ``beat`` is another number each time."""
    values = {
        "name": process.name,
        "place": process.place,
        "beat": beat,
        "state": process.state,
        "since_us": to_us(process.since),
        "words": process.text[:200],
    }
    with database.transaction(robots=()):
        database.write(_PUT, values)


def forget_process(database: Database, name: str) -> None:
    """Note that a process ends."""
    with database.transaction(robots=()):
        database.write(_DELETE, {"who": name})


class Beat(NamedTuple):
    """What a process noted last: where it runs, and a number that is another each time."""

    place: str
    number: int


def read_beat(database: Database, name: str) -> Beat | None:
    """Return what a process noted last; None where it ended, or never ran."""
    rows = database.rows(_BEAT, {"who": name})
    return Beat(*rows[0]) if rows else None


class RollReader:
    """Tells which processes run, by whether their rows change; no two machines' clocks are compared."""

    def __init__(self, database: Database, now_s: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._now_s = now_s
        self._seen: dict[str, tuple[int, float]] = {}

    def read(self) -> list[RoomProcess]:
        """Return the processes that noted something within 15 s, by name.

        Raises:
            HistoryError: the history cannot be read.
        """
        now_s, rows = self._now_s(), self._database.rows(_READ)
        before, self._seen = self._seen, {}
        for name, _, beat, *_ in rows:
            known = before.get(name)
            self._seen[name] = known if known is not None and known[0] == beat else (beat, now_s)
        return [
            RoomProcess(name, place, state, from_us(since_us), words)
            for name, place, _, state, since_us, words in rows
            if now_s - self._seen[name][1] < SILENT_S
        ]
