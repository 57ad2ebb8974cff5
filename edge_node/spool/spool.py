"""Queue messages on disk until the broker has them.

``append`` numbers a row and returns at once; a writer thread commits in batches, so that a slow disk never
delays a verdict. A row is deleted only after ``settle``, which says that a broker has it, or when the bound
on disk is reached, which is counted. Knows nothing of MQTT.
"""

from __future__ import annotations

import logging
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from edge_node.errors import SpoolError
from edge_node.messages.status import SpoolDepth
from edge_node.messages.topics import Kind
from edge_node.messages.verdict import encode
from edge_node.spool.chain import VerdictChain
from edge_node.spool.counters import Counters
from edge_node.spool.database import SpoolDatabase
from edge_node.spool.files import DiskSpace, SharedDisk, SpoolBudget, divide_budget, own_bytes
from edge_node.spool.opening import lasting_alarms, open_locked, recover_store
from edge_node.spool.pending import Pending
from edge_node.spool.row_age import RowAge
from edge_node.spool.rows import MAX_PAYLOAD_BYTES, Keep, NewRow, Refusal, Row, StoredRange
from edge_node.spool.transaction import DamagedError, DiskError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import msgspec

    from edge_node.config.delivery_sections import SpoolConfig
    from edge_node.messages.checkpoint import GivenUp
    from edge_node.messages.status import Alarm
    from edge_node.spool.transaction import Batch, Written

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_Message = TypeVar("_Message", bound="msgspec.Struct | bytes")

_APPEND_WAIT_S = 2.0  # a producer faster than a healthy disk is slowed down before rows are lost
_RETRY_S = (0.1, 0.25, 0.5, 1.0, 2.0)
_IDLE_S = 1.0  # deletions wait so long at most for a verdict that shares their transaction
_HOUSEKEEPING_S = 5.0
_CLOSE_S = 4.0
_DAMAGED_ROW = 0  # no MQTT reason code: the checksum did not hold


