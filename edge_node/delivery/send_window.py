"""Select the next rows to send and track those in flight. No I/O; the caller passes the time.

Every kind has two lanes: what was appended since the connection began (live), and what waited before
(backlog). Live goes first; each lane is in order. A slot is free again only when the row that had it is
deleted on disk, so a kill at any moment repeats at most one window.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from msgspec import field

from edge_node.messages.topics import BY_PRIORITY, Kind
from edge_node.plain_struct import MutableStruct

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from typing import TypeAlias

    from edge_node.delivery.suspects import Suspects
    from edge_node.spool.rows import Row

    # kind, after position, up to position, at most so many
    ReadRows: TypeAlias = Callable[[Kind, int, int | None, int], list[Row]]

PREFETCH_ROWS = 64
_HOLD_S = (1.0, 2.0, 5.0, 10.0)  # a refused kind is tried again after so long; 10 s at most


class Lane(MutableStruct):
    """Rows of one kind, read in order of position."""

    kind: Kind
    replayed: bool
    cursor: int
    up_to: int | None
    ahead: deque[Row] = field(default_factory=deque)
    dry: bool = False

    def forget(self, position: int) -> None:
        """Drop a row that was read ahead and has been deleted since: it was in flight while it was read."""
        if self.ahead[0].position <= position:
            self.ahead = deque(row for row in self.ahead if row.position != position)

    def rewind(self, position: int) -> None:
        """Read again from ``position``."""
        if position <= self.cursor:
            self.cursor = position - 1
            self.ahead.clear()
        self.dry = False


class Sent(MutableStruct):
    """A row that was sent and not answered."""

    row: Row
    lane: Lane
    sent_at_s: float


class _Hold(MutableStruct):
    until_s: float = 0.0
    refusals: int = 0
    alone: bool = False  # one row at a time until one is taken

    @property
    def one_at_a_time(self) -> bool:
        return self.alone or self.refusals > 0


class SendWindow:
    """Select and track the rows of one connection."""

    def __init__(
        self, size: int, boundary: int, suspects: Suspects, alone_first: Collection[Kind] = ()
    ) -> None:
        """Begin a connection.

        Args:
            size: slots.
            boundary: the last position that existed when the connection began.
            suspects: rows that may have ended earlier connections.
            alone_first: kinds of which one row is sent at a time until one is taken. A broker may refuse them
                for now (nobody subscribes yet) and take those behind them a moment later, out of order.
        """
        self._size = size
        self._suspects = suspects
        self._lanes = [
            *(Lane(kind, replayed=False, cursor=boundary, up_to=None) for kind in BY_PRIORITY),
            *(Lane(kind, replayed=True, cursor=0, up_to=boundary) for kind in BY_PRIORITY),
        ]
        self._on_the_way: dict[int, Sent] = {}
        self._deleting: deque[tuple[int, int]] = deque()  # ticket, position
        self._busy: set[int] = set()
        self._holds = {kind: _Hold(alone=kind in alone_first) for kind in BY_PRIORITY}

    @property
    def on_the_way(self) -> list[Row]:
        """Rows that were sent and not answered, oldest first."""
        return [sent.row for sent in self._on_the_way.values()]

    @property
    def is_empty(self) -> bool:
        """True when nothing is on its way, nor acknowledged and still on disk."""
        return not self._busy

    @property
    def is_idle(self) -> bool:
        """True when nothing is on its way or held back, and what comes has a slot.

        Rows that the broker has may still be on disk: while verdicts come, some always are.
        """
        return not self._on_the_way and not self.held and self.free_slots > 0

    @property
    def held(self) -> bool:
        """True while the broker refuses a kind."""
        return any(hold.refusals for hold in self._holds.values())

    @property
    def free_slots(self) -> int:
        """The number of rows that may be sent now."""
        size = 1 if self._suspects.positions else self._size
        return max(0, size - len(self._busy))

    def oldest_sent_at_s(self) -> float | None:
        """Return when the oldest unanswered row was sent."""
        return next(iter(self._on_the_way.values())).sent_at_s if self._on_the_way else None

    def wake(self, *, backlog: bool = True) -> None:
        """Look again for rows in lanes that were found empty; without ``backlog`` in the live ones only."""
        for lane in self._lanes if backlog else self._lanes[: len(BY_PRIORITY)]:
            lane.dry = False

    def next_up(self, read: ReadRows, now_s: float) -> Iterator[Sent]:
        """Yield what to send now, best first, while there are slots; call ``sent`` for each."""
        for lane in self._lanes:
            if lane.dry and not lane.ahead:
                continue
            hold = self._holds[lane.kind]
            while self.free_slots > 0 and hold.until_s <= now_s:
                if hold.one_at_a_time and self._has_on_the_way(lane.kind):
                    break
                row = self._next_in(lane, read, now_s)
                if row is None:
                    break
                yield Sent(row, lane, now_s)

    def replay(self, kind: Kind, up_to: int) -> None:
        """Send what there is of ``kind`` up to a position once more, as a backlog."""
        for lane in self._lanes:
            if lane.kind is kind:
                lane.cursor = 0 if lane.replayed else up_to
                lane.up_to = up_to if lane.replayed else None
                lane.ahead.clear()
                lane.dry = False

    def sent(self, number: int, sent: Sent) -> None:
        """Note that ``sent`` is on its way under the session's ``number``."""
        self._on_the_way[number] = sent
        self._busy.add(sent.row.position)

    def answered(self, number: int) -> Sent | None:
        """Return what was answered; None if it was not a row."""
        return self._on_the_way.pop(number, None)

    def delivered(self, sent: Sent, ticket: int) -> None:
        """Note that the broker has the row, and that it is deleted once ``ticket`` is reached."""
        self._holds[sent.row.kind] = _Hold()
        self._suspects.clear(sent.row.position)
        self._deleting.append((ticket, sent.row.position))

    def parked(self, sent: Sent) -> None:
        """Note that the broker has the row, and that it stays in the spool until its consumers have it."""
        self._holds[sent.row.kind] = _Hold()
        self._suspects.clear(sent.row.position)
        self._busy.discard(sent.row.position)

    def quarantined(self, sent: Sent, ticket: int) -> None:
        """Note that the row is being moved out of the way."""
        self._suspects.clear(sent.row.position)
        self._deleting.append((ticket, sent.row.position))

    def kept(self, sent: Sent, now_s: float) -> None:
        """Hold the row's kind for a while, and begin again with this row."""
        hold = self._holds[sent.row.kind]
        if hold.until_s <= now_s:
            hold.until_s = now_s + _HOLD_S[min(hold.refusals, len(_HOLD_S) - 1)]
            hold.refusals += 1
        self._suspects.clear(sent.row.position)
        self._busy.discard(sent.row.position)
        sent.lane.rewind(sent.row.position)

    def settled(self, ticket: int) -> None:
        """Free the slots of rows whose deletion is on disk."""
        while self._deleting and self._deleting[0][0] <= ticket:
            position = self._deleting.popleft()[1]
            self._busy.discard(position)
            for lane in self._lanes:
                if lane.ahead:
                    lane.forget(position)

    def wait_s(self, now_s: float) -> float | None:
        """Return how long until a hold ends, if any kind is held."""
        ends = [hold.until_s - now_s for hold in self._holds.values() if hold.until_s > now_s]
        return min(ends, default=None)

    def _has_on_the_way(self, kind: Kind) -> bool:
        return any(sent.row.kind is kind for sent in self._on_the_way.values())

    def _next_in(self, lane: Lane, read: ReadRows, now_s: float) -> Row | None:
        while True:
            if not lane.ahead and not lane.dry:
                lane.ahead.extend(read(lane.kind, lane.cursor, lane.up_to, PREFETCH_ROWS))
                lane.dry = not lane.ahead
            if not lane.ahead:
                return None
            row = lane.ahead.popleft()
            lane.cursor = row.position
            if row.position not in self._busy and not self._suspects.is_deferred(row.position, now_s):
                return row
