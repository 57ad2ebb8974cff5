"""Which pieces of a file to ask for, and when to ask again: few on the way, so that verdicts are not held up.

What is asked for shares the link with the broker's answers to verdicts. While pieces come quickly more are
asked for at once; when they come slowly, or not at all, fewer. Pure; times are given.
"""

from __future__ import annotations

from dataclasses import dataclass

PIECE_BYTES = 16 * 1024
MAX_PIECES = 16  # on the way at once: 256 KiB
_QUICK_S, _SLOW_S = 0.3, 0.8  # a piece sooner than this allows one more, later than that one less
_PATIENCE = 4.0  # times the usual time for an answer, until it is asked for again
_MIN_WAIT_S, _MAX_WAIT_S = 2.0, 30.0


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a file."""

    offset: int
    length: int


class PieceRequests:
    """The pieces on the way; belongs to one thread."""

    def __init__(self) -> None:
        self._asked: dict[Piece, float] = {}
        self._ahead: dict[int, bytes] = {}
        self._width = 2.0
        self._usual_s = 0.5
        self._silent = 0
        self._not_before_s = 0.0

    @property
    def on_the_way_bytes(self) -> int:
        """What was asked for and has not come."""
        return sum(piece.length for piece in self._asked)

    def begin(self) -> None:
        """Forget what was on the way: a link ended, or bytes were thrown away."""
        self._asked.clear()
        self._ahead.clear()
        self._silent, self._not_before_s = 0, 0.0

    def due(self, at: int, end: int, now_s: float) -> list[Piece]:
        """Return what to ask for now; each counts as asked.

        Args:
            at: everything before is here.
            end: nothing from here on is wanted.
            now_s: the clock.
        """
        self._expire(now_s)
        if now_s < self._not_before_s:
            return []
        found, offset = [], at
        while offset < end and len(self._asked) + len(self._ahead) < int(self._width):
            piece = Piece(offset, min(PIECE_BYTES, end - offset))
            if offset in self._ahead:
                piece = Piece(offset, len(self._ahead[offset]))
            elif piece not in self._asked:
                self._asked[piece] = now_s
                found.append(piece)
            offset += piece.length
        return found

    def arrived(self, offset: int, content: bytes, at: int, now_s: float) -> bytes | None:
        """Take a piece that came; return what now follows on ``at``, or None if it was not asked for."""
        asked_s = self._asked.pop(Piece(offset, len(content)), None)
        if asked_s is None:
            return None
        took_s = now_s - asked_s
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
        """Ask again for what did not come; when nothing comes at all, ever more seldom."""
        patience_s = min(_MAX_WAIT_S, max(_MIN_WAIT_S, self._usual_s * _PATIENCE))
        late = [piece for piece, asked_s in self._asked.items() if now_s - asked_s > patience_s]
        for piece in late:
            del self._asked[piece]
        if late:
            self._width = max(1.0, self._width / 2)
            self._silent += 1
            if self._silent > 1:
                self._not_before_s = now_s + min(_MAX_WAIT_S, 0.5 * 2 ** min(self._silent, 6))
