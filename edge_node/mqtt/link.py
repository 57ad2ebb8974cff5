"""Keep a connection to the broker in a thread of its own: connect, serve, note the end, wait, and again."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from edge_node.backoff import Backoff
from edge_node.errors import CorrosionError
from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.mqtt.session import Session
    from edge_node.mqtt.types import Granted
    from edge_node.mqtt.wake import Wake

_JOIN_S = 0.5  # beyond the time that a stop is given


class ConnectionSteps(PlainStruct, frozen=True):
    """The steps of one connection's life; each is called in the loop's thread.

    Attributes:
        new_session: returns a session that is not open yet; called at every attempt.
        connected: begins anew on the open session: subscribes, and sends what comes first.
        turn: sends what there is to send and waits in ``Session.poll`` for at most a second or so; called
            again and again until the connection ends or the loop stops.
        goodbye: called when the loop stops while it is connected; closes the session.
        ended: called after each connection and each attempt: with the reason, or None after ``goodbye``.
    """

    new_session: Callable[[], Session]
    connected: Callable[[Session, Granted], None]
    turn: Callable[[Session], None]
    goodbye: Callable[[Session], None]
    ended: Callable[[Exception | None], None]


class ReconnectLoop:
    """Connect to the broker for ever; ``start`` and ``stop`` once each.

    Whatever ends a connection, the next attempt follows: an expected end (``CorrosionError``: no network, a
    refusal, a wrong file) is logged once until it changes, a fault of ours with its traceback.

    Attributes:
        backoff: the pauses between attempts. ``steps`` resets it when there was progress.
    """

    def __init__(
        self,
        name: str,
        steps: ConnectionSteps,
        wake: Wake,
        log: logging.Logger,
        *,
        log_level: int = logging.WARNING,
    ) -> None:
        """Prepare; touches no network.

        Args:
            name: of the thread, and in the log.
            steps: what to do over each connection.
            wake: set when the loop is to stop; the turns wait on it too.
            log: where the ends of connections are logged.
            log_level: of expected ends.
        """
        self.backoff = Backoff()
        self._name = name
        self._steps = steps
        self._wake = wake
        self._log = log
        self._log_level = log_level
        self._last_reason = ""
        self._stopping = threading.Event()
        self._stop_by_s = float("inf")
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def is_alive(self) -> bool:
        """True from ``start`` to the end of the thread."""
        return self._thread.is_alive()

    @property
    def seconds_left(self) -> float:
        """Seconds left of the time that ``stop`` was given; infinite before."""
        return self._stop_by_s - time.monotonic()

    def start(self) -> None:
        """Start connecting; returns at once."""
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Close the connection with ``goodbye`` and end the thread, all within about ``timeout_s``."""
        self._stop_by_s = time.monotonic() + timeout_s
        self._stopping.set()
        self._wake.set()
        if not self._thread.is_alive():
            return
        self._thread.join(timeout_s + _JOIN_S)
        if self._thread.is_alive():  # resolving a name cannot be interrupted
            text = "%s: the connection to the broker does not end in time; it is abandoned"
            self._log.warning(text, self._name)

    def _run(self) -> None:
        while not self._stopping.is_set():
            reason: Exception | None = None
            try:
                self._connect_and_serve()
            except CorrosionError as err:
                reason = err
                self._log_end(str(err))
            except Exception as err:  # noqa: BLE001  whatever it is, the link must come back
                reason = err
                self._log.exception("%s: unexpected; connecting anew", self._name)
            self._note_end(reason)
            self._stopping.wait(self.backoff.next_s())

    def _connect_and_serve(self) -> None:
        session = self._steps.new_session()
        try:
            granted = session.open(self._wake, self._stopping.is_set)
            self._last_reason = ""
            self._steps.connected(session, granted)
            while not self._stopping.is_set():
                self._steps.turn(session)
            self._steps.goodbye(session)
        finally:
            session.abandon()

    def _note_end(self, reason: Exception | None) -> None:
        try:
            self._steps.ended(reason)
        except Exception:  # noqa: BLE001  the same
            self._log.exception("%s: unexpected at the end of a connection", self._name)

    def _log_end(self, reason: str) -> None:
        if reason != self._last_reason:
            self._log.log(self._log_level, "%s: %s; trying again", self._name, reason)
            self._last_reason = reason
