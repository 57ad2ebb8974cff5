"""Define the tables of the spool's SQLite file, and bring a file of an older version to them.

Every index on ``message`` is a page more to write for each verdict, and one more to delete it. So verdicts
have none: they are found by their position, see ``positions.py``. The other kinds are few, and must not be
searched among 400,000 verdicts.

What SQLite writes for a verdict at 10 a second, in kB, and what each thing brought that went since 0.7.0
(``python -m tests.benchmarks.disk_writes --steps``; delivered at once / not delivered)::

    as 0.7.0 had it                                      41.5   32.0
    no index by worth: positions.py                      33.0   28.1
    no verdicts in the index by kind                     24.8   24.2
    positions taken by thousands, not one by one         20.5   20.6
    deleted in the transaction that inserts the next     12.3   20.6

What stayed: the end of the chain in ``meta`` (4.1), which outlives the damage of a row's page and which older
versions read; auto_vacuum (0 / 2.4), without which a file never gives back what a week without a link took;
pages of 4 kB: those of 1 kB would bring 3 / 10.7, but damage would take twice as many rows along.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from edge_node.spool.transaction import DiskError, transaction

if TYPE_CHECKING:
    from edge_node.spool.transaction import Connection

APPLICATION_ID = 0x436F7252  # "CorR": tells our files from other SQLite files
VERSION = 1  # tables are added without a new version: an older program does not see them
COLUMNS = "position, kind, seq, epoch, keep, appended_at_s, crc, correlation, payload"
SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE message (
    position INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, seq INTEGER NOT NULL,
    epoch TEXT NOT NULL, keep INTEGER NOT NULL, appended_at_s REAL NOT NULL,
    crc INTEGER NOT NULL, correlation BLOB NOT NULL, payload BLOB NOT NULL);
CREATE TABLE quarantine (
    position INTEGER PRIMARY KEY, kind TEXT NOT NULL, seq INTEGER NOT NULL,
    epoch TEXT NOT NULL, keep INTEGER NOT NULL, appended_at_s REAL NOT NULL,
    crc INTEGER NOT NULL, correlation BLOB NOT NULL, payload BLOB NOT NULL,
    code INTEGER NOT NULL, reason TEXT NOT NULL);
CREATE TABLE nonce (id TEXT PRIMARY KEY, expires_at_s REAL NOT NULL) WITHOUT ROWID;
"""
GIVEN_UP_SCHEMA = """
CREATE TABLE IF NOT EXISTS given_up (
    position INTEGER PRIMARY KEY, epoch TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    previous_sha256 TEXT);
"""
INDEX = """
CREATE INDEX IF NOT EXISTS message_beside_verdicts ON message (kind, position) WHERE kind <> 'verdict';
"""
_FORMER_INDEXES = ("message_by_keep", "message_by_kind")  # up to 0.7.0


def upgrade(connection: Connection) -> None:
    """Bring a file to the present indexes; if the disk does not take it now, at the next start.

    All versions read and write a file with either.
    """
    with suppress(DiskError), transaction(connection):
        for name in _FORMER_INDEXES:
            connection.execute(f"DROP INDEX IF EXISTS {name}")
        connection.execute(INDEX)
