"""Read topics of a broker as a stream of messages, for the demo and ``edge-node watch``."""

from __future__ import annotations

import logging
import queue
import time
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_node.mqtt.link import ConnectionSteps, ReconnectLoop
from edge_node.mqtt.session import Session
from edge_node.mqtt.types import Endpoint, Incoming
from edge_node.mqtt.wake import Wake

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_node.mqtt.types import Granted

_log = logging.getLogger(__name__)

_TICK_S = 0.5
_CLOSE_S = 5.0


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it arrived; ``arrived_at`` is seconds since 1970, to set against ``observed_at``."""

    topic: str
    payload: bytes
    retained: bool
    arrived_at: float
    replayed: bool = False


class Subscriber:
    """Subscribe to topics over one MQTT v5 connection; reconnect by itself."""

    def __init__(
        self, hostname: str, port: int, topics: tuple[str, ...], *, endpoint: Endpoint | None = None
    ) -> None:
        """Connect and subscribe.

        Args:
            hostname: of the broker.
            port: of the broker.
            topics: filters.
            endpoint: instead of host and port: with TLS, a name, a version.

        Raises:
            LinkError: the broker cannot be reached at the first try, or refuses.
        """
        self._endpoint = endpoint or Endpoint(hostname, port, "")
        self._topics = topics
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._first_attempt: Future[None] = Future()
        self._wake = Wake()
        steps = ConnectionSteps(
            self._new_session,
            self._connected,
            turn=lambda session: session.poll(_TICK_S, self._wake),
            goodbye=lambda session: session.close(),
            ended=self._connection_ended,
        )
        self._loop = ReconnectLoop("subscriber", steps, self._wake, _log, log_level=logging.DEBUG)
        self._loop.start()
        try:
            self._first_attempt.result()
        except BaseException:
            self.close()
            raise

    def messages(self, timeout_s: float) -> Iterator[Message]:
        """Yield messages as they arrive, until none has come for ``timeout_s``."""
        while True:
            try:
                yield self._messages.get(timeout=timeout_s)
            except queue.Empty:
                return

    def arrived(self, within_s: float) -> list[Message]:
        """Return what arrives within ``within_s``, however fast it comes."""
        deadline_s = time.monotonic() + within_s
        found = []
        while (left_s := deadline_s - time.monotonic()) > 0:
            try:
                found.append(self._messages.get(timeout=left_s))
            except queue.Empty:
                break
        return found

    def close(self) -> None:
        """Disconnect."""
        self._loop.stop(_CLOSE_S)
        self._wake.close()

    def _new_session(self) -> Session:
        return Session(self._endpoint, on_message=self._received)

    def _connected(self, session: Session, _granted: Granted) -> None:
        session.subscribe(self._topics)
        self._loop.backoff.reset()
        if not self._first_attempt.done():
            self._first_attempt.set_result(None)

    def _connection_ended(self, reason: Exception | None) -> None:
        if reason is not None and not self._first_attempt.done():
            self._first_attempt.set_exception(reason)

    def _received(self, message: Incoming) -> None:
        replayed = ("replayed", "true") in message.user
        self._messages.put(
            Message(message.topic, message.payload, message.is_retained, time.time(), replayed)
        )
