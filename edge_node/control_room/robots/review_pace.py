"""Hold back what goes to a robot, so that it comes no faster than robots take commands by default.

A robot executes 10 commands at once and then 30 a minute; more are refused, mostly without a word. People
review faster than that.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

BURST = 8  # at once to one robot; two are left for other senders
INTERVAL_S = 2.2  # from one to the next after these


class ReviewPace:
    """Call functions in a thread of its own, each when its robot may be sent the next command."""

    def __init__(self, burst: int = BURST, interval_s: float = INTERVAL_S) -> None:
        """Start the thread."""
        self._burst_s, self._interval_s = (burst - 1) * interval_s, interval_s
        self._ahead_s: dict[Hashable, float] = {}  # by robot: until when its budget is used up
        self._waiting: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="review pace", daemon=True)
        self._thread.start()

    def put(self, robot: Hashable, call: Callable[[], object]) -> float:
        """Have ``call`` called once the robot may be sent another command; return after how many seconds."""
        now_s = time.monotonic()
        with self._changed:
            ahead_s = self._ahead_s.get(robot, now_s)
            due_s = max(now_s, ahead_s - self._burst_s)
            self._ahead_s[robot] = max(ahead_s, now_s) + self._interval_s
            heapq.heappush(self._waiting, (due_s, next(self._numbers), call))
            self._changed.notify()
        return due_s - now_s

    def close(self) -> None:
        """End the thread; what waits is not called."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while (call := self._next()) is not None:
            call()

    def _next(self) -> Callable[[], object] | None:
        with self._changed:
            while not self._is_closed:
                due_s = self._waiting[0][0] if self._waiting else None
                wait_s = None if due_s is None else due_s - time.monotonic()
                if wait_s is not None and wait_s <= 0:
                    return heapq.heappop(self._waiting)[2]
                self._changed.wait(wait_s)
        return None
