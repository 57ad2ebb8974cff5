"""Some robots of a fleet in one process: real spools, real publishers, verdicts that the default bundle gave.

Only the camera and the models are left out: a robot says in turn what the default bundle said of pictures of
the demo's clip. Everything from the numbering of a verdict to the broker's acknowledgement is the node's own
code: SQLite with synchronous commits, window, will, retained status, newest verdict and health.

    python -m tests.benchmarks.fleet.robots PORT FOLDER FIRST COUNT RATE_HZ

Lines on the standard input: ``go SECONDS`` has each robot say so much; ``end`` stops. Lines on the standard
output: ``ready``, then after each ``go`` a JSON object with the numbers that were given out, and after
``end`` one with what no broker has.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from edge_node.camera.backends.recording import iter_video
from edge_node.camera.capture.capture_thread import CameraCondition, CameraState
from edge_node.camera.frame import frame_now
from edge_node.config.delivery_sections import MqttConfig, SpoolConfig
from edge_node.config.sections import BundleConfig, Config, NodeConfig
from edge_node.delivery.publisher import Publisher
from edge_node.demo.run import CLIP
from edge_node.inference.bundle import DEFAULT_BUNDLE, Bundle, load_bundle
from edge_node.inference.engine import Engine
from edge_node.inspection.inspector import Inspection, Inspector
from edge_node.inspection.verdict_recorder import VerdictRecorder
from edge_node.messages.status import LinkState
from edge_node.messages.topics import Kind, Topics
from edge_node.messages.verdict import Decision, Verdict, encode
from edge_node.monitoring.status_board import StatusBoard
from edge_node.mqtt.wake import Wake
from edge_node.spool.spool import Spool

SITE = "fleet"
PICTURES = 20  # of the clip, evenly over its length
HEALTH_INTERVAL_S = 10.0  # as the daemon
PIXELS = np.zeros((8, 8, 3), np.uint8)  # a frame is handed on by reference: its size costs nothing here


class Robot:
    """One robot from the spool on."""

    def __init__(self, number: int, port: int, folder: Path, bundle: Bundle, closing: ExitStack) -> None:
        name = f"robot-{number:04}"
        state_dir = folder / name
        state_dir.mkdir(parents=True, exist_ok=True)
        config = Config(
            node=NodeConfig(site=SITE, robot=name, state_dir=str(state_dir)),
            bundle=BundleConfig(path="default"),
            mqtt=MqttConfig(hostname="127.0.0.1", port=port),
            sha256="0" * 64,
        )
        # No reserve: 8 MB for each robot's bad day would be the disk's bad day here.
        self.spool = Spool.open(state_dir / "spool.sqlite", SpoolConfig(max_mb=64, reserve_mb=0))
        closing.callback(self.spool.close)
        self.publisher = Publisher(config.mqtt, Topics(SITE, name), self.spool, Wake())
        self._recorder = VerdictRecorder(config, bundle, self.spool.epoch)
        self._board = StatusBoard(config, bundle, self.spool)
        self._health_due_s = time.monotonic() + HEALTH_INTERVAL_S * (number % 100) / 100
        self.said = 0
        self.publisher.start()
        closing.callback(self.publisher.stop)
        now = datetime.now(timezone.utc)
        self.publisher.set_status(self._board.status(CameraState(CameraCondition.STREAMING, "fleet", now)))

    def say(self, decision: Decision) -> None:
        """Spool one verdict, and publish health when it is due."""
        frame = frame_now(PIXELS, self.said, "fleet")

        def make(seq: int) -> Verdict:
            link = self.spool.chain.link._asdict()
            return self._recorder.verdict(decision, frame, seq=seq, dropped=0, inference_ms=7.0, **link)

        verdict = self.spool.append(Kind.VERDICT, make)
        self.said = verdict.seq
        self._board.on_verdict(frame, Inspection(decision, None, 7.0), verdict)
        if time.monotonic() >= self._health_due_s:
            self._health_due_s += HEALTH_INTERVAL_S
            self.publisher.publish_health(encode(self._board.health()))


def main() -> None:
    """Run the robots until told to end."""
    port, folder, first, count, rate_hz = sys.argv[1:]
    numbers = range(int(first), int(first) + int(count))
    bundle = load_bundle(DEFAULT_BUNDLE)
    decisions = _decisions(bundle)
    with ExitStack() as closing:
        robots = [Robot(number, int(port), Path(folder), bundle, closing) for number in numbers]
        while not all(robot.publisher.link is LinkState.CONNECTED for robot in robots):
            time.sleep(0.05)
        print("ready", flush=True)
        for line in sys.stdin:
            word, *rest = line.split()
            if word == "end":
                break
            _run(robots, decisions, float(rest[0]), float(rate_hz))
            print(json.dumps({robot.spool.epoch: robot.said for robot in robots}), flush=True)
        left = sum(not robot.publisher.drain(timeout_s=0.1) for robot in robots)
    print(json.dumps({"robots_with_rest": left}), flush=True)


def _run(robots: list[Robot], decisions: list[Decision], seconds: float, rate_hz: float) -> None:
    """Have each robot speak ``rate_hz`` times a second, evenly spread: cameras keep no common time."""
    began_s = time.monotonic()
    turns = int(seconds * rate_hz)
    for turn in range(turns):
        for index, robot in enumerate(robots):
            due_s = began_s + (turn + index / len(robots)) / rate_hz
            if (wait_s := due_s - time.monotonic()) > 0:
                time.sleep(wait_s)
            robot.say(decisions[(turn + index) % len(decisions)])


def _decisions(bundle: Bundle) -> list[Decision]:
    inspector = Inspector(Engine(bundle))
    frames = list(iter_video(CLIP))
    return [inspector.inspect(pixels).decision for pixels in frames[:: len(frames) // PICTURES]]


if __name__ == "__main__":
    main()
