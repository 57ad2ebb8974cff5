"""Read and write the rows of the spool's SQLite file. Starts no threads.

WAL with synchronous=FULL: a committed row survives a power cut, if the disk honours fsync. Deletions of
delivered rows are synced with the next row, or once a second: a power cut repeats at most that second's
deliveries, a killed process those of which the deletion was not written, never more than one window.
AUTOINCREMENT: no position is used twice, also after the queue ran empty.
"""

from __future__ import annotations

import contextlib
import threading
import time
import zlib
from typing import TYPE_CHECKING, Any

from edge_node.errors import SpoolError
from edge_node.messages.topics import Kind
from edge_node.spool import losses, nonces
from edge_node.spool.files import PAGE_BYTES, Limits
from edge_node.spool.positions import Positions, put_taken
from edge_node.spool.rows import Keep, NewRow, Refusal, Row
from edge_node.spool.schema import (
    APPLICATION_ID,
    COLUMNS,
    GIVEN_UP_SCHEMA,
    INDEX,
    SCHEMA,
    VERSION,
    upgrade,
)
from edge_node.spool.transaction import (
    Batch,
    DamagedError,
    Dropped,
    Written,
    close,
    connect,
    transaction,
    translate_errors,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from edge_node.messages.checkpoint import GivenUp

_ROW_OVERHEAD_BYTES = 300  # epoch, indexes, page headers
_MOST_OVERHEAD_BYTES = 2 * PAGE_BYTES  # of a row that fills no page
_NO_BOUND = (1 << 63) - 1
_SYNC_EVERY_S = 1.0
# The index on the other kinds is used where the query says that verdicts are none of them.
_OF_KIND = ("kind = ? AND kind <> 'verdict'", "kind = ?")
_DELETE_ROWS = 500  # in one statement; SQLite takes 999 values


class SpoolDatabase:
    """An open spool file with one connection for writing and one for reading."""

    def __init__(self, path: Path, wal_pages: int = 1000, *, is_ours: bool = True) -> None:
        """Open the existing file at ``path`` and check its integrity.

        Args:
            path: of an empty file, or a spool.
            wal_pages: SQLite checkpoints the write-ahead log beyond so many pages.
            is_ours: no other program appends to it, so a file of an older version may be brought to the
                present layout.

        Raises:
            DamagedError: it is not a spool, or pages of it are damaged.
            DiskError: it cannot be read or written.
            SpoolError: a newer version wrote it.
        """
        self.path = path
        self._reading = threading.Lock()
        self._is_synchronous = True
        self._synced_s = time.monotonic()
        self._positions: Positions | None = None
        self._limits, self._room_bytes = Limits(0, 0), 0
        with translate_errors():
            self._writer = connect(path)
            try:
                self._prepare()
                if is_ours:
                    upgrade(self._writer)
                    self._positions = Positions(self._writer.execute)
                self._data_version = self._pragma("data_version")
                self._writer.execute(f"PRAGMA wal_autocheckpoint = {wal_pages}")
                self._writer.execute(f"PRAGMA journal_size_limit = {wal_pages * PAGE_BYTES}")
                self._reader = connect(path)
            except BaseException:
                self._writer.close()
                raise

    def close(self) -> None:
        """Checkpoint the log and close both connections; never raises."""
        with self._reading:  # SQLite crashes if another thread reads now
            close(self._reader)
        close(self._writer)

    def write(self, batch: Batch, limits: Limits, *, squeeze: bool = False) -> Written:
        """Commit ``batch`` in one transaction; delete the rows least worth keeping if it exceeds ``limits``.

        Args:
            batch: rows to insert, delete and quarantine.
            limits: how large the rows may become.
            squeeze: the disk is full and the file must not grow: delete rows first, but none worth more
                than the new ones, and no corroded verdicts.

        Raises:
            DamagedError: the file is damaged.
            DiskError: nothing was written.
        """
        if squeeze:
            self.checkpoint()
        self._synchronize(batch.must_last or time.monotonic() - self._synced_s >= _SYNC_EVERY_S)
        try:
            with transaction(self._writer):
                squeezed = tuple(self._squeeze(batch.rows)) if squeeze else ()
                written = self._write(batch, limits, squeezed)
        except BaseException:
            self._known().undo()
            raise
        if self._is_synchronous:
            self._synced_s = time.monotonic()
        return written

    def may_follow(self, kind: Kind, after: int) -> bool:
        """Tell whether a row of ``kind`` can be behind the position ``after``; reads nothing."""
        return self._positions is None or self._positions.may_follow(kind, after)

    def rows(self, kind: Kind, *, after: int, up_to: int | None, limit: int) -> list[tuple[Row, bool]]:
        """Return waiting rows in order, each with whether its checksum holds.

        Args:
            kind: of the rows.
            after: position behind which to begin.
            up_to: last position; None: no bound.
            limit: at most so many.
        """
        query = f"SELECT {COLUMNS} FROM message WHERE {_OF_KIND[kind is Kind.VERDICT]} AND position > ?"  # noqa: S608  constants
        query += " AND position <= ? ORDER BY position LIMIT ?"
        values = (kind.value, after, _NO_BOUND if up_to is None else up_to, limit)
        with self._reading, translate_errors():
            found = self._reader.execute(query, values)
            return [(_parse_row(row), row[6] == zlib.crc32(row[8])) for row in found]

    def found(self) -> int:
        """Return how many rows waited when the file was opened, without looking through it again."""
        return self._known().found

    def waiting(self) -> int:
        """Return how many rows wait."""
        return int(self._read("SELECT count(*) FROM message", ())[0][0])

    def waiting_by_kind(self) -> dict[str, int]:
        """Return how many rows of each kind wait."""
        found = dict(self._read("SELECT kind, count(*) FROM message GROUP BY kind", ()))
        return {kind.value: int(found.get(kind.value, 0)) for kind in Kind}

    def oldest(self) -> tuple[int, float] | None:
        """Return position and Unix time of appending of the oldest waiting row; None if none waits."""
        found = self._read("SELECT position, appended_at_s FROM message ORDER BY position LIMIT 1", ())
        return (int(found[0][0]), float(found[0][1])) if found else None

    def newest(self, kind: Kind) -> Row | None:
        """Return the last waiting row of ``kind``, whole or not; None if none waits."""
        query = f"SELECT {COLUMNS} FROM message WHERE {_OF_KIND[kind is Kind.VERDICT]}"  # noqa: S608  the same
        found = self._read(f"{query} ORDER BY position DESC LIMIT 1", (kind.value,))
        return _parse_row(found[0]) if found else None

    def last_position(self) -> int:
        """Return the last position that was used."""
        return self._known().last

    def look_for_others(self) -> bool:
        """Take notice of what other programs wrote; return whether they did."""
        with translate_errors():
            version = self._pragma("data_version")
            if version == self._data_version:
                return False
            self._known().look(self._writer.execute)
        self._data_version = version
        return True

    def meta(self) -> dict[str, Any]:
        """Return the spool's own values by name: epoch, last verdict, counters."""
        return dict(self._read("SELECT name, value FROM meta", ()))

    def set_meta(
        self, values: Mapping[str, str | int], *, without: Iterable[str] = (), lost: Sequence[GivenUp] = ()
    ) -> None:
        """Save some of the spool's own values and ranges given up, and delete the values ``without``."""
        with transaction(self._writer):
            self._writer.executemany("DELETE FROM meta WHERE name = ?", [(name,) for name in without])
            self._put_meta(values)
            losses.record(self._writer.execute, lost)

    def given_up(self) -> list[GivenUp]:
        """Return the ranges of verdicts that were given up and that no checkpoint has named yet."""
        return losses.parse(self._read(losses.SELECT, ()))

    def nonces(self) -> dict[str, float]:
        """Return the ids of accepted commands with the Unix time at which each expires."""
        return dict(self._read(nonces.SELECT, ()))

    def quarantined(self) -> list[tuple[Row, Refusal]]:
        """Return the rows in quarantine, each with its refusal."""
        query = f"SELECT {COLUMNS}, code, reason FROM quarantine ORDER BY position"  # noqa: S608  the same
        return [
            (_parse_row(values[:-2]), Refusal(values[0], values[-2], values[-1]))
            for values in self._read(query, ())
        ]

    def quarantined_count(self) -> int:
        """Return how many rows are in quarantine."""
        return int(self._read("SELECT count(*) FROM quarantine", ())[0][0])

    def requeue(self) -> int:
        """Move every quarantined row behind the waiting ones; return how many."""
        columns = COLUMNS.removeprefix("position, ")
        with transaction(self._writer):
            cursor = self._writer.execute(
                f"INSERT INTO message ({columns}) SELECT {columns} FROM quarantine ORDER BY position"  # noqa: S608  the same
            )
            self._writer.execute("DELETE FROM quarantine")
        return cursor.rowcount

    def shrink(self) -> bool:
        """Return some free pages to the file system; return whether there may be more."""
        with translate_errors():
            free = self._pragma("freelist_count")
            if free > 1024:  # 4 MB: fewer are soon used again
                self._writer.execute("PRAGMA incremental_vacuum(512)").fetchall()
            return free > 1024 + 512

    def checkpoint(self) -> None:
        """Copy the write-ahead log into the file, so that SQLite overwrites the log from its beginning."""
        with translate_errors():
            self._writer.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()

    def restore(self, rows: Iterable[Row], taken: Sequence[tuple[str, float]], *, last_position: int) -> int:
        """Insert rows and ids of commands salvaged from a damaged file; return how many rows."""
        count = 0
        with transaction(self._writer):
            for row in rows:
                values = (row.position, row.kind.value, row.seq, row.epoch, int(row.keep), row.appended_at_s)
                self._writer.execute(
                    f"INSERT INTO message ({COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?)",  # noqa: S608  the same
                    (*values, zlib.crc32(row.payload), row.correlation, row.payload),
                )
                count += 1
            put_taken(self._writer.execute, last_position)
            nonces.put(self._writer.execute, taken, 0.0)
            self._known().look(self._writer.execute)
        return count

    def _prepare(self) -> None:
        tables = self._writer.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables == 0:
            self._writer.execute("PRAGMA auto_vacuum = INCREMENTAL")
            # First: each transaction before it has a journal of its own, which takes four syncs.
            self._writer.execute("PRAGMA journal_mode = WAL")
            numbers = f"PRAGMA application_id = {APPLICATION_ID};PRAGMA user_version = {VERSION};"
            self._writer.executescript(f"BEGIN;{numbers}{SCHEMA}{GIVEN_UP_SCHEMA}{INDEX}COMMIT;")
        elif self._pragma("application_id") != APPLICATION_ID:
            raise DamagedError("not a spool")
        elif (version := self._pragma("user_version")) != VERSION:
            raise SpoolError(
                f"{self.path}: spool of format {version}, this version reads {VERSION};"
                " deliver it with the version that wrote it, or move it away"
            )
        else:
            found = self._writer.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                raise DamagedError(str(found).splitlines()[0])
            self._writer.execute(GIVEN_UP_SCHEMA)  # not there in a file of a version before

    def _pragma(self, name: str) -> int:
        return int(self._writer.execute(f"PRAGMA {name}").fetchone()[0])

    def _write(self, batch: Batch, limits: Limits, squeezed: tuple[Dropped, ...]) -> Written:
        limit = None if self._surely_fit(batch.rows, limits) else limits.bound(self._used_bytes())
        removed = self._delete(batch.settled)  # first, so that the next row finds its place on the same page
        quarantined = 0
        for refusal in batch.refused:
            quarantined += self._writer.execute(
                f"INSERT OR REPLACE INTO quarantine SELECT {COLUMNS}, ?, ? FROM message WHERE position = ?",  # noqa: S608  the same
                (refusal.code, refusal.reason, refusal.position),
            ).rowcount
        for stored in batch.stored:
            # A number is there once at most: the search ends with the last of them, and they are the oldest.
            removed += self._writer.execute(
                "DELETE FROM message WHERE position IN (SELECT position FROM message WHERE kind = ?"
                " AND epoch = ? AND seq BETWEEN ? AND ? ORDER BY position LIMIT ?)",
                (stored.kind.value, stored.epoch, stored.first, stored.last, 1 + stored.last - stored.first),
            ).rowcount
        refused = [refusal.position for refusal in batch.refused]
        lost = batch.given_up + list(losses.find(self._writer.execute, refused).values())
        removed += self._delete(refused)
        self._insert(batch.rows)
        if batch.nonces:
            nonces.put(self._writer.execute, batch.nonces, batch.forget_before_s)
        dropped = squeezed if limit is None else (*squeezed, *self._evict(limit))
        losses.forget(self._writer.execute, [named for row in batch.rows for named in row.names])
        if lost or dropped:
            losses.record(self._writer.execute, lost, dropped)
        self._put_meta(batch.meta)
        return Written(len(batch.rows) - removed - len(dropped), dropped, quarantined)

    def _insert(self, rows: list[NewRow]) -> None:
        positions = self._known().take(self._writer.execute, rows) if rows else ()
        self._writer.executemany(
            f"INSERT INTO message ({COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?)",  # noqa: S608  the same
            [
                (
                    *(position, row.kind.value, row.seq, row.epoch, int(row.keep), row.appended_at_s),
                    *(zlib.crc32(row.payload), row.correlation, row.payload),
                )
                for position, row in zip(positions, rows, strict=True)
            ],
        )

    def _delete(self, positions: list[int]) -> int:
        """Delete the rows at ``positions`` and return how many there were."""
        count = 0
        # One statement for many rows: after each statement this thread competes with the sender for the GIL.
        for start in range(0, len(positions), _DELETE_ROWS):
            some = positions[start : start + _DELETE_ROWS]
            places = ",".join("?" * len(some))
            count += self._writer.execute(f"DELETE FROM message WHERE position IN ({places})", some).rowcount  # noqa: S608  question marks
        return count

    def _synchronize(self, wanted: bool) -> None:
        """Choose whether the next transaction, and all before it, are synced to disk."""
        if wanted is not self._is_synchronous:
            with translate_errors():
                self._writer.execute(f"PRAGMA synchronous = {'FULL' if wanted else 'NORMAL'}")
            self._is_synchronous = wanted

    def _surely_fit(self, rows: list[NewRow], limits: Limits) -> bool:
        """Tell whether the file is so far below ``limits`` that ``rows`` need not be measured.

        SQLite is asked whenever the limits were taken anew: once a second.
        """
        if limits is not self._limits:
            self._limits = limits
            self._room_bytes = min(limits.hard, limits.soft) - self._used_bytes()
        self._room_bytes -= sum(len(row.payload) + _MOST_OVERHEAD_BYTES for row in rows)
        return self._room_bytes >= 0 or not rows

    def _used_bytes(self) -> int:
        return (self._pragma("page_count") - self._pragma("freelist_count")) * PAGE_BYTES

    def _squeeze(self, rows: list[NewRow]) -> Iterator[Dropped]:
        """Delete rows worth no more than ``rows`` until these fit."""
        keep = min(Keep.NORMAL, max((row.keep for row in rows), default=Keep.LOW))
        need_bytes = sum(len(row.payload) + _ROW_OVERHEAD_BYTES for row in rows)
        yield from self._evict(self._used_bytes() - need_bytes, keep)

    def _evict(self, limit_bytes: int, at_most: Keep = Keep.HIGH) -> Iterator[Dropped]:
        """Delete the oldest of the rows least worth keeping until the rest fits into ``limit_bytes``."""
        while self._used_bytes() > limit_bytes:
            found = self._known().take_worst(self._writer.execute, at_most)
            if not found:
                return
            positions = [row[0] for row in found]
            lost = losses.find(self._writer.execute, positions)
            self._delete(positions)
            for position, kind, keep in found:
                yield Dropped(Kind(kind), Keep(keep), lost.get(position))

    def _known(self) -> Positions:
        """Return what is known of the positions; looks through the file if that was not done yet."""
        if self._positions is None:
            self._positions = Positions(self._writer.execute)
        return self._positions

    def _put_meta(self, values: Mapping[str, str | int]) -> None:
        self._writer.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(values.items()))

    def _read(self, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with self._reading, translate_errors():
            return self._reader.execute(query, values).fetchall()


def parse_whole_row(values: tuple[Any, ...]) -> Row | None:
    """Return the row in ``values``, in the order of ``COLUMNS``; None if its checksum or types are wrong."""
    with contextlib.suppress(ValueError, TypeError):
        row = _parse_row(values)
        return row if values[6] == zlib.crc32(row.payload) else None
    return None


def _parse_row(values: tuple[Any, ...]) -> Row:
    position, kind, seq, epoch, keep, appended_at_s, _, correlation, payload = values
    if not (isinstance(payload, bytes) and isinstance(correlation, bytes) and isinstance(seq, int)):
        raise ValueError("a row's values have other types than were written")  # noqa: TRY004  damage, not misuse
    return Row(position, Kind(kind), seq, epoch, Keep(keep), appended_at_s, payload, correlation)
