"""The listening end of the fleet benchmark: counts what comes, and how old it is.

    python -m tests.benchmarks.fleet.room PORT

It decodes and counts: the least that any control room does. A line on the standard input is answered by a
JSON object about all that came so far.
"""

from __future__ import annotations

import json
import sys
import threading

import msgspec
import numpy as np

from edge_node.messages.identifiers import split_verdict_id
from edge_node.messages.sequence_gaps import SequenceCounter
from edge_node.messages.topics import ROOT
from edge_node.messages.verdict import Verdict
from edge_node.mqtt.subscriber import Subscriber

PERCENTILES = (50, 95, 99)


class Counter:
    """Counts verdicts and their ages."""

    def __init__(self) -> None:
        self.tally = SequenceCounter()
        self._lock = threading.Lock()
        self._ages_ms: list[float] = []
        self._first_s = self._last_s = 0.0
        self._last: dict[str, int] = {}  # number of each epoch
        self._others = 0  # status, newest verdict, health

    def take(self, topic: str, payload: bytes, arrived_s: float) -> None:
        """Count one message."""
        if not topic.endswith("/verdict"):
            with self._lock:
                self._others += 1
            return
        verdict = msgspec.json.decode(payload, type=Verdict)
        with self._lock:
            self.tally.note(f"{verdict.site}/{verdict.robot}", verdict, payload)
            epoch = split_verdict_id(verdict.id).epoch
            self._last[epoch] = max(verdict.seq, self._last.get(epoch, 0))
            self._ages_ms.append((arrived_s - verdict.observed_at.timestamp()) * 1000)
            self._first_s = self._first_s or arrived_s
            self._last_s = arrived_s

    def report(self) -> dict[str, object]:
        """Return what came so far."""
        with self._lock:
            ages_ms = np.array(self._ages_ms or [0.0])
            count, span_s = len(self._ages_ms), self._last_s - self._first_s
            robots = self.tally.robots.values()
            return {
                "delivered": count,
                "delivered_per_s": count / span_s if span_s > 0 else 0.0,
                "other_messages": self._others,
                "twice": sum(robot.duplicates for robot in robots),
                "missing": sum(robot.missing for robot in robots),
                "last": self._last,
                **{f"age_p{p}_ms": float(np.percentile(ages_ms, p)) for p in PERCENTILES},
            }


def main() -> None:
    """Listen until the standard input ends."""
    counter = Counter()
    subscriber = Subscriber("127.0.0.1", int(sys.argv[1]), (f"{ROOT}/#",))
    threading.Thread(target=_listen, args=(subscriber, counter), daemon=True).start()
    print("ready", flush=True)
    for _line in sys.stdin:
        print(json.dumps(counter.report()), flush=True)


def _listen(subscriber: Subscriber, counter: Counter) -> None:
    while True:
        for message in subscriber.messages(timeout_s=1.0):
            counter.take(message.topic, message.payload, message.arrived_at)


if __name__ == "__main__":
    main()
