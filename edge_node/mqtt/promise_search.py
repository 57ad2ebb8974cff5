"""Find out whether a broker takes retained messages and QoS 1. Pure.

A broker of MQTT 5 says so, or names the reason when it refuses: nothing is guessed. One of 3.1.1 closes the
connection without a word, at CONNECT if the will is retained, or at the first message. Then weaker promises
are tried in turn, and as long as QoS 0 is only tried, the record waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from edge_node.mqtt.reason_codes import QOS_NOT_SUPPORTED, RETAIN_NOT_SUPPORTED
from edge_node.mqtt.types import Promise

if TYPE_CHECKING:
    from edge_node.mqtt.types import LinkError

# The one with retained messages is worth more than the one with QoS 1: whoever comes later sees the robot.
_LADDER = (Promise(), Promise(retain=False), Promise(qos=0), Promise(retain=False, qos=0))
_PATIENCE = 2  # ends without a reason before a weaker promise is tried: most have another cause


class PromiseSearch:
    """Hold what to ask of the broker at the next connection; lives longer than a connection."""

    def __init__(self, *, may_guess: bool) -> None:
        """Begin with the full promise; ``may_guess``: the protocol names no reasons."""
        self.wanted = Promise()
        self._may_guess = may_guess
        self._ends = 0
        self._is_guess = False
        self._worked: Promise | None = None  # a weaker one that did, once

    @property
    def is_trying_qos_0(self) -> bool:
        """Whether QoS 0 may be less than the broker keeps: connections end for other reasons too."""
        return self._is_guess and self.wanted.qos == 0

    def ended(self, reason: LinkError) -> bool:
        """Note why a connection ended; return whether the next one asks for less because of it."""
        before = self.wanted
        if reason.code == RETAIN_NOT_SUPPORTED:
            self.wanted, self._is_guess = replace(before, retain=False), False
        elif reason.code == QOS_NOT_SUPPORTED:
            self.wanted, self._is_guess = replace(before, qos=0), False
        elif reason.is_unanswered and self._may_guess:
            self._try_next()
            return False  # as likely for another reason: not sooner than otherwise
        return self.wanted != before

    def answered(self) -> bool:
        """Note that the broker answered a message; return whether to connect anew and ask for more.

        A weaker promise that was only tried may have worked by chance: a broker that starts also closes
        connections. It counts when the full one has failed once more.
        """
        self._ends = 0
        if not self._is_guess:
            return False
        self._is_guess = False
        if self.wanted == Promise() or self.wanted == self._worked:
            return False
        self._worked, self.wanted = self.wanted, Promise()
        return True

    def _try_next(self) -> None:
        self._ends += 1
        if not self._is_guess and self._ends < _PATIENCE:
            return
        if self.wanted == Promise() and self._worked is not None:
            self.wanted = self._worked
        else:
            at = _LADDER.index(self.wanted)
            self.wanted = _LADDER[(at + 1) % len(_LADDER)]
        self._is_guess = self.wanted != Promise()
        self._ends = 0
