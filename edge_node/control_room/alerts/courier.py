"""Deliver the messages that wait for one channel, in a thread of its own, until the channel takes them.

A channel that hangs holds up no other one. What waited while it was away leaves as one message.
"""

from __future__ import annotations

import logging
import random
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from edge_node.control_room.alerts.message_text import merge_messages
from edge_node.control_room.history.alerts.message_book import DeliveryState, MessageBook
from edge_node.control_room.history.database import HistoryError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from edge_node.control_room.alerts.apprise_sender import AppriseSender, Outgoing
    from edge_node.control_room.history.database import Database

SEND_S: Final = 60.0  # Apprise's own time-outs are shorter, for each step
_FIRST_S, _MOST_S = 5.0, 900.0  # between attempts
_MOST_TRIES = 200  # two days
_LOOK_S = 60.0  # without being woken

_log = logging.getLogger(__name__)


class BoundedSend:
    """Sends by one channel, and gives up waiting after a time; any thread may use it."""

    def __init__(self, sender: AppriseSender, channel: str) -> None:
        self._sender = sender
        self._channel = channel
        self._lock = threading.Lock()
        self._stuck: threading.Thread | None = None

    def send(self, message: Outgoing, wait_s: float = SEND_S) -> str:
        """Send, and return "" if it was taken in time, else why not."""
        with self._lock:
            if self._stuck is not None and self._stuck.is_alive():
                return "the attempt before has not ended yet"
            said: list[str] = []
            thread = threading.Thread(
                target=lambda: said.append(self._sender.send(self._channel, message)),
                name=f"alert-send-{self._channel}",
                daemon=True,
            )
            thread.start()
            self._stuck = thread
        thread.join(wait_s)
        return said[0] if said else f"no answer within {wait_s:.0f} s"


class Courier:
    """Delivers by one channel; ``start`` begins, ``stop`` ends."""

    def __init__(
        self,
        send: BoundedSend,
        channel: str,
        database: Database,
        now: Callable[[], datetime],
        too_old_h: float,
    ) -> None:
        """Prepare; a message that is older than ``too_old_h`` is given up."""
        self._send = send
        self._channel = channel
        self._messages = MessageBook(database)
        self._now = now
        self._too_old = timedelta(hours=too_old_h)
        self._wake = threading.Event()
        self._ended = threading.Event()
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name=f"alerts-{channel}", daemon=True)

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def wake(self) -> None:
        """Look at what waits, unless the channel failed and its time to try again has not come."""
        if not self._failures:
            self._wake.set()

    def stop(self, timeout_s: float = 1.0) -> None:
        """Send nothing more; an attempt that runs is not waited for any longer than this."""
        self._ended.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        wait_s = 0.0
        while not self._ended.is_set():
            self._wake.wait(wait_s)
            self._wake.clear()
            if self._ended.is_set():
                return
            try:
                wait_s = self._deliver()
            except HistoryError as err:
                _log.warning("alerts by %s: %s", self._channel, err)
                wait_s = _LOOK_S
            except Exception:  # noqa: BLE001  a channel must not fall silent for good
                _log.exception("alerts by %s: unexpected; trying again", self._channel)
                wait_s = _LOOK_S

    def _deliver(self) -> float:
        """Send what waits, and return how long to wait before the next look."""
        now = self._now()
        due = self._messages.due(self._channel)
        old = [key for key, message, _ in due if now - message.at > self._too_old]
        if old:
            self._messages.note_deliveries(
                old, DeliveryState.GIVEN_UP, "it could not be sent for too long", now
            )
        due = [one for one in due if one[0] not in old]
        if not due:
            self._failures = 0
            return _LOOK_S
        why = self._send.send(merge_messages([message for _, message, _ in due]))
        if self._ended.is_set() and why:
            return _LOOK_S  # the next start tries again
        if not why:
            self._failures = 0
            self._messages.note_deliveries([one[0] for one in due], DeliveryState.DELIVERED, "", self._now())
            return 0.0
        tired = [key for key, _, tries in due if tries + 1 >= _MOST_TRIES]
        again = [key for key, _, _ in due if key not in tired]
        for keys, state in ((tired, DeliveryState.GIVEN_UP), (again, DeliveryState.WAITING)):
            if keys:
                self._messages.note_deliveries(keys, state, why, self._now())
        if not self._failures:
            _log.warning("alerts by channel %s are not delivered, trying again: %s", self._channel, why)
        self._failures += 1
        whole = min(_MOST_S, _FIRST_S * 2.0 ** min(self._failures - 1, 16))
        return whole * random.uniform(0.5, 1.0)  # noqa: S311  no secret
