"""Count and time what happens in the control room: commits, messages, requests.

What is known at any moment, such as the size of the history, is read when Prometheus asks: ``snapshot.py``.
Names follow Prometheus: seconds and bytes, ``_total`` for what only grows.
"""

from __future__ import annotations

from collections import Counter as Tally
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from edge_node.messages.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prometheus_client.registry import Collector

    from edge_node.control_room.ingest.batch_store import Arrival
    from edge_node.control_room.ingest.ingest import Commit

PREFIX = "corrosion_room"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_COMMIT_BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
_LAG_BUCKETS_S = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300)
_REQUEST_BUCKETS_S = (0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 20)


class RoomMetrics:
    """All metrics of one control room; its methods may be called from any thread."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        self._commits = Histogram(
            f"{PREFIX}_commit_seconds",
            "Time to decode a batch of messages and to commit it to the disk.",
            buckets=_COMMIT_BUCKETS_S,
            registry=registry,
        )
        self._failures = Counter(
            f"{PREFIX}_commit_failures", "Batches that could not be stored.", registry=registry
        )
        self._messages = Counter(
            f"{PREFIX}_messages",
            "Messages that were stored, duplicates included.",
            ["kind"],
            registry=registry,
        )
        self._lag = Histogram(
            f"{PREFIX}_ingest_lag_seconds",
            "From the frame on the robot to the commit, by both clocks; of verdicts that did not wait.",
            buckets=_LAG_BUCKETS_S,
            registry=registry,
        )
        self._requests = Counter(
            f"{PREFIX}_requests",
            "Requests by route and status.",
            ["route", "method", "status"],
            registry=registry,
        )
        self._request_times = Histogram(
            f"{PREFIX}_request_seconds",
            "Time to the first byte of a response.",
            ["route"],
            buckets=_REQUEST_BUCKETS_S,
            registry=registry,
        )

        self._by_request: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def add_snapshot(self, collector: Collector) -> None:
        """Add metrics that are read when somebody asks."""
        self._registry.register(collector)

    def note_commit(self, commit: Commit) -> None:
        """Note what became of a batch of messages."""
        if commit.problem:
            self._failures.inc()
        else:
            self._commits.observe(commit.seconds)

    def note_arrivals(self, arrivals: Sequence[Arrival]) -> None:
        """Note the messages of a batch that was stored."""
        kinds = Tally(type(arrival.message).__name__ for arrival in arrivals)
        for kind, count in kinds.items():
            self._messages.labels(kind.lower()).inc(count)
        for arrival in arrivals:
            if isinstance(arrival.message, Verdict) and arrival.is_news and not arrival.replayed:
                waited = arrival.received_at - arrival.message.observed_at
                self._lag.observe(max(0.0, waited.total_seconds()))

    def note_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Note a request that was answered; ``route`` is one of few, not the path that was asked for."""
        key = route, method, status
        if key not in self._by_request:  # to find a metric by its labels costs more than to count
            counter = self._requests.labels(route, method, str(status))
            self._by_request[key] = counter, self._request_times.labels(route)
        counter, times = self._by_request[key]
        counter.inc()
        times.observe(seconds)

    def format(self) -> bytes:
        """Return everything in the Prometheus text format."""
        return generate_latest(self._registry)
