"""A control room that is killed again and again: ``python -m tests.endurance.killed_room --kills 20``.

Robots publish to a real mosquitto (the queues of systemd/mosquitto) while the room is killed with SIGKILL at
random moments and stays away for a while. At the end every verdict must be in its history, once.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import threading
import time
from pathlib import Path

import msgspec

from edge_node.control_room.history.history import History
from edge_node.messages.verdict import encode
from tests.support.collector import Collector
from tests.support.control_room import SYSTEMD_QUEUES, ControlRoom
from tests.support.processes import Mosquitto, wait_for
from tests.support.verdicts import verdict


def publish(port: int, robot: str, stop: threading.Event, sent: dict[str, int]) -> None:
    """Publish as a robot does, one after the other, and count what the broker acknowledged."""
    with Collector(port, "nothing", client_id=robot) as client:
        seq = 0
        while not stop.is_set():
            seq += 1
            found = msgspec.structs.replace(
                verdict(seq, "CUU?X"[seq % 5]), robot=robot, id=f"{robot}:epoch:{seq}"
            )
            client.publish(f"corrosion/v1/quay/{robot}/verdict", encode(found))
            sent[robot] = seq
            time.sleep(0.002)


def main() -> None:
    """Kill, count, print; ends with 1 if anything is missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--robots", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    chance = random.Random(args.seed)  # noqa: S311  no secret
    sent: dict[str, int] = {}
    stop = threading.Event()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Mosquitto(folder, f"user root\n{SYSTEMD_QUEUES}persistence_location {folder}/\n")
        broker.start()
        room = ControlRoom(folder, broker.port)
        room.start()
        robots = [
            threading.Thread(target=publish, args=(broker.port, f"crawler-{number}", stop, sent))
            for number in range(args.robots)
        ]
        for robot in robots:
            robot.start()
        for _ in range(args.kills):
            time.sleep(chance.uniform(0.05, 1.5))
            room.kill()
            time.sleep(chance.uniform(0.0, 1.0))
            room.start(connected=chance.random() < 0.7)
        stop.set()
        for robot in robots:
            robot.join()
        total = sum(sent.values())
        wait_for(lambda: room.ask("/api/verdicts?limit=1")["total"] >= total, 60, "all verdicts")
        room.stop()
        history = History(room.folder, read_only=True)
        kept, twice = history.count_verdicts(), sum(robot.duplicates for robot in history.robots())
        missing = sum(gap.missing for gap in history.gaps())
        history.close()
        broker.kill()
    print(f"{args.kills} kills: {total} verdicts sent, {kept} kept, {missing} missing, {twice} came twice")
    raise SystemExit(0 if kept == total and not missing else 1)


if __name__ == "__main__":
    main()
