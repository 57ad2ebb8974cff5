"""Hold messages back for a grace period after the last subscriber has gone. Pure; the caller passes the time.

A broker that restarts forgets who subscribed, and the node is often back before the control room: what it
delivers in between the broker throws away, and says so (reason 16). So for a while after somebody has
subscribed, "nobody subscribes" means "not yet".
"""

from __future__ import annotations


class SubscriberGrace:
    """Remember when the subscribers of a topic went."""

    def __init__(self, grace_s: float) -> None:
        """Expect subscribers back for ``grace_s``; 0 never waits for any."""
        self._grace_s = grace_s
        self._was_there = False
        self._gone_since_s: float | None = None

    @property
    def was_there(self) -> bool:
        """True from a message that somebody got until the grace period has passed without anybody."""
        return self._was_there

    def note_received(self) -> None:
        """Note that somebody got a message."""
        self._was_there = True
        self._gone_since_s = None

    def is_awaited(self, now_s: float) -> bool:
        """Note that nobody got a message, and tell whether to wait for them to come back."""
        if not self._was_there:
            return False
        if self._gone_since_s is None:
            self._gone_since_s = now_s
        if now_s - self._gone_since_s < self._grace_s:
            return True
        self._was_there = False
        return False
