"""The reading end of the broker, for the demo and ``edge-node watch``; the publishing end is elsewhere."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_node.backoff import Backoff
from edge_node.mqtt.session import Session
from edge_node.mqtt.types import Endpoint, Incoming, LinkError

if TYPE_CHECKING:
    from collections.abc import Iterator

_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it arrived; ``arrived_at`` is seconds since 1970, to set against ``observed_at``."""

    topic: str
    payload: bytes
    retained: bool
    arrived_at: float
    replayed: bool = False


class Subscriber:
    """One MQTT v5 connection that reads topics; reconnects by itself."""

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
            PublisherError: the broker cannot be reached at the first try, or refuses.
        """
        self._endpoint = endpoint or Endpoint(hostname, port, "")
        self._topics = topics
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._closing = threading.Event()
        session = self._connected()
        self._thread = threading.Thread(target=self._read, args=(session,), name="subscriber", daemon=True)
        self._thread.start()

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
        self._closing.set()
        self._thread.join(5.0)

    def _connected(self) -> Session:
        session = Session(self._endpoint, on_message=self._received)
        try:
            session.open(stop=self._closing.is_set)
            session.subscribe(self._topics)
        except LinkError:
            session.abandon()
            raise
        return session

    def _read(self, session: Session) -> None:
        backoff = Backoff()
        while not self._closing.is_set():
            try:
                session.poll(_POLL_S)
            except LinkError:
                session.abandon()
                self._closing.wait(backoff.next_s())
                try:
                    session = self._connected()
                    backoff.reset()
                except LinkError:
                    continue
        session.close()

    def _received(self, message: Incoming) -> None:
        replayed = ("replayed", "true") in message.user
        self._messages.put(
            Message(message.topic, message.payload, message.is_retained, time.time(), replayed)
        )
