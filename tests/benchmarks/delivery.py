"""Measures the way from a verdict to a subscriber, against the bare tools in the same run.

    python -m tests.benchmarks.delivery [--backlog 86400] [--folder DIR]

Needs mosquitto and mosquitto_sub. DIR is on the disk to be measured (default: the temporary folder).
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge_node.config.delivery_sections import MqttConfig, SpoolConfig
from edge_node.delivery.publisher import Publisher
from edge_node.messages.topics import Kind, Topics
from edge_node.mqtt.wake import Wake
from edge_node.spool.spool import Spool
from tests.support.processes import Mosquitto

if TYPE_CHECKING:
    from collections.abc import Callable

TOPICS = Topics("benchmark", "robot")
PADDING = "x" * 950  # a verdict of three stages is a kilobyte


def payload(seq: int) -> bytes:
    """A message as large as a verdict, that knows when it was made."""
    return json.dumps({"seq": seq, "at": time.time(), "padding": PADDING}).encode()


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backlog", type=int, default=86_400, help="rows; a day at one a second")
    parser.add_argument("--folder", type=Path, help="on the disk to be measured")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="delivery-", dir=args.folder) as folder:
        commit_latency(Path(folder))
        broker = Mosquitto(Path(folder), "max_inflight_messages 0\n")
        broker.start()
        publish_rate(Path(folder), broker)
        backlog(Path(folder), broker, args.backlog)
        broker.kill()
    return 0


def commit_latency(folder: Path, count: int = 2000) -> None:
    """Time from ``append`` to the disk, one by one, against SQLite alone with the same settings."""
    bare = sqlite3.connect(folder / "bare.sqlite", isolation_level=None)
    bare.execute("PRAGMA journal_mode = WAL")
    bare.execute("PRAGMA synchronous = FULL")
    bare.execute("CREATE TABLE row (position INTEGER PRIMARY KEY AUTOINCREMENT, payload BLOB)")

    def insert() -> None:
        bare.execute("INSERT INTO row (payload) VALUES (?)", (payload(1),))

    spool = Spool.open(folder / "latency.sqlite", SpoolConfig())

    def append() -> None:
        spool.append(Kind.VERDICT, payload)
        if not spool.flush(10):
            raise SystemExit("the disk does not answer")

    # In turns: whatever else the machine does, it does to both.
    bare_ms, ours_ms = _times_ms(count, insert, append)
    (caller_ms,) = _times_ms(count, lambda: spool.append(Kind.VERDICT, payload))
    spool.close()
    print(f"commit, SQLite alone    p50 {bare_ms[0]:.3f} ms   p99 {bare_ms[1]:.3f} ms")
    print(f"commit, spool           p50 {ours_ms[0]:.3f} ms   p99 {ours_ms[1]:.3f} ms", end="")
    print(f"   ({ours_ms[0] / bare_ms[0]:.1f} times SQLite at p50)")
    print(f"append, for the caller  p50 {caller_ms[0]:.3f} ms   p99 {caller_ms[1]:.3f} ms")


def publish_rate(folder: Path, broker: Mosquitto, count: int = 10_000) -> None:
    """Rows from the spool to the broker against paho alone with the same window; and the processor."""
    done = threading.Semaphore(0)
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.on_publish = lambda *_: done.release()
    client.max_inflight_messages_set(20)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    content = payload(1)
    began_s = time.perf_counter()
    for _ in range(count):
        client.publish(TOPICS.verdict, content, 1)
    for _ in range(count):
        done.acquire()
    bare = count / (time.perf_counter() - began_s)
    client.disconnect()
    client.loop_stop()
    spool = _filled(folder / "rate.sqlite", count)
    publisher = Publisher(MqttConfig(hostname="127.0.0.1", port=broker.port), TOPICS, spool, Wake())
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    publisher.start()
    _drained(publisher)
    ours, cpu_s = count / (time.perf_counter() - began_s), time.process_time() - began_cpu_s
    publisher.stop()
    spool.close()
    print(f"paho alone, window 20   {bare:.0f} rows/s, from memory")
    print(f"spool to broker         {ours:.0f} rows/s ({ours / bare:.2f} of paho alone)", end="")
    print(f", {1e3 * cpu_s / count:.3f} ms of processor a row")


def backlog(folder: Path, broker: Mosquitto, count: int) -> None:
    """How long a backlog takes, how late live verdicts are meanwhile, how much disk it takes."""
    spool = _filled(folder / "backlog.sqlite", count)
    size_mb = spool.depth().disk_bytes / 1e6
    out = folder / "received"
    with (
        out.open("wb") as file,
        subprocess.Popen(
            [
                *("mosquitto_sub", "-V", "5", "-q", "1", "-p", str(broker.port), "-t", TOPICS.verdict),
                *("-F", "%U %P %p"),
            ],
            stdout=file,
        ) as subscriber,
    ):
        time.sleep(0.5)
        publisher = Publisher(MqttConfig(hostname="127.0.0.1", port=broker.port), TOPICS, spool, Wake())
        began_s = time.perf_counter()
        publisher.start()
        live = 0
        while spool.depth().waiting:
            time.sleep(0.1)
            spool.append(Kind.VERDICT, payload)
            live += 1
        took_s = time.perf_counter() - began_s
        _drained(publisher)
        publisher.stop()
        time.sleep(1.0)
        subscriber.terminate()
    spool.close()
    seqs, delays_s = _received(out)
    after = (folder / "backlog.sqlite").stat().st_size / 1e6
    print(
        f"backlog of {count}        {size_mb:.0f} MB on disk ({after:.0f} MB after), {took_s:.1f} s", end=""
    )
    print(f" ({count / took_s:.0f} rows/s), {live} live verdicts meanwhile")
    print(f"live verdicts' delay    p50 {1e3 * statistics.median(delays_s):.0f} ms", end="")
    print(f"   max {1e3 * max(delays_s):.0f} ms")
    print(f"received                {len(set(seqs))} of {count + live}, {len(seqs) - len(set(seqs))} twice")


def _received(out: Path) -> tuple[list[int], list[float]]:
    """Return every number, and the delay in seconds of those that were not replayed."""
    seqs, delays_s = [], []
    for line in out.read_text(encoding="utf-8").splitlines():
        head, _, document = line.partition("{")
        message = json.loads("{" + document)
        seqs.append(message["seq"])
        if "replayed:true" not in head:
            delays_s.append(float(head.split()[0]) - message["at"])
    return seqs, delays_s


def _filled(path: Path, count: int) -> Spool:
    spool = Spool.open(path, SpoolConfig(max_mb=2000))
    for _ in range(count):
        spool.append(Kind.VERDICT, payload)
    if not spool.flush(120) or spool.depth().waiting != count:
        raise SystemExit("the spool did not take the rows")
    return spool


def _drained(publisher: Publisher) -> None:
    if not publisher.drain(600):
        raise SystemExit("the spool does not drain")


def _times_ms(count: int, *actions: Callable[[], object]) -> list[tuple[float, float]]:
    """Run the actions in turns; return each one's median and 99th percentile, in milliseconds."""
    times: list[list[float]] = [[] for _ in actions]
    for _ in range(count):
        for action, own in zip(actions, times, strict=True):
            began_ns = time.perf_counter_ns()
            action()
            own.append((time.perf_counter_ns() - began_ns) / 1e6)
    return [(statistics.median(own), statistics.quantiles(own, n=100)[98]) for own in times]


if __name__ == "__main__":
    sys.exit(main())
