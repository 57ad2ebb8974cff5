"""Find rows at which a broker ends the connection, and defer them, so that their neighbours go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_node.spool.rows import Row

_DEFER_S = 600.0
_STRIKES = 3


class Suspects:
    """Track the rows that may be why connections end; lives longer than a connection.

    Some brokers close the connection at a message that they do not want, without saying at which. Then
    rows are sent one by one; one that was alone in flight when the link ended three times is deferred,
    so that it never blocks its neighbours.
    """

    def __init__(self) -> None:
        self.positions: set[int] = set()
        self._strikes = 0
        self._first: int | None = None
        self._deferred: dict[int, float] = {}

    @property
    def deferred(self) -> int:
        """The number of deferred rows."""
        return len(self._deferred)

    def link_ended(self, on_the_way: list[Row], now_s: float, *, blamed: bool) -> Row | None:
        """Note the end of a connection; return the row that is certainly the reason, if one is.

        Args:
            on_the_way: what was sent and not answered, oldest first.
            now_s: monotonic.
            blamed: the broker said that a message was the reason.
        """
        if not on_the_way:
            return None
        first = on_the_way[0].position
        self._strikes = self._strikes + 1 if first == self._first else 1
        self._first = first
        if blamed and len(on_the_way) == 1:
            self._strikes = 0
            return on_the_way[0]
        if len(on_the_way) == 1 and self._strikes >= _STRIKES and self.positions:
            self._deferred[first] = now_s + _DEFER_S
            self.positions.discard(first)
            self._strikes = 0
        elif blamed or self._strikes >= _STRIKES:
            self.positions.update(row.position for row in on_the_way)
            self._strikes = 0
        return None

    def clear(self, position: int) -> None:
        """Note that the row was answered: it is not the reason."""
        self.positions.discard(position)
        self._deferred.pop(position, None)

    def is_deferred(self, position: int, now_s: float) -> bool:
        """Tell whether the row is deferred."""
        return self._deferred.get(position, 0.0) > now_s
