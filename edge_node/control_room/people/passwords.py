"""Hash and check passwords with argon2id, few at a time.

One check costs 64 MB and some 50 ms of a processor. At most two run at once, in threads of their own; others
wait in one queue for each address, served in turn, so that nobody can fill it for everybody.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import unicodedata
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from edge_node.control_room.people.failed_logins import network_of
from edge_node.errors import CorrosionError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MIN_LENGTH = 8  # as NIST SP 800-63B asks of a password beside nothing else
MAX_LENGTH = 256
CHECKS_AT_ONCE = 2
_MAX_WAITING = 32


class PasswordRefusedError(CorrosionError):
    """A password cannot be taken; the sentence says why and does not repeat it."""


class TooManyLoginsError(CorrosionError):
    """More passwords wait to be checked than are allowed."""


def hash_password(password: str) -> str:
    """Return the argon2id hash of a new password, with its salt and parameters.

    Raises:
        PasswordRefusedError: it is too short or too long.
    """
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise PasswordRefusedError(
            f"the password has {len(password)} characters, wanted {MIN_LENGTH} to {MAX_LENGTH}"
        )
    return _hasher().hash(_normalize(password))


def is_password(password_hash: str, password: str) -> bool:
    """Return whether ``password`` has this hash; takes as long if not. "" is nobody's hash."""
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        genuine = _hasher().verify(password_hash or _nobodys_hash(), _normalize(password[:MAX_LENGTH]))
    except (VerificationError, InvalidHashError):
        return False
    return genuine and bool(password_hash)


def is_hash(text: str) -> bool:
    """Return whether ``text`` is an argon2 hash that can be checked, at a bounded cost."""
    from argon2 import extract_parameters
    from argon2.exceptions import InvalidHashError

    try:
        found = extract_parameters(text)
    except (InvalidHashError, ValueError):
        return False
    return found.memory_cost <= 1 << 20 and found.time_cost <= 20 and found.parallelism <= 16


class PasswordChecks:
    """Check passwords in threads, a bounded number at once; used by one event loop."""

    def __init__(self, *, at_once: int = CHECKS_AT_ONCE, max_waiting: int = _MAX_WAITING) -> None:
        self._threads = ThreadPoolExecutor(at_once, "password")
        self._free = at_once
        self._max_waiting = max_waiting
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    async def check(self, password_hash: str, password: str, address: str) -> bool:
        """Return whether the password is right.

        Raises:
            TooManyLoginsError: too many wait, most of them from this address.
        """
        await self._enter(network_of(address))
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, is_password, password_hash, password)
        finally:
            self._leave()

    def close(self) -> None:
        """Start no further check."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _enter(self, address: str) -> None:
        if self._free:
            self._free -= 1
            return
        if sum(map(len, self._waiting.values())) >= self._max_waiting:
            self._make_room(address)
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(address, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()  # it was its turn already
            else:
                with contextlib.suppress(KeyError, ValueError):
                    self._waiting[address].remove(turn)
            raise

    def _make_room(self, address: str) -> None:
        """Refuse the newest of the address that has most waiting."""
        greedy = max(self._waiting, key=lambda one: len(self._waiting[one]))
        if len(self._waiting[greedy]) <= len(self._waiting.get(address, ())) + 1:
            raise TooManyLoginsError("too many logins wait; try again in a minute")
        self._waiting[greedy].pop().set_exception(TooManyLoginsError("too many logins wait; try again"))

    def _leave(self) -> None:
        """Let in the first of the address whose turn it is."""
        while self._waiting:
            address = next(iter(self._waiting))
            queue = self._waiting.pop(address)
            turn = queue.popleft() if queue else None
            if queue:
                self._waiting[address] = queue  # behind all other addresses
            if turn is not None and not turn.done():
                turn.set_result(None)
                return
        self._free += 1


@functools.cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher
    from argon2.profiles import RFC_9106_LOW_MEMORY  # 64 MB, 3 passes, 4 lanes

    return PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)


@functools.cache
def _nobodys_hash() -> str:
    return _hasher().hash("a name that nobody has costs as much as one that somebody has")


def _normalize(password: str) -> str:
    """Return one form of letters with accents, whatever the keyboard sends."""
    return unicodedata.normalize("NFKC", password)
