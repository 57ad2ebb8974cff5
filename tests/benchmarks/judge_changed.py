"""What ``[inspect] when = "changed"`` judges, skips and costs, while a robot stands, moves and creeps.

A camera sends photographs of metal as MJPEG, 640 x 480 px, 30 frames/s, with sensor noise and JPEG of its own
on each frame. Two real daemons watch it, one with "changed" and one with "always", beside a process that only
reads and decodes the stream; a real mosquitto. Then a patch of rust enters the still scene, again and again.

    python -m tests.benchmarks.judge_changed [--standing 60] [--moving 30] [--creeping 30] [--patches 20]

The full form is --standing 600 --moving 300 --creeping 120. It needs the photographs in ../shared/data.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np

from edge_node.config.sections import example_config
from tests.support.collector import Collector
from tests.support.mjpeg_server import MjpegServer
from tests.support.processes import Mosquitto, cpu_s, wait_for
from tests.support.scenes import SIZE_PX, Sensor, paste_rust, photographs, surface

FRAMES_PER_S = 30
MM_PER_PX = 0.5
MOVING_MM_S, CREEPING_MM_S = 100.0, 10.0
DECODE = """
import sys, threading
from edge_node.camera.backends.http_camera import open_http_camera
from edge_node.camera.source import parse_source
from edge_node.config.sections import CameraConfig
url = sys.argv[1]
camera = open_http_camera(parse_source(url), CameraConfig(source=url), stop=threading.Event())
while camera.read() is not None:
    pass
"""


class Scene:
    """The camera's frames: a surface along which it moves at ``mm_per_s``, with a spot on it or without."""

    def __init__(self, data: Path) -> None:
        clean = [surface(picture, 900) for picture in photographs(data, corroded=False, count=8)]
        rusty = [surface(picture, 300) for picture in photographs(data, corroded=True, count=8)]
        self.rust = photographs(data, corroded=True, count=20)
        self.way = np.hstack([part for pair in zip(clean, rusty, strict=True) for part in pair])
        self.at_px = SIZE_PX[0] / 2
        self.mm_per_s = 0.0
        self.still: np.ndarray | None = None
        self.shown_s = 0.0  # when the still picture was first sent
        self._sensor = Sensor()
        self._changed = threading.Condition()
        self._number, self._content = 0, b""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._film, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Send no further frame."""
        self._stop.set()
        self._thread.join()

    def drive(self, mm_per_s: float) -> None:
        """Move along the way at this speed."""
        with self._changed:
            self.mm_per_s = mm_per_s

    def show(self, picture: np.ndarray | None) -> None:
        """Show a picture instead of the way; None: the way."""
        with self._changed:
            self.still, self.shown_s = picture, 0.0

    def encoded(self, _number: int) -> bytes:
        """Return the next frame when it is due, the same to all viewers."""
        with self._changed:
            number = self._number
            self._changed.wait_for(lambda: self._number > number, 5)
            return self._content

    def _film(self) -> None:
        due_s = time.monotonic()
        while not self._stop.is_set():
            due_s = max(due_s + 1 / FRAMES_PER_S, time.monotonic() - 1 / FRAMES_PER_S)
            time.sleep(max(0.0, due_s - time.monotonic()))
            with self._changed:
                self.at_px += self.mm_per_s / MM_PER_PX / FRAMES_PER_S
                self._content, self._number = self._sensor.encode(self.picture()), self._number + 1
                self.shown_s = self.shown_s or time.monotonic()
                self._changed.notify_all()

    def picture(self) -> np.ndarray:
        """Return what is before the camera, without noise."""
        if self.still is not None:
            return self.still
        width, height = SIZE_PX
        centre = width / 2 + (self.at_px - width / 2) % (self.way.shape[1] - width)
        return cv2.getRectSubPix(self.way, SIZE_PX, (centre, height / 2))


class Room:
    """What a control room gets of one robot."""

    def __init__(self, collector: Collector, robot: str) -> None:
        self._collector, self._topics = collector, f"corrosion/v1/quay/{robot}"

    def last(self, kind: str) -> dict:
        """Return the newest message of this kind."""
        found = self._collector.of(f"{self._topics}/{kind}")
        return json.loads(found[-1].payload) if found else {}

    def verdicts(self) -> int:
        """Return how many verdicts have come."""
        return len(self._collector.of(f"{self._topics}/verdict"))

    def findings(self) -> int:
        """Return how many findings were opened."""
        found = self._collector.of(f"{self._topics}/finding")
        return sum(json.loads(message.payload)["state"] == "opened" for message in found)

    def first_after(self, at_s: float) -> float | None:
        """Return how long after ``at_s`` the first verdict came, in s."""
        found = self._collector.of(f"{self._topics}/verdict")
        return next((message.at_s - at_s for message in found if message.at_s >= at_s), None)


def main() -> int:
    """Print a table of the phases, the patches, and what the control room is told."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default_s in (("standing", 60.0), ("moving", 30.0), ("creeping", 30.0)):
        parser.add_argument(f"--{name}", type=float, default=default_s, help="seconds")
    parser.add_argument("--patches", type=int, default=20)
    parser.add_argument("--share", type=float, default=0.03, help="of the picture that a patch takes")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ExitStack() as closing:
        folder, scene = Path(name), Scene(args.data)
        closing.callback(scene.close)
        broker = Mosquitto(folder)
        broker.start()
        closing.callback(broker.kill)
        server = MjpegServer()
        server.encoded, server.interval_s = scene.encoded, 0
        closing.callback(server.close)
        collector = closing.enter_context(Collector(broker.port, "corrosion/#"))
        pids = {}
        for when in ("changed", "always"):
            pids[when] = _start(closing, [*_DAEMON, _config(folder, when, server.url, broker.port)])
        pids["decoding"] = _start(closing, [sys.executable, "-c", DECODE, server.url])
        rooms = {when: Room(collector, when) for when in ("changed", "always")}
        for room in rooms.values():
            wait_for(lambda room=room: room.verdicts() > 0, 60, "a verdict")
        time.sleep(5)
        print(f"{'':10}{'verdicts':>20}{'% of a core':>30}")
        print(f"{'':10}{'changed':>10}{'always':>10}{'changed':>10}{'always':>10}{'decoding':>10}")
        for phase, speed in (("standing", 0.0), ("moving", MOVING_MM_S), ("creeping", CREEPING_MM_S)):
            scene.drive(speed)
            _measure(phase, getattr(args, phase), rooms, pids)
        scene.drive(0.0)
        _enter_patches(scene, rooms["changed"], args.patches, args.share)
    return 0


