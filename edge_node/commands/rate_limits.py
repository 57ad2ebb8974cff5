"""Bound what received commands may cost, so that nobody's flood uses up what others are allowed.

Commands that are admitted and messages that are refused draw on separate budgets, so do verbs of different
worth, and so do signed and unsigned ones. Pure; the caller passes the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.messages.command import Verb

if TYPE_CHECKING:
    from edge_node.config.delivery_sections import CommandsConfig

_WORK_SHARE = 0.1  # of one core, for reading and verifying what nobody may have signed
_WORK_BURST_S = 0.5
# What stops or starts the robot must get through, whoever asks it for signs of life or pictures.
_GROUPS = {Verb.PAUSE.value: "motion", Verb.RESUME.value: "motion", Verb.PING.value: "ping"}


class TokenBucket:
    """Hold up to ``size`` tokens, which come back at ``per_s``; full at the beginning."""

    def __init__(self, per_s: float, size: float) -> None:
        self._per_s = per_s
        self._size = self._tokens = size
        self._at_s: float | None = None

    def take(self, now_s: float, count: float = 1.0) -> bool:
        """Take tokens if there are enough; tell whether there were."""
        self._refill(now_s)
        if self._tokens < count:
            return False
        self._tokens -= count
        return True

    def is_empty(self, now_s: float) -> bool:
        """Tell whether nothing is left."""
        self._refill(now_s)
        return self._tokens <= 0

    def spend(self, count: float) -> None:
        """Take tokens that were used already; a debt is paid back before anything else."""
        self._tokens -= count

    def give_back(self) -> None:
        """Return a token that was not used after all."""
        self._tokens = min(self._size, self._tokens + 1)

    def _refill(self, now_s: float) -> None:
        if self._at_s is not None:
            self._tokens = min(self._size, self._tokens + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s


class RateLimits:
    """The budgets of one robot's commands."""

    def __init__(self, config: CommandsConfig) -> None:
        """Begin with full budgets; each is ``burst`` and ``max_per_minute``."""
        self._per_s, self._burst = config.max_per_minute / 60, float(config.burst)
        self._admitted: dict[str, TokenBucket] = {}
        self._refused: dict[bool, TokenBucket] = {}
        self._work_s = TokenBucket(_WORK_SHARE, _WORK_BURST_S)

    def admitted(self, verb: str) -> TokenBucket:
        """Return the budget of commands that are executed, by the verb's group."""
        return self._admitted.setdefault(_GROUPS.get(verb, "other"), self._new())

    def refused(self, *, is_signed: bool) -> TokenBucket:
        """Return the budget of refusals that are answered."""
        return self._refused.setdefault(is_signed, self._new())

    def may_work(self, now_s: float) -> bool:
        """Tell whether there is processor time left to look at a message."""
        return not self._work_s.is_empty(now_s)

    def worked(self, seconds: float) -> None:
        """Note processor time that a message which was refused has cost."""
        self._work_s.spend(seconds)

    def _new(self) -> TokenBucket:
        return TokenBucket(self._per_s, self._burst)
