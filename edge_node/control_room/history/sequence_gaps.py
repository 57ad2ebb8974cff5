"""Record received sequence numbers as ranges in the history and derive gaps from them.

``messages/sequence_gaps.py`` does the same in memory for a reader that forgets at its end (``watch``). Here
the ranges are rows of the table ``arrived``, written in the transaction that stores the verdict, so that
duplicates are recognized after a restart and SQL can list gaps over all robots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.control_room.history import epochs
from edge_node.control_room.history.database import from_us
from edge_node.control_room.history.records import Gap
from edge_node.control_room.history.sql_filters import bound_limit

if TYPE_CHECKING:
    from edge_node.control_room.history.database import Database


def add_number(database: Database, epoch_key: int, seq: int) -> bool:
    """Record a received number; return False if it is recorded."""
    before = database.peek(
        "SELECT first_seq, last_seq FROM arrived WHERE epoch_key = ? AND first_seq <= ?"
        " ORDER BY first_seq DESC LIMIT 1",
        (epoch_key, seq),
    )
    if before is not None and seq <= before[1]:
        return False
    epochs.note_number(database, epoch_key, seq, is_next=before is not None and before[1] == seq - 1)
    behind = database.peek(
        "SELECT last_seq FROM arrived WHERE epoch_key = ? AND first_seq = ?", (epoch_key, seq + 1)
    )
    if behind is not None:
        database.write("DELETE FROM arrived WHERE epoch_key = ? AND first_seq = ?", (epoch_key, seq + 1))
    last_seq = behind[0] if behind is not None else seq
    if before is not None and before[1] == seq - 1:
        database.write(
            "UPDATE arrived SET last_seq = ? WHERE epoch_key = ? AND first_seq = ?",
            (last_seq, epoch_key, before[0]),
        )
    else:
        database.write("INSERT INTO arrived VALUES (?, ?, ?)", (epoch_key, seq, last_seq))
    return True


def count_missing(database: Database) -> dict[int, int]:
    """Count the missing numbers by the robot's key; robots that lack none are left out."""
    return dict(
        database.rows(
            "SELECT robot_key, CAST(total(missing) AS INTEGER) FROM epoch_state WHERE missing > 0"
            " GROUP BY robot_key"
        )
    )


# Received ranges of the epochs that lack something, with an empty one before number 1 where that is expected,
# and one behind the end that was named.
_EDGES = (
    "WITH gapped AS (SELECT s.*, r.site, r.robot, e.epoch,"
    " (SELECT max(last_seq) FROM arrived a WHERE a.epoch_key = s.epoch_key) AS highest"
    " FROM epoch_state s JOIN epoch e USING (epoch_key) JOIN robot r ON r.robot_key = s.robot_key"
    " WHERE s.missing > 0 AND (?1 IS NULL OR r.site = ?1) AND (?2 IS NULL OR r.robot = ?2)),"
    " edges AS (SELECT epoch_key, first_seq, last_seq FROM gapped JOIN arrived USING (epoch_key)"
    " UNION ALL SELECT epoch_key, 0, 0 FROM gapped WHERE from_start"
    " UNION ALL SELECT epoch_key, named_seq + 1, named_seq + 1 FROM gapped"
    " WHERE named_seq > coalesce(highest, 0)),"
    " gaps AS (SELECT epoch_key, first_seq, first_seq - 1 AS last_missing, lag(last_seq) OVER"
    " (PARTITION BY epoch_key ORDER BY first_seq) + 1 AS first_missing FROM edges)"
)


def select_gaps(database: Database, site: str | None, robot: str | None, limit: int) -> list[Gap]:
    """Return the ranges of missing numbers, the newest first."""
    rows = database.rows(
        f"{_EDGES} SELECT g.site, g.robot, g.epoch, x.first_missing, x.last_missing,"
        " coalesce(v.received_us, g.named_us) AS noticed_us, (SELECT e.epoch FROM epoch_state n"
        " JOIN epoch e USING (epoch_key) WHERE n.previous_key = g.epoch_key LIMIT 1)"
        " FROM gaps x JOIN gapped g USING (epoch_key)"
        " LEFT JOIN verdict v ON v.epoch_key = x.epoch_key AND v.seq = x.first_seq"
        " WHERE x.first_missing <= x.last_missing ORDER BY noticed_us DESC LIMIT ?3",
        (site, robot, bound_limit(limit)),
    )
    return [
        Gap(
            site=row[0],
            robot=row[1],
            epoch=row[2],
            first_seq=row[3],
            last_seq=row[4],
            noticed_at=None if row[5] is None else from_us(row[5]),
            next_epoch=row[6],
        )
        for row in rows
    ]


def find_stored_up_to(
    database: Database, site: str, robot: str, epoch: str, *, from_first_heard: bool
) -> int:
    """Return the number up to which every verdict of ``epoch`` was received; 0 if the first is missing."""
    rows = database.rows(
        "SELECT a.last_seq FROM arrived a JOIN epoch e USING (epoch_key) JOIN robot r USING (robot_key)"
        " WHERE r.site = ? AND r.robot = ? AND e.epoch = ? AND (? OR a.first_seq = 1)"
        " ORDER BY a.first_seq LIMIT 1",
        (site, robot, epoch, from_first_heard),
    )
    return int(rows[0][0]) if rows else 0


def find_fragmented_epochs(database: Database, ranges: int) -> list[tuple[int, int]]:
    """Return the keys of epochs with more than ``ranges`` ranges, and their number of ranges."""
    return [
        (int(row[0]), int(row[1]))
        for row in database.rows(
            "SELECT epoch_key, count(*) FROM arrived GROUP BY epoch_key HAVING count(*) > ?", (ranges,)
        )
    ]