_DAEMON = [sys.executable, "-m", "edge_node.cli", "run", "--log-level", "error", "--config"]


def _config(folder: Path, when: str, url: str, port: int) -> str:
    config = folder / f"{when}.toml"
    text = example_config(
        node={"site": "quay", "robot": when, "state_dir": str(folder / when)},
        camera={"source": url},
        inspect={"when": when},
        bundle={"path": "default"},
        mqtt={"hostname": "127.0.0.1", "port": port},
    )
    config.write_text(text, encoding="utf-8")
    return str(config)


def _start(closing: ExitStack, arguments: list[str]) -> int:
    process = subprocess.Popen(arguments)
    closing.callback(process.wait)
    closing.callback(process.terminate)
    return process.pid


def _measure(phase: str, seconds: float, rooms: dict[str, Room], pids: dict[str, int]) -> None:
    """Print a row of the table, and what the control room is told at its end."""
    before = {name: room.verdicts() for name, room in rooms.items()}
    cpu, begun_s = {name: cpu_s(Path(f"/proc/{pid}")) for name, pid in pids.items()}, time.monotonic()
    time.sleep(seconds)
    took_s = time.monotonic() - begun_s
    share = {name: 100 * (cpu_s(Path(f"/proc/{pid}")) - cpu[name]) / took_s for name, pid in pids.items()}
    count = {name: room.verdicts() - before[name] for name, room in rooms.items()}
    figures = f"{share['changed']:10.2f}{share['always']:10.2f}{share['decoding']:10.2f}"
    print(f"{phase:10}{count['changed']:10}{count['always']:10}{figures}   {took_s:.0f} s", flush=True)
    time.sleep(10.5)  # until the next health
    status, health = rooms["changed"].last("status"), rooms["changed"].last("health")
    told = ("frames_per_s", "verdicts_per_s", "frames", "frames_dropped", "frames_unchanged", "verdicts")
    print(f"    health: {', '.join(f'{key} {health[key]}' for key in told)}")
    print(f"    status: camera {status['camera']['state']}: {status['camera']['text']}")
    opened = ", ".join(f"{room.findings()} ({name})" for name, room in rooms.items())
    print(f"    findings opened so far: {opened}", flush=True)


def _enter_patches(scene: Scene, room: Room, count: int, share: float) -> None:
    """Have a patch of rust enter the still scene, again and again; print how soon each was judged."""
    random, late_s = np.random.default_rng(11), []
    for number in range(count):
        left = int(random.integers(0, scene.way.shape[1] - SIZE_PX[0]))
        clean = scene.way[:, left : left + SIZE_PX[0]]
        scene.show(clean)
        time.sleep(3.0 + random.uniform(0, 1))
        scene.show(paste_rust(clean, scene.rust[number % len(scene.rust)], share, random))
        wait_for(lambda: scene.shown_s > 0, 5, "the patch before the camera")
        time.sleep(0.9)
        late_s.append(room.first_after(scene.shown_s))
    judged = [late for late in late_s if late is not None]
    text = f"median {np.median(judged) * 1000:.0f} ms, latest {max(judged) * 1000:.0f} ms" if judged else ""
    print(f"patches of {share:.1%} of the picture: judged within 0.9 s {len(judged)} of {count}; {text}")


if __name__ == "__main__":
    raise SystemExit(main())
