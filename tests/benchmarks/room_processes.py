"""Measure what a verdict costs rooms of several processes: ``python -m tests.benchmarks.room_processes``.

Robots publish faster than a room stores, so that its batches are full. Measured is processor time (user and
system) of its processes, of PostgreSQL and of mosquitto, so a busy machine does not matter; each arrangement
takes its turn in every round, and the medians are printed. The rate is by the wall clock, beside the robots.
``--profile`` samples an ingest process with py-spy, if that is installed, and prints where its time goes.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.support.control_room import SYSTEMD_QUEUES, ControlRoom
from tests.support.ingest_room import robot_verdict
from tests.support.postgres import PostgresServer
from tests.support.processes import Mosquitto, cpu_s
from tests.support.shared_room import RoomProcess, SharedRoom

if TYPE_CHECKING:
    from collections.abc import Callable

ARRANGEMENTS = ("SQLite, all in one", "PostgreSQL, all in one", "1 ingest", "2 ingest", "4 ingest")


@dataclass
class Measured:
    """Of one arrangement in one round: processor time per verdict, µs, and verdicts a second."""

    room_us: float
    database_us: float
    broker_us: float
    rate: float


class Filling:
    """What fills a broker, and a room that empties it."""

    def __init__(self, folder: Path, server: PostgresServer, args: argparse.Namespace) -> None:
        self.args = args
        self.folder = folder
        self.server = server
        self.broker = Mosquitto(folder, f"user root\n{SYSTEMD_QUEUES}persistence_location {folder}/\n")
        self.broker.start()

    def measure(self, arrangement: str) -> Measured:
        """Start a room, publish, and let it store all."""
        room = self._make(arrangement)
        room.start()
        before, began_s = self._used(room), time.monotonic()
        sending = threading.Thread(target=self._publish)
        sending.start()
        if self.args.profile:
            profile(room.pids[0])
        sending.join()
        while room.count() < self.args.verdicts:
            time.sleep(0.5)  # each look costs the database too
        took_s = time.monotonic() - began_s
        room_s, database_s, broker_s = (now - then for now, then in zip(self._used(room), before))  # noqa: B905
        room.stop()
        per = 1e6 / self.args.verdicts
        return Measured(room_s * per, database_s * per, broker_s * per, self.args.verdicts / took_s)

    def _make(self, arrangement: str) -> Room:
        self.folder = Path(tempfile.mkdtemp(dir=self.folder.parent))
        if "all in one" in arrangement:
            url = None if "SQLite" in arrangement else self.server.url(self.server.make_database())
            room = {} if url is None else {"database": url}
            one = ControlRoom(self.folder, self.broker.port, room=room)
            return Room(
                [lambda: one.start()],  # noqa: PLW0108
                [lambda: one.stop()],  # noqa: PLW0108
                lambda: [one._process.pid],  # type: ignore[union-attr]
                lambda: one.ask("/api/verdicts?limit=1")["total"],
            )
        database = self.server.make_database()
        many = int(arrangement.split(maxsplit=1)[0])
        shared = SharedRoom(self.folder, self.broker.port, self.server.url(database), ingests=many, webs=0)

        def start(process: RoomProcess) -> Callable[[], None]:
            def run() -> None:
                process.start()
                process.wait("/healthz")

            return run

        return Room(
            [start(process) for process in shared.ingests],
            [process.stop for process in shared.ingests],
            lambda: [process.pid for process in shared.ingests],
            lambda: int(str(self.server.execute("SELECT count(*) FROM verdict", database)[0][0])),
        )

    def _publish(self) -> None:
        clients = []
        each = self.args.verdicts // self.args.robots
        for number in range(self.args.robots):
            client = Client(CallbackAPIVersion.VERSION2, f"c-{number}", protocol=MQTTProtocolVersion.MQTTv5)
            client.connect("127.0.0.1", self.broker.port)
            client.loop_start()
            clients.append((client, f"crawler-{number}"))
        sent = [
            client.publish(f"corrosion/v1/quay/{name}/verdict", robot_verdict(name, seq), 1)
            for seq in range(1, each + 1)
            for client, name in clients
        ]
        for one in sent:
            one.wait_for_publish(120)
        for client, _ in clients:
            client.disconnect()
            client.loop_stop()

    def _used(self, room: Room) -> tuple[float, float, float]:
        room_s = sum(cpu_s(Path(f"/proc/{pid}")) for pid in room.pids)
        database_s = sum(map(_server_s, _tree(self.server)))
        return room_s, database_s, cpu_s(Path(f"/proc/{self.broker.pid}"))


class Room:
    """A room in some arrangement of processes."""

    def __init__(
        self,
        starts: list[Callable[[], object]],
        stops: list[Callable[[], object]],
        pids: Callable[[], list[int]],
        count: Callable[[], int],
    ) -> None:
        self._starts, self._stops, self._pids, self.count = starts, stops, pids, count

    @property
    def pids(self) -> list[int]:
        """Of its processes."""
        return self._pids()

    def start(self) -> None:
        """Start all."""
        for start in self._starts:
            start()

    def stop(self) -> None:
        """Stop all."""
        for stop in self._stops:
            stop()


def profile(pid: int) -> None:
    """Print where an ingest process spends its time, of ten seconds."""
    program = shutil.which("py-spy")
    if program is None:
        print("py-spy is not installed: no profile")
        return
    with tempfile.NamedTemporaryFile(suffix=".txt") as file:
        command = [program, "record", "-d", "10", "-r", "200", "-f", "raw", "-o", file.name, "-p", str(pid)]
        subprocess.run(command, check=False, capture_output=True)
        stacks = [line.rsplit(" ", 1) for line in Path(file.name).read_text().splitlines()]
    total = sum(int(count) for _, count in stacks) or 1
    inside: dict[str, int] = {}
    for stack, count in stacks:
        for frame in {frame.partition(" (")[0] for frame in stack.split(";")}:
            inside[frame] = inside.get(frame, 0) + int(count)
    for frame, count in sorted(inside.items(), key=lambda one: -one[1])[:25]:
        print(f"  {100 * count / total:5.1f} %  {frame}")


def _tree(server: PostgresServer) -> list[int]:
    parent = int((server.folder / "data" / "postmaster.pid").read_text().split()[0])
    found = subprocess.run(["pgrep", "-P", str(parent)], capture_output=True, text=True, check=False)
    return [parent, *map(int, found.stdout.split())]


def _server_s(pid: int) -> float:
    """Return the processor time of one of the server's processes and of its children that have ended, s."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except FileNotFoundError:  # it has ended: its parent has it
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--verdicts", type=int, default=20_000, help="in each run (default: %(default)s)")
    parser.add_argument("--robots", type=int, default=40, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--only", choices=ARRANGEMENTS, help="one arrangement")
    parser.add_argument("--profile", action="store_true", help="where an ingest process spends its time")
    args = parser.parse_args()
    chosen = [args.only] if args.only else list(ARRANGEMENTS)
    found: dict[str, list[Measured]] = {name: [] for name in chosen}
    server = PostgresServer(("shared_buffers=256MB", "max_connections=200"))
    try:
        server.start()
        for number in range(args.rounds):
            for name in chosen:
                with tempfile.TemporaryDirectory(prefix="room-bench-") as folder:
                    (inner := Path(folder) / "broker").mkdir()
                    filling = Filling(inner, server, args)
                    found[name].append(measured := filling.measure(name))
                    filling.broker.kill()
                print(f"round {number + 1}: {name}: {measured}", flush=True)
    finally:
        server.stop()
    print(f"{'µs of processor time per verdict':<34}{'room':>8}{'database':>10}{'broker':>8}{'rate/s':>9}")
    for name, rounds in found.items():
        row = [statistics.median(getattr(one, field) for one in rounds) for field in Measured.__annotations__]
        print(f"{name:<34}{row[0]:>8.0f}{row[1]:>10.0f}{row[2]:>8.0f}{row[3]:>9.0f}")


if __name__ == "__main__":
    main()
