"""Tell a verdict that arrived twice from another verdict that has its id; keep the latter."""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING

from edge_node.control_room.history.database import from_us, to_us
from edge_node.control_room.history.records import Conflict
from edge_node.control_room.history.sql_filters import bound_limit

if TYPE_CHECKING:
    from edge_node.control_room.history.database import Database
    from edge_node.messages.verdict import Verdict

MAX_CONFLICTS = 1000  # are kept, the newest; a robot of another's name would fill the disk
_LOGGED = (1, 10, 100)  # conflicts of a robot: a line for each would fill the log

_log = logging.getLogger(__name__)


def note_repeated(
    database: Database, epoch_key: int, verdict: Verdict, payload: bytes, received_us: int
) -> bool:
    """Compare a verdict with the one that is stored under its number; keep it and return False if it differs.

    True also if the stored one was deleted since: nothing is left to compare with.
    """
    stored = database.peek(
        "SELECT sha256, observed_us, outcome FROM verdict WHERE epoch_key = ? AND seq = ?",
        (epoch_key, verdict.seq),
    )
    if stored is None:
        return True
    if stored[0] is None:  # stored by a version that kept no hash
        is_same = (to_us(verdict.observed_at), verdict.outcome.value) == stored[1:]
    else:
        is_same = stored[0] == hashlib.sha256(payload).digest()
    if not is_same:
        _insert(database, epoch_key, verdict, payload, received_us)
    return is_same


def count_conflicts(database: Database) -> dict[int, int]:
    """Count the conflicts that are kept, by the robot's key."""
    return dict(database.rows("SELECT robot_key, count(*) FROM conflict GROUP BY robot_key"))


def delete_beyond(database: Database, max_bytes: int) -> int:
    """Delete the oldest conflicts whose payloads do not fit into ``max_bytes``; return their count."""
    return database.write(
        "DELETE FROM conflict WHERE conflict_key <= (SELECT max(conflict_key) FROM (SELECT conflict_key,"
        " sum(length(payload)) OVER (ORDER BY conflict_key DESC) AS held_bytes FROM conflict)"
        " WHERE held_bytes > ?)",
        (max_bytes,),
    )


def select_conflicts(database: Database, limit: int) -> list[Conflict]:
    """Return the verdicts whose id another one had, newest first."""
    rows = database.rows(
        "SELECT r.site, r.robot, c.epoch, c.seq, c.received_us, c.count, c.payload FROM conflict c"
        " JOIN robot r USING (robot_key) ORDER BY c.conflict_key DESC LIMIT ?",
        (bound_limit(limit),),
    )
    return [
        Conflict(row[0], row[1], row[2], row[3], from_us(row[4]), count=row[5], payload=row[6])
        for row in rows
    ]


def _insert(database: Database, epoch_key: int, verdict: Verdict, payload: bytes, received_us: int) -> None:
    sha256 = hashlib.sha256(payload).digest()
    known = database.write(
        "UPDATE conflict SET count = count + 1 WHERE seq = ? AND sha256 = ?"
        " AND (robot_key, epoch) = (SELECT robot_key, epoch FROM epoch WHERE epoch_key = ?)",
        (verdict.seq, sha256, epoch_key),
    )
    if known:
        return
    database.write(
        "INSERT INTO conflict (robot_key, epoch, seq, sha256, received_us, count, payload)"
        " SELECT robot_key, epoch, ?, ?, ?, 1, ? FROM epoch WHERE epoch_key = ?",
        (verdict.seq, sha256, received_us, payload, epoch_key),
    )
    database.write(
        "DELETE FROM conflict WHERE conflict_key <= (SELECT max(conflict_key) FROM conflict) - ?",
        (MAX_CONFLICTS,),
    )
    found = database.peek(
        "SELECT count(*) FROM conflict JOIN epoch e USING (robot_key) WHERE e.epoch_key = ?", (epoch_key,)
    )
    if found is not None and found[0] in _LOGGED:
        _log.warning(
            "%s/%s: verdict %s came again with other content (%d such so far); both are kept: do two robots"
            " have one name, or does somebody forge messages?",
            *(verdict.site, verdict.robot, verdict.id, found[0]),
        )