class Spool:
    """Queue one robot's messages on disk; every method may be called from any thread.

    Attributes:
        epoch: random id under which sequence numbers count from 1; new whenever the spool is opened.
        chain: of this epoch's verdicts; its link is to be read while a verdict is made.
    """

    def __init__(
        self, path: Path, config: SpoolConfig, shared: SharedDisk | None, clock: Callable[[], float]
    ) -> None:
        """Open the spool without starting its writer thread; use ``open``."""
        self._clock = clock
        self._path = path
        self._budget: SpoolBudget = divide_budget(config)
        self._changed = threading.Condition()
        self._pending = Pending()
        self._gather_s = config.commit_interval_ms / 1000
        self._closing = False
        self._appended = self._done = self._writing = self._requeued = self._settled = 0
        self._damaged_store: SpoolDatabase | None = None
        self._on_commit: Callable[[], None] = lambda: None
        shared = shared or SharedDisk()
        opened, self._lock = open_locked(path, self._budget, shared.lock)
        self._store, self.epoch = opened.store, opened.epoch
        self.chain = VerdictChain(opened.epoch, opened.before)
        self._on_disk = dict(opened.values)
        self._counters = Counters(opened.counters)
        self._waiting = self._store.found()
        self._quarantined = self._store.quarantined_count()
        self.taken_nonces = self._store.nonces()
        self._age = RowAge(self._store.last_position(), clock)
        self._disk = DiskSpace(path, self._budget, shared.budget)
        self.beat_s = time.monotonic()  # last turn of the writer thread, for the watchdog
        self._thread = threading.Thread(target=self._write_forever, name="spool-writer", daemon=True)

    @classmethod
    def open(
        cls,
        path: Path,
        config: SpoolConfig,
        shared: SharedDisk | None = None,
        clock: Callable[[], float] = time.time,
    ) -> Spool:
        """Open the spool at ``path``, or make it, and start its writer thread.

        A damaged file is renamed, its undamaged rows are copied to a new one, and an alarm is raised.
        ``clock`` gives Unix time.

        Raises:
            SpoolError: another user's, in use, of a newer version, or the disk cannot be written.
        """
        spool = cls(path, config, shared, clock)
        spool._thread.start()
        return spool

    @property
    def settled(self) -> int:
        """Number of settled and refused rows that are deleted on disk; reaches each ticket in order."""
        with self._changed:
            return self._settled

    @property
    def arrivals(self) -> int:
        """Number that grows whenever rows were written to disk."""
        return self._done + self._requeued

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """The alarms that are raised now."""
        lasting = lasting_alarms(self._path, quarantined=self._quarantined)
        return (*filter(None, [self._disk.failure]), *lasting)

    def append(
        self,
        kind: Kind,
        make: Callable[[int], _Message],
        *,
        keep: Keep = Keep.NORMAL,
        correlation: bytes = b"",
        names: Sequence[GivenUp] = (),
    ) -> _Message:
        """Give a message its number, hand it to the writer thread and return it.

        Args:
            kind: counts on its own, from 1, without gaps.
            make: called with the number; returns the message, or its bytes; uses no number if it raises.
            keep: how long to hold on to it when the disk's bound is reached.
            correlation: MQTT correlation data of a response.
            names: ranges of ``given_up`` that the message names; forgotten once it is on disk.

        Raises:
            SpoolError: the payload is larger than any broker takes, or the spool is closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._pending.is_full or self._disk.failure, _APPEND_WAIT_S)
            if self._closing:
                raise SpoolError(f"{self._path}: the spool is closed")
            seq = self._counters.next_seq(kind)
            message = make(seq)
            payload = message if isinstance(message, bytes) else encode(message)
            if len(payload) > MAX_PAYLOAD_BYTES:
                raise SpoolError(f"{kind.value} of {len(payload)} bytes, allowed are {MAX_PAYLOAD_BYTES}")
            self._counters.gave(kind, seq)
            end = self.chain.add(seq, payload) if kind is Kind.VERDICT else None
            if self._pending.is_full:  # the disk does not take them
                self._counters.refuse()
                self._pending.give_up_one(self._counters.refused)
                self._done += 1
            row = NewRow(kind, seq, self.epoch, keep, self._clock(), payload, correlation, tuple(names), end)
            self._pending.add(row)
            self._appended += 1
            if self._pending.is_urgent or not self._gather_s or len(self._pending.rows) == 1:
                self._changed.notify_all()
            return message

    def flush(self, timeout_s: float) -> bool:
        """Wait until all rows appended so far are on disk; False if they are not in time, or one was lost."""
        with self._changed:
            wanted, refused = self._appended, self._counters.refused
            self._hurry()
            in_time = self._changed.wait_for(lambda: self._done >= wanted, timeout_s)
            return in_time and self._counters.refused == refused

    def rows(self, kind: Kind, *, after: int = 0, up_to: int | None = None, limit: int = 100) -> list[Row]:
        """Return waiting rows on disk in order of position; ``after`` excluded, ``up_to`` included.

        A row whose payload changed on disk goes into quarantine instead.
        """
        if not self._store.may_follow(kind, after):  # most questions end here, and nothing is locked for them
            return []
        with self._changed:
            delivered = frozenset(self._pending.delivered)
        whole: list[Row] = []
        while not whole:
            read = partial(SpoolDatabase.rows, kind=kind, after=after, up_to=up_to, limit=limit)
            found: list[tuple[Row, bool]] = self._query(read, [])
            if not found:
                break
            whole = [row for row, intact in found if intact and row.position not in delivered]
            for row, intact in found:
                if not intact:
                    _log.error("%s: %s %d changed on the disk", self._path, row.kind.value, row.seq)
                    self.refuse(Refusal(row.position, _DAMAGED_ROW, "its bytes on the disk were changed"))
            after = found[-1][0].position
        return whole

    def last_position(self) -> int:
        """Return the position of the last row committed, delivered or not."""
        return self._query(lambda store: store.last_position(), 0)

    def settle(self, *positions: int, urgent: bool = False) -> int:
        """Delete rows that a broker has; return the ticket that ``settled`` reaches once they are deleted.

        Args:
            positions: of the rows; deleted with the next verdict, or a second later: that spares a write.
            urgent: commit at once, because someone waits for it.
        """
        with self._changed:
            if urgent:
                self._hurry()
            return self._pending.settle(positions)

    def refuse(self, refusal: Refusal) -> int:
        """Move a row into quarantine; return a ticket as ``settle`` does."""
        with self._changed:
            self._hurry()
            return self._pending.refuse(refusal)

    def settle_stored(self, *stored: StoredRange) -> None:
        """Delete the rows that the consumers have stored."""
        with self._changed:
            self._pending.stored += stored

    def given_up(self) -> list[GivenUp]:
        """Return the ranges of verdicts given up that no message has named yet."""
        return self._query(lambda store: store.given_up(), [])

    def remember_nonce(self, nonce: str, expires_at_s: float, *, forget_before_s: float = 0.0) -> None:
        """Save a command's id, to refuse it after a restart too; those that expired earlier may go."""
        with self._changed:
            self._pending.nonces.append((nonce, expires_at_s))
            self._pending.forget_before_s = forget_before_s
            self._hurry()

    def listen(self, on_commit: Callable[[], None]) -> None:
        """Call ``on_commit`` in the writer thread after each commit; it must return at once."""
        self._on_commit = on_commit

    def depth(self) -> SpoolDepth:
        """Return counts of the rows that wait, were dropped, were refused or are in quarantine."""
        oldest = self._query(lambda store: store.oldest(), None)
        disk_bytes, alarms = own_bytes(self._path), self.alarms  # a disk that hangs must not hold the lock
        with self._changed:
            waiting = max(0, self._waiting - len(self._pending.delivered))
            return SpoolDepth(
                waiting=waiting,
                in_memory=len(self._pending.rows) + self._writing,
                oldest_age_s=self._age.age_s(oldest) if waiting else None,
                disk_bytes=disk_bytes,
                dropped=self._counters.dropped,
                refused=self._counters.refused,
                quarantined=self._quarantined,
                commit_interval_ms=round(1000 * self._gather_s),
                alarms=alarms,
            )

    def __enter__(self) -> Spool:  # noqa: PYI034  Self needs Python 3.11
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Commit the appended rows, for a few seconds at most, and close."""
        with self._changed:
            if self._closing:
                return
            self._closing = True
            self._changed.notify_all()
        self._thread.join(_CLOSE_S)
        if self._thread.is_alive():
            _log.error("%s: the disk hangs; %d rows are not on it", self._path, len(self._pending.rows))
            return
        self._store.close()
        self._disk.close()
        self._lock.release()

    def _write_forever(self) -> None:
        cleaned_s = time.monotonic()
        while (batch := self._next_batch()) is not None:
            self.beat_s = time.monotonic()
            if batch and not self._commit(batch):
                return
            if not batch or time.monotonic() - cleaned_s > _HOUSEKEEPING_S:
                self._clean_up()
                cleaned_s = time.monotonic()

    def _next_batch(self) -> Batch | None:
        """Wait for a batch and return it; an empty one when idle, None when closed and done."""
        with self._changed:
            pending = self._pending
            self._changed.wait_for(lambda: pending.rows or pending.is_urgent or self._closing, _IDLE_S)
            if not pending and self._closing:
                return None
            if pending.rows and self._gather_s:
                self._changed.wait_for(lambda: pending.is_urgent or self._closing, self._gather_s)
            batch = pending.take()
            self._writing = len(batch.rows)
            return batch

    def _commit(self, batch: Batch) -> bool:
        """Write ``batch``, retrying until the disk takes it; False if the spool is closed before."""
        attempt = 0
        while True:
            self.beat_s = time.monotonic()
            try:
                self._replace_damaged()
                written = self._store.write(batch, self._disk.limits(), squeeze=self._disk.is_short)
            except DamagedError as err:
                _log.error("%s: %s", self._path, err)
                self._damaged_store = self._store
            except (DiskError, OSError, SpoolError) as err:
                if self._note_failure(err):
                    continue
                if self._closing and attempt > 0:
                    _log.error("%s: closed with %d rows that are not on disk", self._path, len(batch.rows))
                    return False
                with self._changed:
                    self._changed.wait_for(lambda: self._closing, _RETRY_S[min(attempt, len(_RETRY_S) - 1)])
                attempt += 1
            else:
                self._note_success(batch, written)
                return True

    def _note_success(self, batch: Batch, written: Written) -> None:
        with self._changed:
            self._disk.note_written()
            self._waiting += written.change
            self._done += len(batch.rows)
            self._settled += len(batch.settled) + len(batch.refused)
            self._pending.delivered.difference_update(batch.settled)
            self._quarantined += written.quarantined
            self._writing = 0
            self._counters.drop(written.dropped)
            self._on_disk |= batch.meta
            self._changed.notify_all()
        if written.dropped:
            _log.warning("%s: the bound on disk is reached; %d rows lost", self._path, len(written.dropped))
        self._on_commit()

    def _note_failure(self, err: Exception) -> bool:
        """Raise the alarm; True if others gave way to a full disk, and it is worth trying again at once."""
        had_failed = self._disk.failure is not None
        gave_way = self._disk.note_failure(err)
        if not (gave_way or had_failed):
            self._on_commit()  # so that the alarm is published
        return gave_way

    def _replace_damaged(self) -> None:
        """Replace the file if it was found damaged while running."""
        if self._damaged_store is not self._store:
            return
        _log.error("%s: damaged; set aside", self._path)
        self._store.close()
        with self._changed:
            values = {**self._counters.lasting(), **self._on_disk}
        self._store = recover_store(self._path, self._budget, values)
        self._waiting = self._store.waiting()
        self._quarantined = 0
        self._damaged_store = None

    def _clean_up(self) -> None:
        """Shrink the file, allocate the reserve, and count the rows again if another program changed them."""
        try:
            self._replace_damaged()
            self._store.shrink()
            self._disk.refill()
            if not self._store.look_for_others():
                return
            waiting, quarantined = self._store.waiting(), self._store.quarantined_count()
        except (DamagedError, DiskError, OSError, SpoolError) as err:
            self._note_damage(self._store, err)
            _log.warning("%s: %s", self._path, err)
            return
        with self._changed:
            self._requeued += 1  # `edge-node spool requeue`
            self._waiting, self._quarantined = waiting, quarantined
        self._on_commit()

    def _hurry(self) -> None:
        """Have the writer thread commit at once; the lock is held."""
        self._pending.is_urgent = True
        self._changed.notify_all()

    def _query(self, query: Callable[[SpoolDatabase], _T], otherwise: _T) -> _T:
        """Return the result of ``query``, or ``otherwise`` if the file cannot be read."""
        store = self._store
        try:
            return query(store)
        except (DamagedError, DiskError) as err:
            self._note_damage(store, err)
            return otherwise

    def _note_damage(self, store: SpoolDatabase, err: Exception) -> None:
        """Let the writer thread replace the file if it is damaged."""
        if isinstance(err, DamagedError) and store is self._store and not self._closing:
            self._damaged_store = store
