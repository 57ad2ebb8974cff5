"""Notify systemd: ready, watchdog, status, reloading, stopping. Does nothing without ``NOTIFY_SOCKET``.

Source: sd_notify(3); the protocol is one datagram of ``NAME=value`` lines to a Unix socket.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_log = logging.getLogger(__name__)


class Notifier:
    """Send notifications to the service manager.

    Attributes:
        enabled: ``NOTIFY_SOCKET`` is set.
        watchdog_interval_s: half of the manager's time-out, at which to notify it; None if it does not
            watch this process.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self.enabled = address.startswith(("/", "@"))
        # An abstract socket is written with @; its name begins with a NUL.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog_interval_s = _watchdog_interval_s(environment) if self.enabled else None

    def ready(self) -> None:
        """Notify that starting or reloading has ended."""
        self._send("READY=1")

    def watchdog(self) -> None:
        """Notify that the daemon is alive; call only when frames and verdicts advanced."""
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """Show one line of text in ``systemctl status``."""
        self._send(f"STATUS={' '.join(text.split())}")

    def reloading(self) -> None:
        """Notify that a reload began; ``ready`` ends it."""
        # Type=notify-reload of systemd 253 requires the time; older versions ignore it.
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Notify that the daemon is about to end."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self.enabled:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager:
                # A manager that does not read must not block the daemon.
                manager.setblocking(False)
                manager.sendto(message.encode(), self._address)
        except OSError as err:
            _log.warning("systemd is not told %s: %s", message.split("=", 1)[0], err.strerror or err)


def _watchdog_interval_s(environment: Mapping[str, str]) -> float | None:
    """Return half of ``WATCHDOG_USEC``, as sd_watchdog_enabled(3) advises, if it is set for this process."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    text = environment.get("WATCHDOG_USEC", "")
    return int(text) / 2e6 if text.isdigit() and int(text) > 0 else None
