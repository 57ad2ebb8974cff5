"""Know each robot's epochs: how they follow each other, where each ended, how many numbers it lacks.

A robot begins an epoch at every start, so a robot in a crash loop makes thousands: what is asked often
(missing numbers, gaps) reads only epochs that lack something. The first epoch that was heard of a robot, and
those before it, may have begun long before this control room: of them only what is missing between two
numbers, or before the named end, is missing. Every later one is expected from its number 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.control_room.history.database import EPOCH_MISSING

if TYPE_CHECKING:
    from edge_node.control_room.history.database import Database
    from edge_node.messages.verdict import EpochEnd

MAX_EMPTY_EPOCHS = 200  # of each robot, whose verdicts were all deleted: what came of them is remembered


def find_epoch(database: Database, robot_key: int, epoch: str) -> int:
    """Return the key of an epoch's row, inserted at its first verdict."""
    row = database.peek("SELECT epoch_key FROM epoch WHERE robot_key = ? AND epoch = ?", (robot_key, epoch))
    if row is not None:
        return int(row[0])
    known = database.peek("SELECT 1 FROM epoch WHERE robot_key = ? LIMIT 1", (robot_key,))
    key = database.insert("INSERT INTO epoch (robot_key, epoch) VALUES (?, ?)", (robot_key, epoch))
    database.write(
        "INSERT INTO epoch_state (epoch_key, robot_key, from_start) VALUES (?, ?, ?)",
        (key, robot_key, known is not None),
    )
    return key


def follow(database: Database, robot_key: int, epoch_key: int, before: EpochEnd, received_us: int) -> None:
    """Record that an epoch follows ``before``, which ended there."""
    previous_key = find_epoch(database, robot_key, before.epoch)
    if previous_key == epoch_key:
        return
    database.write("UPDATE epoch_state SET previous_key = ? WHERE epoch_key = ?", (previous_key, epoch_key))
    changed = database.write(
        "UPDATE epoch_state SET named_seq = ?1, named_us = ?2 WHERE epoch_key = ?3 AND named_seq < ?1",
        (before.seq, received_us, previous_key),
    )
    if changed:
        recount(database, previous_key)
    _forgive_before(database, epoch_key)


def note_number(database: Database, epoch_key: int, seq: int, *, is_next: bool) -> None:
    """Adjust the count of missing numbers before ``seq`` is recorded as received.

    ``is_next`` if the number before it was received: then mostly nothing changes.
    """
    row = database.peek(
        "SELECT from_start, named_seq, missing FROM epoch_state WHERE epoch_key = ?", (epoch_key,)
    )
    if row is None:
        return
    from_start, named_seq, missing = row
    if is_next and not missing:  # nothing is missing, so it is the highest, and none was named beyond it
        return
    lowest, highest = database.peek(
        "SELECT (SELECT first_seq FROM arrived WHERE epoch_key = ?1 ORDER BY first_seq LIMIT 1),"
        " (SELECT last_seq FROM arrived WHERE epoch_key = ?1 ORDER BY first_seq DESC LIMIT 1)",
        (epoch_key,),
    ) or (None, None)
    low = 1 if from_start else lowest
    if low is None:  # the first number of an epoch that may have begun long ago
        change = max(named_seq - seq, 0)
    elif seq > max(highest or 0, named_seq):
        change = seq - max(highest or 0, named_seq) - 1
    else:
        change = low - seq - 1 if seq < low else -1
    if change:
        database.write(
            "UPDATE epoch_state SET missing = missing + ? WHERE epoch_key = ?", (change, epoch_key)
        )


def recount(database: Database, epoch_key: int) -> None:
    """Count the missing numbers of an epoch from its ranges."""
    database.write(
        f"UPDATE epoch_state SET missing = ({EPOCH_MISSING}) WHERE epoch_key = ?",
        (epoch_key,),
    )


def delete_empty_epochs(database: Database) -> None:
    """Forget the oldest epochs of which no verdict is left, where a robot has many."""
    with database.transaction():
        database.write(
            "DELETE FROM epoch WHERE epoch_key IN (SELECT epoch_key FROM (SELECT epoch_key, row_number() OVER"
            " (PARTITION BY robot_key ORDER BY epoch_key DESC) AS place FROM epoch e WHERE NOT EXISTS"
            " (SELECT 1 FROM verdict v WHERE v.epoch_key = e.epoch_key)) WHERE place > ?)",
            (MAX_EMPTY_EPOCHS,),
        )
        for table in ("arrived", "epoch_state"):
            database.write(f"DELETE FROM {table} WHERE epoch_key NOT IN (SELECT epoch_key FROM epoch)")


def _forgive_before(database: Database, epoch_key: int) -> None:
    """Expect no number 1 of the epochs before one that may itself have begun before this control room."""
    key = epoch_key
    while True:
        row = database.peek(
            "SELECT p.epoch_key FROM epoch_state s JOIN epoch_state p ON p.epoch_key = s.previous_key"
            " WHERE s.epoch_key = ? AND NOT s.from_start AND p.from_start",
            (key,),
        )
        if row is None:
            return
        key = int(row[0])
        database.write("UPDATE epoch_state SET from_start = 0 WHERE epoch_key = ?", (key,))
        recount(database, key)
