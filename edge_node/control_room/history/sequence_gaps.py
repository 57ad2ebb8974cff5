"""Record received sequence numbers as ranges in the history and derive gaps from them.

``messages/sequence_gaps.py`` does the same in memory for a reader that forgets at its end (``watch``). Here
the ranges are rows of the table ``arrived``, written in the transaction that stores the verdict, so that
duplicates are recognized after a restart and SQL can list gaps over all robots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    """Count the missing numbers between the received ones, by the robot's key."""
    return dict(
        database.rows(
            "SELECT e.robot_key, sum(a.missing) FROM epoch e JOIN (SELECT epoch_key,"
            " max(last_seq) - min(first_seq) + 1 - sum(last_seq - first_seq + 1) AS missing"
            " FROM arrived GROUP BY epoch_key) a USING (epoch_key) GROUP BY e.robot_key"
        )
    )


def select_gaps(database: Database, site: str | None, robot: str | None, limit: int) -> list[Gap]:
    """Return the ranges of missing numbers, the newest first."""
    rows = database.rows(
        "SELECT * FROM (SELECT r.site, r.robot, e.epoch,"
        " lag(a.last_seq) OVER (PARTITION BY a.epoch_key ORDER BY a.first_seq) + 1 AS first_missing,"
        " a.first_seq - 1 AS last_missing, v.received_us AS noticed_us"
        " FROM arrived a JOIN epoch e USING (epoch_key) JOIN robot r USING (robot_key)"
        " LEFT JOIN verdict v ON v.epoch_key = a.epoch_key AND v.seq = a.first_seq"
        " WHERE (?1 IS NULL OR r.site = ?1) AND (?2 IS NULL OR r.robot = ?2))"
        " WHERE first_missing IS NOT NULL ORDER BY noticed_us DESC LIMIT ?3",
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
