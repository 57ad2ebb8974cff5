"""A control room of several processes, killed and restarted at random while robots send.

    python -m tests.endurance.room_processes --kills 50 --rolling 2
    python -m tests.endurance.room_processes --kills 20 --broker-kills 10
    python -m tests.endurance.room_processes --kills 50 --rate 600 --robots 20

Four ingest and two web processes share one PostgreSQL and one mosquitto. Robots keep each verdict until the
room's receipt names it, as the node does, and send again what no receipt came for. At the end every verdict
that was ever sent must be in the table once, whatever was killed. What mosquitto acknowledged and forgot
when it was killed itself is counted: it had to be sent again, and was no duplicate.

Prints a line every five seconds and a table at the end; exits 1 if a verdict is missing or twice.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.support.control_room import SYSTEMD_QUEUES
from tests.support.ingest_room import robot_verdict
from tests.support.postgres import PostgresServer
from tests.support.processes import Mosquitto
from tests.support.shared_room import RoomProcess, SharedRoom

CONSUMER = "room"
_MOST_KEPT = 5000  # verdicts that wait for a receipt; a robot's spool holds more, and it is as patient
_STALLED_S = 8.0  # without a receipt: what was sent before is sent again
_NO_SUBSCRIBERS = 0x10


class Robot:
    """Sends verdicts at a pace, and keeps each until a receipt names it."""

    def __init__(self, name: str, port: int, pace_s: float) -> None:
        self.sent = self.stored = self.acknowledged = self.repeated = 0
        self._name = name
        self._pace_s = pace_s
        self._lock = threading.Lock()
        self._kept: dict[int, bytes] = {}
        self._numbers: dict[int, int] = {}  # of packets on the way
        self._early: dict[int, int] = {}  # answers that came before their packet's number was noted
        self._acknowledged: set[int] = set()
        self._progress_s = time.monotonic()
        self._epoch = json.loads(robot_verdict(name, 1))["id"].split(":")[1]
        self._client = Client(CallbackAPIVersion.VERSION2, name, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_connect = self._connected
        self._client.on_publish = self._published
        self._client.on_message = self._received
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port, keepalive=5)
        self._client.loop_start()
        self._is_sending = True
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Verdicts without a receipt."""
        return len(self._kept)

    def end_sending(self) -> None:
        """Make no new verdict; go on until every receipt is there."""
        self._is_sending = False

    def close(self) -> None:
        """End."""
        self._ended.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()

    def _run(self) -> None:
        while not self._ended.wait(self._pace_s):
            if self._is_sending and self._client.is_connected() and len(self._kept) < _MOST_KEPT:
                self.sent += 1
                payload = robot_verdict(self._name, self.sent)
                with self._lock:
                    self._kept[self.sent] = payload
                self._publish(self.sent, payload)
            if self._kept and time.monotonic() - self._progress_s > _STALLED_S:
                self._send_again()

    def _send_again(self) -> None:
        self._progress_s = time.monotonic()
        with self._lock:
            kept = sorted(self._kept.items())
            self.repeated += sum(number in self._acknowledged for number, _ in kept)
        for number, payload in kept:
            self._publish(number, payload)

    def _publish(self, number: int, payload: bytes) -> None:
        # Without our lock: paho has its own, with which it calls us.
        sent = self._client.publish(f"corrosion/v1/quay/{self._name}/verdict", payload, 1)
        with self._lock:
            if sent.mid in self._early:
                self._note(number, self._early.pop(sent.mid))
            else:
                self._numbers[sent.mid] = number

    def _connected(self, client: Client, *_arguments: object) -> None:
        client.subscribe(f"corrosion/v1/quay/{self._name}/receipt/{CONSUMER}", 1)
        self._progress_s = time.monotonic() - _STALLED_S + 2  # what was on the way may be lost

    def _published(self, _client: object, _data: object, mid: int, code, *_rest: object) -> None:
        with self._lock:
            if mid in self._numbers:
                self._note(self._numbers.pop(mid), code.value)
            else:
                self._early[mid] = code.value

    def _note(self, number: int, code: int) -> None:
        if code < _NO_SUBSCRIBERS and number not in self._acknowledged:
            self._acknowledged.add(number)
            self.acknowledged += 1

    def _received(self, _client: object, _data: object, message) -> None:
        receipt = json.loads(message.payload)
        if receipt["epoch"] != self._epoch or receipt["seq"] <= self.stored:
            return
        with self._lock:
            self.stored = receipt["seq"]
            self._progress_s = time.monotonic()
            for number in [one for one in self._kept if one <= self.stored]:
                del self._kept[number]


