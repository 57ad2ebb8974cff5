"""Decide which connections of the page are admitted, and which are ended and when. No I/O.

A connection is counted from the moment at which it is accepted, before TLS and before the first byte of a
request: a silent one costs what a busy one costs. Beyond a bound the one that has kept the page waiting for
longest gives way to the newcomer; one that is being answered gives way only where its address holds more
than the newcomer's.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

from edge_node.monitoring.http_request import client_key

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

Peer: TypeAlias = tuple[object, ...]  # as accept() returns it: address, port, and more for IPv6


class Phase(Enum):
    """What a connection is waiting for."""

    REQUEST = "request"  # TLS or the head of a request, the first or the next
    BODY = "body"  # of a request
    RESPONSE = "response"  # the room works on it, or streams
    DRAIN = "drain"  # the client is to take what was written


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Bounds on connections.

    Attributes:
        connections: open at once.
        per_address: of these from one address, or one IPv6 network of 64 bits; a trusted proxy's are many
            people's and are not counted so.
        head_s: from accepting, or from the last response, to the end of a request's headers, TLS included.
        body_s: from there to the end of its body.
        drain_s: in which a client must take the next 48 KiB of a response.
    """

    connections: int = 256
    per_address: int = 64
    head_s: float = 10.0
    body_s: float = 20.0
    drain_s: float = 30.0

    def deadline_s(self, phase: Phase, now_s: float) -> float | None:
        """Return when a phase that begins now must have ended; None is never."""
        lasts = {Phase.REQUEST: self.head_s, Phase.BODY: self.body_s, Phase.DRAIN: self.drain_s}
        return now_s + lasts[phase] if phase in lasts else None


@dataclass(slots=True)
class _Entry:
    key: str
    end: Callable[[], None]
    since_s: float
    phase: Phase
    deadline_s: float | None

    @property
    def is_waited_for(self) -> bool:
        """Whether nothing is lost to its client if it is ended."""
        return self.phase is Phase.REQUEST


class ConnectionBook:
    """All open connections of one page; used by the thread of its event loop."""

    def __init__(
        self, limits: ConnectionLimits, is_proxy: Callable[[str], bool] = lambda _address: False
    ) -> None:
        """Begin without connections; ``is_proxy`` tells whether an address is a trusted proxy's."""
        self._limits = limits
        self._is_proxy = is_proxy
        self._open: dict[Peer, _Entry] = {}
        self.ended: Counter[str] = Counter()  # by reason, since the start

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, peer: Peer, end: Callable[[], None], now_s: float) -> bool:
        """Count a connection that was accepted, and end another if need be; False if it is to be closed."""
        address = str(peer[0])
        key = client_key(address.removeprefix("::ffff:"))  # IPv4 on a socket that listens to both
        same = [entry for entry in self._open.values() if entry.key == key]
        if len(same) >= self._limits.per_address and not self._is_proxy(address):
            if not self._end_waiting(same, "too many of one address"):
                self.ended["refused: too many of one address"] += 1
                return False
        elif len(self._open) >= self._limits.connections and not self._make_room(len(same)):
            self.ended["refused: too many"] += 1
            return False
        deadline_s = self._limits.deadline_s(Phase.REQUEST, now_s)
        self._open[peer] = _Entry(key, end, now_s, Phase.REQUEST, deadline_s)
        return True

    def attach(self, peer: Peer, end: Callable[[], None]) -> None:
        """Set what ends a connection, now that there is more to end than a socket."""
        if (entry := self._open.get(peer)) is not None:
            entry.end = end

    def enter(self, peer: Peer, phase: Phase, now_s: float) -> None:
        """Note what a connection waits for; its time begins anew only where that has changed."""
        entry = self._open.get(peer)
        if entry is not None and entry.phase is not phase:
            entry.phase, entry.since_s = phase, now_s
            entry.deadline_s = self._limits.deadline_s(phase, now_s)

    def forget(self, peer: Peer) -> None:
        """Forget a connection that was closed."""
        self._open.pop(peer, None)

    def end_overdue(self, now_s: float) -> None:
        """End the connections whose time is over."""
        for peer, entry in list(self._open.items()):
            if entry.deadline_s is not None and now_s >= entry.deadline_s:
                self._end(peer, entry, f"too slow: {entry.phase.value}")

    def _make_room(self, held: int) -> bool:
        """End a connection of the address that holds most, for an address that holds ``held``."""
        if self._end_waiting(self._open.values(), "too many"):
            return True
        holders = Counter(entry.key for entry in self._open.values())
        key, most = holders.most_common(1)[0]
        if most <= held + 1:
            return False
        peer, entry = next((peer, entry) for peer, entry in self._open.items() if entry.key == key)
        self._end(peer, entry, "too many of one address")
        return True

    def _end_waiting(self, among: Collection[_Entry], reason: str) -> bool:
        """End the connection that has kept the page waiting for longest; False if all are being answered."""
        waiting = [entry for entry in among if entry.is_waited_for]
        if not waiting:
            return False
        oldest = min(waiting, key=lambda entry: entry.since_s)
        peer = next(peer for peer, entry in self._open.items() if entry is oldest)
        self._end(peer, oldest, reason)
        return True

    def _end(self, peer: Peer, entry: _Entry, reason: str) -> None:
        del self._open[peer]  # first: ending it may close its socket at once
        self.ended[reason] += 1
        entry.end()
