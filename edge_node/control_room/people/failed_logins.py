"""Slow down guessing: after failed logins a user has to wait at the address that failed, and only there.

Nobody else behind that address waits, nor does this user elsewhere. Used by any thread.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

_FREE: Final = 3  # failures without a delay: a typing error is no attack
_LONGEST_S = 60.0
FORGET_S = 900.0
MAX_PAIRS = 10_000


def network_of(address: str) -> str:
    """Return what one attacker has: an IPv4 address, or the 64 bits before the point of IPv6."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return address
    if found.ipv4_mapped is not None:  # IPv4 on a socket that listens to both
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))


def find_delay_s(failures: int) -> float:
    """Return how long to wait after so many failures in a row, s."""
    return min(_LONGEST_S, 2.0 ** min(16, failures - _FREE)) if failures >= _FREE else 0.0


class _Failures(msgspec.Struct):
    count: int = 0
    until_s: float = 0.0
    is_checking: bool = False


class FailedLogins:
    """Count failed logins of each pair of user and address."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._lock = threading.Lock()
        self._pairs: dict[tuple[str, str], _Failures] = {}

    def begin(self, user: str, address: str) -> float:
        """Return how long to wait before the next try, s; if 0, the try is counted until ``end``.

        Tries of one pair are made one after the other, so that many at once are no way around.
        """
        pair, now_s = (user, network_of(address)), self._now_s()
        with self._lock:
            return self._begin(pair, now_s)

    def end(self, user: str, address: str, *, failed: bool | None) -> int:
        """End a try and return how many failed in a row; None: it was not made."""
        pair = (user, network_of(address))
        with self._lock:
            found = self._pairs.get(pair)
            if found is None:
                return 0
            found.is_checking = False
            if failed is not None:
                found.count = found.count + 1 if failed else 0
            if not found.count:
                del self._pairs[pair]  # or tries that cost nothing would push out those that failed
            if not failed:
                return found.count
            found.until_s = self._now_s() + find_delay_s(found.count)
            return found.count

    def _begin(self, pair: tuple[str, str], now_s: float) -> float:
        found = self._pairs.pop(pair, None)
        if found is None or (not found.is_checking and now_s - found.until_s > FORGET_S):
            found = _Failures()
        self._make_room()
        self._pairs[pair] = found
        if found.is_checking:
            return 1.0
        if found.until_s > now_s:
            return found.until_s - now_s
        found.is_checking = True
        return 0.0

    def _make_room(self) -> None:
        """Forget the pair that has waited longest since its last try."""
        while len(self._pairs) >= MAX_PAIRS:
            self._pairs.pop(next(iter(self._pairs)))
