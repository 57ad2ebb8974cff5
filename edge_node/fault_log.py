"""Log a writer's change to failing and back once each, however often it fails in between."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)


class FaultLog:
    """Hold whether a writer fails, for status and alarms; may be used from any thread."""

    def __init__(
        self, name: str, *, calm_s: float = 0.0, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin with a writer that works.

        Args:
            name: of the writer, in the log.
            calm_s: it has recovered when it works and has not failed for so long.
            monotonic_s: the clock.
        """
        self._name = name
        self._calm_s = calm_s
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._text = ""
        self._count = 0
        self._failed_s = 0.0

    @property
    def text(self) -> str:
        """The reason for which it fails; empty while it works."""
        return self._text

    def fail(self, text: str) -> None:
        """Record a failure, with its reason in a sentence."""
        with self._lock:
            is_new = not self._text
            self._text, self._failed_s = text, self._monotonic_s()
            self._count += 1
        if is_new:
            _log.error("%s: %s", self._name, text)

    def succeed(self) -> None:
        """Record that it worked."""
        with self._lock:
            if not self._text or self._monotonic_s() - self._failed_s < self._calm_s:
                return
            count, self._text, self._count = self._count, "", 0
        _log.warning("%s: works again, after %d failures", self._name, count)
