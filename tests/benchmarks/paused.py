"""What the daemon takes of a processor while it is paused: a live camera goes on sending, nobody decides.

The real daemon on a real stream (640 x 480 px, 30 frames/s) with a real mosquitto; `pause` comes over MQTT.

    python -m tests.benchmarks.paused [--seconds 30] [--stream mjpeg|rtsp] [--by-thread]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from pathlib import Path

from edge_node.config.sections import example_config
from tests.support.collector import Collector
from tests.support.mjpeg_server import MjpegServer
from tests.support.processes import Mosquitto, cpu_s, wait_for
from tests.support.rtsp_server import RtspServer

TOPICS = "corrosion/v1/quay/r-1"
SIZE_PX = (640, 480)


def main() -> int:
    """Print the shares of one core before and while it is paused."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=30.0, help="how long each share is measured")
    parser.add_argument("--stream", choices=("mjpeg", "rtsp"), default="mjpeg")
    parser.add_argument("--by-thread", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ExitStack() as closing:
        folder = Path(name)
        broker = Mosquitto(folder)
        broker.start()
        closing.callback(broker.kill)
        server = RtspServer() if args.stream == "rtsp" else MjpegServer()
        server.size = SIZE_PX
        closing.callback(server.close)
        room = closing.enter_context(Collector(broker.port, f"{TOPICS}/#"))
        daemon = started(folder, server.url, broker.port)
        closing.callback(daemon.wait)
        closing.callback(daemon.terminate)
        wait_for(lambda: room.of(f"{TOPICS}/verdict"), 60, "a verdict")
        print(f"deciding: {shares(daemon.pid, args.seconds, by_thread=args.by_thread)}")
        room.publish(f"{TOPICS}/cmd/pause", pause())
        wait_for(lambda: is_paused(room), 30, "the pause")
        print(f"paused:   {shares(daemon.pid, args.seconds, by_thread=args.by_thread)}")
        print(f"camera:   {json.loads(room.of(f'{TOPICS}/status')[-1].payload)['camera']['text']}")
    return 0


def started(folder: Path, url: str, port: int) -> subprocess.Popen[bytes]:
    """Start the daemon on this camera."""
    config = folder / "node.toml"
    text = example_config(
        node={"site": "quay", "robot": "r-1", "state_dir": str(folder / "state")},
        camera={"source": url},
        bundle={"path": "default"},
        mqtt={"hostname": "127.0.0.1", "port": port},
        commands={"accept": True},
    )
    config.write_text(text, encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, "-m", "edge_node.cli", "run", "--config", str(config), "--log-level", "error"]
    )


def pause() -> bytes:
    """Return the command, as a control room sends it."""
    now = datetime.now(timezone.utc)
    return json.dumps(
        {
            "schema": "corrosion/v1",
            "id": uuid.uuid4().hex,
            "issued_at": now.isoformat(),
            "expires_at": (now + timedelta(minutes=1)).isoformat(),
        }
    ).encode()


def is_paused(room: Collector) -> bool:
    """Whether the daemon's newest status says so."""
    said = room.of(f"{TOPICS}/status")
    return bool(said) and json.loads(said[-1].payload).get("model", {}).get("state") == "paused"


def shares(pid: int, seconds: float, *, by_thread: bool) -> str:
    """Return the share of one core that the process, and on demand each thread, takes meanwhile."""
    time.sleep(1.0)  # what the change itself took is no part of it
    tasks = [Path(f"/proc/{pid}"), *(Path(f"/proc/{pid}/task").iterdir() if by_thread else ())]
    before, begun_s = [cpu_s(task) for task in tasks], time.monotonic()
    time.sleep(seconds)
    took_s = time.monotonic() - begun_s
    percent = [100 * (cpu_s(task) - cpu) / took_s for task, cpu in zip(tasks, before, strict=True)]
    each = [
        f"{(task / 'comm').read_text().strip()} {share:.2f}"
        for task, share in zip(tasks[1:], percent[1:], strict=True)
        if share > 0
    ]
    return f"{percent[0]:.2f} % of one core" + (f" ({', '.join(each)})" if each else "")


if __name__ == "__main__":
    raise SystemExit(main())
