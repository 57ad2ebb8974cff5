"""Limit how many wrong tokens one address may try, without locking out others."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_ADDRESSES = 1024  # then the one that was silent for longest is forgotten


class GuessLimit:
    """Count the wrong tokens of each address; not thread-safe.

    The same wrong token again is no new guess: a browser that asks every second with an old one does not
    lock out its owner, who types the right one beside it.
    """

    def __init__(
        self, most: int = 10, span_s: float = 60.0, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        """Allow ``most`` different wrong tokens from one address in ``span_s``."""
        self._most = most
        self._span_s = span_s
        self._monotonic_s = monotonic_s
        self._wrong: OrderedDict[str, dict[bytes, float]] = OrderedDict()

    def wait_s(self, address: str) -> float:
        """Return how long ``address`` must wait before its next try; 0 if it may try now."""
        now_s = self._monotonic_s()
        recent = self._recent(address, now_s)
        return 0.0 if len(recent) < self._most else max(0.0, min(recent.values()) + self._span_s - now_s)

    def note_wrong(self, address: str, token: str) -> None:
        """Count a wrong token of ``address``."""
        recent = self._recent(address, now_s := self._monotonic_s())
        recent.setdefault(hashlib.sha256(token.encode()).digest(), now_s)
        self._wrong[address] = recent
        self._wrong.move_to_end(address)
        if len(self._wrong) > _MAX_ADDRESSES:
            self._wrong.popitem(last=False)

    def _recent(self, address: str, now_s: float) -> dict[bytes, float]:
        found = self._wrong.get(address, {})
        return {token: at_s for token, at_s in found.items() if now_s - at_s < self._span_s}
