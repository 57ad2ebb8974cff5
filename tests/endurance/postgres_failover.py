"""Kill the first of two PostgreSQL servers under load: ``python -m tests.endurance.postgres_failover``.

The second one is a standby with synchronous replication; it is promoted once the first is killed (SIGKILL).
Several processes store batches of verdicts without a pause, as ingests do: a batch counts as acknowledged
only once ``store`` has returned, and one that failed is stored again. At the end every acknowledged verdict
must be in the second server, once. Prints how long no process could store anything.
"""

from __future__ import annotations

import argparse
import itertools
import math
import multiprocessing
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from edge_node.control_room.database_address import DatabasePlace
from edge_node.control_room.history.database import HistoryError
from edge_node.control_room.history.history import History
from edge_node.control_room.ingest.batch_store import store
from edge_node.messages.topics import Topics
from edge_node.messages.verdict import encode
from edge_node.mqtt.types import Incoming
from tests.support.postgres import PostgresServer
from tests.support.processes import wait_for
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from multiprocessing.queues import Queue
    from multiprocessing.synchronize import Event

_ROBOTS = 10  # of each process
_RETRY_S = 0.1
_OPTIONS = ("shared_buffers=32MB", "max_connections=40", "wal_level=replica", "max_wal_senders=4")


def work(
    place: DatabasePlace, folder: Path, process: int, stop: Event, told: Queue[tuple[int, int, float]]
) -> None:
    """Store batches until told to stop; report the number of each that was acknowledged, and when."""
    history, number = None, 0
    while not stop.is_set():
        number += 1
        batch = [make_message(f"r{process}-{robot}", number) for robot in range(_ROBOTS)]
        while True:
            try:
                history = history or History(folder, place=place)
                store(history, batch)
                break
            except HistoryError:
                if stop.is_set():
                    return
                time.sleep(_RETRY_S)
        told.put((process, number, time.monotonic()))


def make_message(robot: str, seq: int) -> Incoming:
    """Return a verdict as the broker delivers it."""
    made = verdict(seq, "U", robot=robot, id=f"{robot}:epoch:{seq}")
    return Incoming(f"{Topics('quay', robot).base}/verdict", encode(made), is_retained=False)


def main() -> int:
    """Kill, promote, count, print; 1 if an acknowledged verdict is missing or stored twice."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=8.0, help="of load before and after the kill")
    args = parser.parse_args()
    first = PostgresServer(_OPTIONS)
    servers = [first]
    try:
        first.start()
        second = PostgresServer(_OPTIONS, copy_of=first)
        servers.append(second)
        second.start()
        first.execute("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
        first.execute("SELECT pg_reload_conf()")
        wait_for(lambda: first.execute("SELECT sync_state FROM pg_stat_replication") == [("sync",)])
        name = first.make_database()
        place = DatabasePlace(url=first.url(name, second))
        with tempfile.TemporaryDirectory() as folder:
            return run(args, (first, second), place, Path(folder))
    finally:
        for server in servers:
            server.stop()


def run(
    args: argparse.Namespace,
    servers: tuple[PostgresServer, PostgresServer],
    place: DatabasePlace,
    folder: Path,
) -> int:
    """Put load on both servers, kill the first, promote the second, and compare."""
    first, second = servers
    History(folder, place=place).close()
    stop, told = multiprocessing.Event(), multiprocessing.Queue()
    workers = [
        multiprocessing.Process(target=work, args=(place, folder, number, stop, told))
        for number in range(args.processes)
    ]
    for worker in workers:
        worker.start()
    acknowledged: list[tuple[int, int, float]] = []
    collect(told, acknowledged, args.seconds)
    killed_s = time.monotonic()
    first.kill()
    second.promote()
    promoted_s = time.monotonic()
    collect(told, acknowledged, args.seconds)
    stop.set()
    collect(told, acknowledged, 2.0)
    for worker in workers:
        worker.join(20)
    return compare(place, folder, acknowledged, killed_s, promoted_s)


def collect(told: Queue[tuple[int, int, float]], into: list[tuple[int, int, float]], seconds: float) -> None:
    """Take what the processes report for so long."""
    until_s = time.monotonic() + seconds
    while (left_s := until_s - time.monotonic()) > 0:
        try:
            into.append(told.get(timeout=left_s))
        except Exception:  # noqa: BLE001  queue.Empty
            return


def compare(
    place: DatabasePlace,
    folder: Path,
    acknowledged: list[tuple[int, int, float]],
    killed_s: float,
    promoted_s: float,
) -> int:
    """Print what was stored and how long nothing was; 1 if anything is missing or there twice."""
    highest: dict[int, int] = {}
    for process, number, _ in acknowledged:
        highest[process] = max(number, highest.get(process, 0))
    before = sum(at_s < killed_s for _, _, at_s in acknowledged) * _ROBOTS
    times_s = sorted(at_s for _, _, at_s in acknowledged)
    again_s = min((at_s for at_s in times_s if at_s > promoted_s), default=math.nan)
    pause_s = max((after - one for one, after in itertools.pairwise(times_s)), default=math.nan)
    with closing(History(folder, place=place)) as history:
        stored = {record.robot: record.verdicts for record in history.robots()}
        gaps = history.gaps()
        total = history.count_verdicts()
    lacking = [
        f"r{process}-{robot}"
        for process, number in highest.items()
        for robot in range(_ROBOTS)
        if stored.get(f"r{process}-{robot}", 0) < number
    ]
    twice = total - sum(stored.values())
    print(f"acknowledged: {sum(highest.values()) * _ROBOTS} verdicts, {before} of them before the kill")
    print(f"stored: {total}; robots that lack one: {len(lacking)}; gaps: {len(gaps)}; rows too many: {twice}")
    promotion_s, silence_s = promoted_s - killed_s, again_s - killed_s
    print(f"promoted {promotion_s:.2f} s after the kill, stored again {silence_s:.2f} s after it")
    print(f"the longest time without anything stored: {pause_s:.2f} s")
    return 1 if lacking or gaps or twice or math.isnan(again_s) else 0


if __name__ == "__main__":
    raise SystemExit(main())
