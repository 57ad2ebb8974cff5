"""Give a duty to one process at a time, by a row of the history that its holder keeps alive.

No clocks of two machines are compared: whoever waits for a duty takes it once its row has stood still for
the whole term by the waiter's own monotonic time. Each new holder raises the row's fence, and transactions
for the duty begin with ``check``: one that was suspended meanwhile writes nothing more.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, literal_column, select, update

from edge_node.control_room.history.database import HistoryError
from edge_node.control_room.history.sql_filters import ONE
from edge_node.control_room.history.storage.dialect import insert_new
from edge_node.control_room.history.storage.process_tables import lease

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.control_room.history.database import Database

TERM_S = 10.0  # from a holder's death to the next one

_IS_NAMED = lease.c.name == bindparam("duty")
_IS_STILL = (lease.c.fence == bindparam("old_fence"), lease.c.beat == bindparam("old_beat"))
_IS_OURS = (_IS_NAMED, lease.c.holder == bindparam("us"), lease.c.fence == bindparam("ours"))
_READ = select(lease.c.holder, lease.c.fence, lease.c.beat).where(_IS_NAMED)
_MAKE = insert_new(lease).values(
    name=bindparam("duty"), holder="", fence=literal_column("0"), beat=literal_column("0")
)
_TAKE = (
    update(lease)
    .where(_IS_NAMED, *_IS_STILL)
    .values(holder=bindparam("us"), fence=lease.c.fence + ONE, beat=literal_column("0"))
)
_RENEW = update(lease).where(*_IS_OURS).values(beat=lease.c.beat + ONE)
_RELEASE = update(lease).where(*_IS_OURS).values(holder="")
# Locked until the transaction ends: nobody takes the duty while its holder writes.
_CHECK = select(lease.c.fence).where(*_IS_OURS).with_for_update(read=True)


class Lease:
    """One process's claim to one duty; belongs to one thread, but for ``check``."""

    def __init__(
        self,
        database: Database,
        duty: str,
        holder: str,
        *,
        term_s: float = TERM_S,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Claim nothing yet.

        Args:
            database: of the room.
            duty: the name of what one process does.
            holder: this process's name, which no other has.
            term_s: for how long a row that stands still is respected.
            now_s: monotonic time.
        """
        self._database = database
        self._named = {"duty": duty}
        self._holder = holder
        self._term_s = term_s
        self._now_s = now_s
        self._fence: int | None = None
        self._renewed_s = 0.0
        self._seen: tuple[int, int] | None = None
        self._seen_s = 0.0
        self._rival: str | None = None
        self._is_lost = False

    @property
    def is_held(self) -> bool:
        """Whether the duty is this process's; not if its last renewal is a term ago."""
        return self._fence is not None and self._now_s() - self._renewed_s < self._term_s

    @property
    def rival(self) -> str | None:
        """Another holder whose row was seen to move, so that it lives; None where none was."""
        return self._rival

    @property
    def is_lost(self) -> bool:
        """Whether ``check`` found that another process has the duty that this one had."""
        return self._is_lost

    def watch(self) -> str:
        """Return who has the duty, and note whether its row moves; "" where nobody has it.

        Raises:
            HistoryError: the history cannot be read.
        """
        rows = self._database.rows(_READ, self._named)
        if not rows:
            return ""
        holder, fence, beat = rows[0]
        self._has_stood_still(holder, fence, beat, self._now_s())
        return str(holder)

    def look(self, *, follows: str = "") -> bool:
        """Renew the duty, or take it if its holder is gone; return whether it is this process's.

        Args:
            follows: a holder known to be gone, whose duty is taken at once.

        Raises:
            HistoryError: the history cannot be written.
        """
        if self._fence is not None:
            self._renew()
        if self._fence is None:
            self._try_to_take(follows)
        return self.is_held

    def release(self) -> None:
        """Give the duty up, so that the next one takes it at once."""
        if self._fence is not None:
            fence, self._fence = self._fence, None
            with self._database.transaction(robots=()):
                self._database.write(_RELEASE, self._ours(fence))

    def check(self, database: Database) -> None:
        """Hold the duty until the open transaction of ``database`` ends.

        Raises:
            HistoryError: another process has it, so nothing may be written.
        """
        fence = self._fence
        if fence is None or database.peek(_CHECK, self._ours(fence)) is None:
            self._is_lost = True
            raise HistoryError(f"{self._named['duty']}: another process does this now")

    def _ours(self, fence: int) -> dict[str, object]:
        return {**self._named, "us": self._holder, "ours": fence}

    def _renew(self) -> None:
        began_s = self._now_s()
        assert self._fence is not None  # noqa: S101  # the caller's branch
        with self._database.transaction(robots=()):
            is_renewed = self._database.write(_RENEW, self._ours(self._fence)) > 0
        if is_renewed:
            self._renewed_s = began_s
        else:
            self._fence, self._seen = None, None

    def _try_to_take(self, follows: str) -> None:
        began_s = self._now_s()
        with self._database.transaction(robots=()):
            row = self._database.peek(_READ, self._named)
            if row is None:
                self._database.write(_MAKE, self._named)
                return  # the next look takes it
            holder, fence, beat = row
            if holder not in ("", follows) and not self._has_stood_still(holder, fence, beat, began_s):
                return
            values = {**self._named, "us": self._holder, "old_fence": fence, "old_beat": beat}
            is_taken = self._database.write(_TAKE, values) > 0
        if is_taken:
            self._fence, self._renewed_s = fence + 1, began_s

    def _has_stood_still(self, holder: str, fence: int, beat: int, now_s: float) -> bool:
        if self._seen != (fence, beat):
            self._rival = holder if self._seen is not None and holder else None
            self._seen, self._seen_s = (fence, beat), now_s
            return False
        return now_s - self._seen_s >= self._term_s