class Run:
    """One run: the room, its robots, and what was done to them."""

    def __init__(self, folder: Path, args: argparse.Namespace, server: PostgresServer) -> None:
        self.args = args
        self.chance = random.Random(args.seed)  # noqa: S311  moments, not secrets
        self.server = server
        self.broker = Mosquitto(folder, f"user root\n{SYSTEMD_QUEUES}persistence_location {folder}/\n")
        self.broker.start()
        self.database = server.make_database()
        self.room = SharedRoom(
            folder,
            self.broker.port,
            server.url(self.database),
            ingests=args.ingests,
            webs=args.webs,
            room={"receipts_as": CONSUMER},
        )
        self.kills = self.broker_kills = self.rolled = 0
        self.robots: list[Robot] = []
        self.began_s = self.told_s = time.monotonic()

    def disturb(self) -> None:
        """Kill and restart as often as is wanted."""
        args = self.args
        self.robots = [
            Robot(f"crawler-{number}", self.broker.port, args.robots / args.rate)
            for number in range(args.robots)
        ]
        rolling_after = {round((one + 1) * args.kills / (args.rolling + 1)) for one in range(args.rolling)}
        self._live(3.0)
        while self.kills < args.kills or self.broker_kills < args.broker_kills:
            left = (args.kills - self.kills, args.broker_kills - self.broker_kills)
            if self.chance.random() * sum(left) < left[1]:
                self._kill_broker()
            else:
                self._kill_one()
            if self.kills in rolling_after:
                rolling_after.discard(self.kills)
                self._restart_all()
        for _ in rolling_after:
            self._restart_all()
        self._live(3.0)

    def finish(self) -> bool:
        """Wait until every receipt is there; False if they do not come."""
        for robot in self.robots:
            robot.end_sending()
        deadline_s = time.monotonic() + self.args.finish_s
        while any(robot.waiting for robot in self.robots) and time.monotonic() < deadline_s:
            self._live(0.5)
        return not any(robot.waiting for robot in self.robots)

    def _kill_one(self) -> None:
        process = self.chance.choice(self.room.processes)
        process.kill()
        self.kills += 1
        self._live(self.chance.uniform(0.0, 2.0))
        process.start()
        self._live(self.chance.uniform(0.2, 3.0))

    def _kill_broker(self) -> None:
        self.broker.kill()
        self.broker_kills += 1
        self._live(self.chance.uniform(0.0, 1.0))
        self.broker.start()
        self._live(self.chance.uniform(3.0, 6.0))

    def _restart_all(self) -> None:
        """Restart one after the other, as an upgrade does."""
        for process in self.room.processes:
            process.stop()
            process.start()
            self._wait_until_ready(process)
        self.rolled += 1

    def _wait_until_ready(self, process: RoomProcess) -> None:
        deadline_s = time.monotonic() + 60
        while process.ask("/readyz")[0] != 200 and time.monotonic() < deadline_s:
            self._live(0.1)

    def _live(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while (left_s := until_s - time.monotonic()) > 0:
            time.sleep(min(left_s, 0.2))
            if time.monotonic() - self.told_s > 5:
                self.told_s = time.monotonic()
                sent, stored = (
                    sum(getattr(robot, name) for robot in self.robots) for name in ("sent", "stored")
                )
                print(
                    f"{self.told_s - self.began_s:6.0f} s  {self.kills:3} kills  {self.broker_kills:2} of the"
                    f" broker  {self.rolled} rolled  {sent:7} sent  {sent - stored:5} without a receipt",
                    flush=True,
                )


def main() -> int:
    """Run, count, print."""
    args = _arguments()
    server = PostgresServer(("shared_buffers=128MB", "max_connections=200"))
    with tempfile.TemporaryDirectory(prefix="room-processes-") as name:
        try:
            server.start()
            run = Run(Path(name), args, server)
            with run.room:
                run.disturb()
                is_complete = run.finish()
                took_s = time.monotonic() - run.began_s
                for robot in run.robots:
                    robot.close()
                pages = [web.ask("/api/verdicts?limit=1")[1]["total"] for web in run.room.webs]
            run.broker.kill()
            return _judge(run, is_complete, pages, took_s)
        finally:
            server.stop()


def _judge(run: Run, is_complete: bool, pages: list[int], took_s: float) -> int:
    [(rows, once)] = run.server.execute(
        "SELECT count(*), count(DISTINCT (epoch_key, seq)) FROM verdict", run.database
    )
    [(duplicates, conflicts)] = run.server.execute(
        "SELECT coalesce(sum(duplicates), 0)::int, (SELECT count(*) FROM conflict) FROM robot",
        run.database,
    )
    sent = sum(robot.sent for robot in run.robots)
    repeated = sum(robot.repeated for robot in run.robots)
    print(f"processes                    {run.args.ingests} ingest, {run.args.webs} web")
    print(f"killed (SIGKILL)             {run.kills}")
    print(f"broker killed (SIGKILL)      {run.broker_kills}")
    print(f"rolling restarts             {run.rolled}")
    print(f"verdicts sent                {sent}, {sent / took_s:.0f} a second")
    print(f"acknowledged by the broker   {sum(robot.acknowledged for robot in run.robots)}")
    print(f"in the table                 {rows}, of which once {once}")
    print(f"missing                      {sent - once}")
    print(f"conflicts                    {conflicts}")
    print(f"acknowledged, sent again     {repeated}")
    print(f"came twice, stored once      {duplicates}")
    print(f"forgotten by a killed broker {max(0, repeated - duplicates)} at least")
    print(f"each page's count            {pages}")
    print(f"took                         {took_s:.0f} s")
    is_good = is_complete and rows == once == sent and set(pages) == {sent} and not conflicts
    print("each robot                  ", *(f"{robot.stored}/{robot.sent}" for robot in run.robots))
    print("good" if is_good else "NOT GOOD")
    if not is_good:
        for process in run.room.processes:
            lines = process.log.read_text(encoding="utf-8").splitlines()
            warnings = [line for line in lines if " INFO " not in line]
            print(f"-- {process.name}", *warnings[-10:], sep="\n")
    return 0 if is_good else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ingests", type=int, default=4, help="default: %(default)s")
    parser.add_argument("--webs", type=int, default=2, help="default: %(default)s")
    parser.add_argument("--kills", type=int, default=50, help="of processes (default: %(default)s)")
    parser.add_argument("--broker-kills", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--rolling", type=int, default=2, help="restarts of all (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=300.0, help="verdicts a second (default: %(default)s)")
    parser.add_argument("--robots", type=int, default=10, help="default: %(default)s")
    parser.add_argument("--finish-s", type=float, default=180.0, help="for the last receipts")
    parser.add_argument("--seed", type=int, default=1, help="of the moments (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
