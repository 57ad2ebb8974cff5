"""Select the pieces of a file to request, and repeat requests that were not answered. Pure.

Pieces share the link with the acknowledgements of verdicts, so few are in flight: more while they arrive
quickly, fewer when they arrive slowly or not at all. The caller passes the time.
"""

from __future__ import annotations

from dataclasses import dataclass

PIECE_BYTES = 16 * 1024
MAX_PIECES = 16  # in flight at once: 256 KiB
_QUICK_S, _SLOW_S = 0.3, 0.8  # a piece that arrives sooner allows one more in flight, later one less
_PATIENCE = 4.0  # a request is repeated after so many times the usual response time
_MIN_WAIT_S, _MAX_WAIT_S = 2.0, 30.0


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a file."""

    offset: int
    length: int


class PieceRequests:
    """Track the pieces in flight; used by one thread alone."""

    def __init__(self) -> None:
        self._requested_s: dict[Piece, float] = {}
        self._ahead: dict[int, bytes] = {}
        self._width = 2.0
        self._usual_s = 0.5
        self._silent = 0
        self._not_before_s = 0.0

    def begin(self) -> None:
        """Forget the requests in flight: the link ended, or bytes were discarded."""
        self._requested_s.clear()
        self._ahead.clear()
        self._silent, self._not_before_s = 0, 0.0

    def due(self, at: int, end: int, now_s: float, most: int = MAX_PIECES) -> list[Piece]:
        """Return the pieces to request now; each counts as requested.

        Args:
            at: offset up to which everything has arrived.
            end: offset at which to stop.
            now_s: monotonic time.
            most: return no more pieces than these.
        """
        self._expire(now_s)
        if now_s < self._not_before_s:
            return []
        found: list[Piece] = []
        offset = at
        in_flight = len(self._requested_s) + len(self._ahead)
        while offset < end and len(found) < min(most, int(self._width) - in_flight):
            piece = Piece(offset, min(PIECE_BYTES, end - offset))
            if offset in self._ahead:
                piece = Piece(offset, len(self._ahead[offset]))
            elif piece not in self._requested_s:
                self._requested_s[piece] = now_s
                found.append(piece)
            offset += piece.length
        return found

    def receive(self, offset: int, content: bytes, at: int, now_s: float) -> bytes | None:
        """Take a received piece; return the bytes that now follow on ``at``, None if it was not requested."""
        requested_s = self._requested_s.pop(Piece(offset, len(content)), None)
        if requested_s is None:
            return None
        took_s = now_s - requested_s
        self._usual_s += (took_s - self._usual_s) / 8
        self._silent = 0
        if took_s < _QUICK_S:
            self._width = min(MAX_PIECES, self._width + 1 / self._width)
        elif took_s > _SLOW_S:
            self._width = max(1.0, self._width - 1 / self._width)
        self._ahead[offset] = content
        whole = bytearray()
        while (piece := self._ahead.pop(at + len(whole), None)) is not None:
            whole += piece
        return bytes(whole)

    def _expire(self, now_s: float) -> None:
        """Let late pieces be requested again; ever more seldom while none arrives."""
        patience_s = min(_MAX_WAIT_S, max(_MIN_WAIT_S, self._usual_s * _PATIENCE))
        late = [piece for piece, requested_s in self._requested_s.items() if now_s - requested_s > patience_s]
        for piece in late:
            del self._requested_s[piece]
        if late:
            self._width = max(1.0, self._width / 2)
            self._silent += 1
            if self._silent > 1:
                self._not_before_s = now_s + min(_MAX_WAIT_S, 0.5 * 2 ** min(self._silent, 6))
