"""Empty the session that a broker keeps for a client that will not come back, and end it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_node.mqtt.session import Session

QUIET_S = 3.0  # a broker that has sent nothing for so long, with everything acknowledged, has nothing left


class Drain:
    """The end of a session: it gets nothing new, and what waits in it is stored as ever.

    Used by the ingest's thread, but for ``wait``.
    """

    def __init__(self) -> None:
        self._quiet_since_s = 0.0
        self._done = threading.Event()

    @property
    def is_done(self) -> bool:
        """Nothing is left: the session may end."""
        return self._done.is_set()

    def begin(self, session: Session, filters: Sequence[str], *, is_kept: bool) -> None:
        """Unsubscribe on a new connection; ``is_kept`` if the broker had a session."""
        self._quiet_since_s = time.monotonic()
        if is_kept:
            session.unsubscribe(filters)
        else:
            self._done.set()

    def note_turn(self, messages: int) -> None:
        """Note how many messages a turn brought, after they are stored and acknowledged."""
        now_s = time.monotonic()
        if messages:
            self._quiet_since_s = now_s
        elif now_s - self._quiet_since_s >= QUIET_S:
            self._done.set()

    def wait(self, timeout_s: float) -> bool:
        """Wait until nothing is left; return whether it is."""
        return self._done.wait(timeout_s)
