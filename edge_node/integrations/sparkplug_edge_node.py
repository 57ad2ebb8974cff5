"""Show the robot as a Sparkplug edge node: births, data, deaths, and the rebirth that hosts request.

It has a connection of its own, because a death certificate is a connection's will and the record's
connection has another. It shows what the record's broker acknowledged; when its link is too slow it drops
the oldest rows, counts them and publishes the count.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from edge_node.integrations.sparkplug_metrics import (
    birth_metrics,
    death_metric,
    left_out_metric,
    row_metrics,
    status_metrics,
)
from edge_node.integrations.sparkplug_payload import asks_for_rebirth, encode_payload
from edge_node.mqtt.endpoint import endpoint
from edge_node.mqtt.link import ConnectionSteps, ReconnectLoop
from edge_node.mqtt.promise_search import PromiseSearch
from edge_node.mqtt.session import Session
from edge_node.mqtt.types import LinkError, Outgoing, Will
from edge_node.mqtt.wake import Wake

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from edge_node.config.delivery_sections import MqttConfig
    from edge_node.integrations.sparkplug_payload import Metric
    from edge_node.messages.status import Status
    from edge_node.messages.topics import Kind, Topics
    from edge_node.mqtt.types import Granted, Incoming
    from edge_node.spool.rows import Row

_log = logging.getLogger(__name__)

_TICK_S = 0.5
_MOST_WAITING = 1000  # rows; some 2 MB
_REBIRTH_INTERVAL_S = 1.0  # a host that asks without end is answered so often
_CONTENT_TYPE = "application/x-protobuf"


class _Waiting(NamedTuple):
    kind: Kind
    payload: bytes
    is_historical: bool


class SparkplugNode:
    """Show delivered rows as an edge node: a ``DeliveryListener`` of the publisher.

    ``start`` and ``stop`` once each, or a ``with`` block.
    """

    def __init__(self, config: MqttConfig, topics: Topics, state_dir: Path) -> None:
        """Prepare; touches no network.

        Args:
            config: the broker.
            topics: of this robot: the site is the group, the robot the edge node, unless ``config`` says.
            state_dir: where the number of the last birth is kept.
        """
        self._config = config
        self._topics = topics
        self._group = config.sparkplug_group or topics.site
        self._numbers = state_dir / "sparkplug-bdseq"
        self._waiting: deque[_Waiting] = deque()
        self._lock = threading.Lock()
        self._status: Status | None = None
        self._published_status: Status | None = None
        self._known: dict[str, Metric] = {}
        self._left_out = self._published_left_out = 0
        self._bd_seq = self._seq = 0
        self._rebirth_asked = False
        self._born_s = 0.0
        self._wake = Wake()
        self._promises = PromiseSearch(may_guess=config.protocol == "3.1.1")
        steps = ConnectionSteps(
            self._new_session, self._connected, self._turn, self._say_goodbye, self._connection_ended
        )
        self._loop = ReconnectLoop("Sparkplug view", steps, self._wake, _log)

    def __enter__(self) -> SparkplugNode:  # noqa: PYI034  Self needs Python 3.11
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start connecting, for ever; returns at once."""
        self._bd_seq = self._last_number()
        self._loop.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """Publish the death, disconnect and end the thread."""
        self._loop.stop(timeout_s)
        self._wake.close()

    def delivered(self, row: Row, *, replayed: bool) -> None:
        """Show a row that the record's broker has; returns at once."""
        with self._lock:
            if len(self._waiting) >= _MOST_WAITING:
                self._waiting.popleft()
                self._left_out += 1
            self._waiting.append(_Waiting(row.kind, row.payload, replayed))
        self._wake.set()

    def set_status(self, status: Status) -> None:
        """Show the states of the robot's parts."""
        self._status = status
        self._wake.set()

    # -- the thread ----------------------------------------------------------------------------------

    def _new_session(self) -> Session:
        """Return a new session whose will is the death that belongs to the birth to come."""
        self._bd_seq = (self._bd_seq + 1) % 256
        self._keep_number()
        there = endpoint(self._config, self._topics)
        return Session(
            msgspec.structs.replace(there, client_id=f"{there.client_id}-sparkplug"),
            will=Will(self._topic("NDEATH"), self._death(), retain=False, content_type=_CONTENT_TYPE),
            on_message=self._received,
            promise=self._promises.wanted,
        )

    def _connected(self, session: Session, _granted: Granted) -> None:
        session.subscribe([self._topic("NCMD")])
        with self._lock:  # what waited for the connection is not the newest any more
            self._waiting = deque(row._replace(is_historical=True) for row in self._waiting)
        self._loop.backoff.reset()
        self._publish_birth(session)
        self._published_status = self._status

    def _turn(self, session: Session) -> None:
        now_s = time.monotonic()
        if self._rebirth_asked and now_s - self._born_s >= _REBIRTH_INTERVAL_S:
            self._publish_birth(session)
        if self._status is not self._published_status and self._status is not None:
            self._published_status = self._status
            self._publish_data(session, status_metrics(self._published_status, _now_ms()))
        while session.can_write and (row := self._next()) is not None:
            metrics = row_metrics(row.kind, row.payload, is_historical=row.is_historical)
            self._publish_data(session, metrics)
        if self._left_out != self._published_left_out and session.can_write:
            self._published_left_out = self._left_out
            self._publish_data(session, [left_out_metric(self._left_out, _now_ms())])
        session.poll(_TICK_S, self._wake)

    def _publish_birth(self, session: Session) -> None:
        """Publish every metric, as the first message of a connection or when a host asks."""
        self._seq, self._rebirth_asked, self._born_s = 0, False, time.monotonic()
        now_ms = _now_ms()
        if self._status is not None:
            self._remember(status_metrics(self._status, now_ms))
        self._remember([left_out_metric(self._left_out, now_ms)])
        self._published_left_out = self._left_out
        self._publish(session, "NBIRTH", birth_metrics(self._known, self._bd_seq, now_ms))

    def _publish_data(self, session: Session, metrics: list[Metric]) -> None:
        if metrics:
            self._remember(metrics)
            self._seq = (self._seq + 1) % 256
            self._publish(session, "NDATA", metrics)

    def _publish(self, session: Session, message_type: str, metrics: Iterable[Metric]) -> None:
        payload = encode_payload(metrics, timestamp_ms=_now_ms(), seq=self._seq)
        session.publish(Outgoing(self._topic(message_type), payload, qos=0, content_type=_CONTENT_TYPE))

    def _say_goodbye(self, session: Session) -> None:
        """Publish the death: the broker drops the will of a client that disconnects on purpose."""
        session.publish(Outgoing(self._topic("NDEATH"), self._death(), qos=1, content_type=_CONTENT_TYPE))
        session.close()

    def _connection_ended(self, reason: Exception | None) -> None:
        """Ask for less if the broker wants that; the next birth publishes all metrics."""
        if isinstance(reason, LinkError) and self._promises.ended(reason):
            self._loop.backoff.reset()

    def _death(self) -> bytes:
        now_ms = _now_ms()
        return encode_payload([death_metric(self._bd_seq, now_ms)], timestamp_ms=now_ms, seq=None)

    def _received(self, message: Incoming) -> None:
        """Take a command; the only one is to publish the birth again."""
        if not message.is_retained and asks_for_rebirth(message.payload):
            self._rebirth_asked = True

    def _next(self) -> _Waiting | None:
        with self._lock:
            return self._waiting.popleft() if self._waiting else None

    def _remember(self, metrics: Iterable[Metric]) -> None:
        self._known.update((metric.name, metric) for metric in metrics if not metric.is_historical)

    def _topic(self, message_type: str) -> str:
        return f"spBv1.0/{self._group}/{message_type}/{self._topics.robot}"

    def _last_number(self) -> int:
        """Return the number of the birth before a restart: a late death must not be taken for the next."""
        try:
            return int(self._numbers.read_text("ascii")) % 256
        except (OSError, ValueError):
            return 255  # the first is 0

    def _keep_number(self) -> None:
        try:
            self._numbers.write_text(f"{self._bd_seq}\n", "ascii")
        except OSError as err:
            _log.warning(
                "%s: %s; after a restart an old NDEATH may be taken for a new one", self._numbers, err
            )


def _now_ms() -> int:
    return int(time.time() * 1000)
