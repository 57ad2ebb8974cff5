"""From nothing to the first verdict in a subscriber's hands, and what the daemon takes of the machine.

Each round starts the real daemon on the demo's clip against a real mosquitto, waits for the first verdict,
lets it run on, reads its memory and stops it.

    python -m tests.benchmarks.cold_start [--rounds 5] [--seconds 5]
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from edge_node.config.sections import example_config
from edge_node.demo.run import CLIP
from edge_node.mqtt.subscriber import Subscriber
from tests.support.processes import Mosquitto, cpu_s, installed_environment


def main() -> int:
    """Print medians over the rounds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each round runs on")
    args = parser.parse_args()
    measure(0.0)  # the first start compiles modules: not counted
    found = [measure(args.seconds) for _ in range(args.rounds)]
    help_s = [time_of([sys.executable, "-m", "edge_node.cli", "--help"]) for _ in range(args.rounds)]
    bare_s = [time_of([sys.executable, "-c", "pass"]) for _ in range(args.rounds)]
    for name, values in (
        ("start to first verdict [s]", [row[0] for row in found]),
        ("resident memory, running [MB]", [row[1] for row in found]),
        ("largest resident memory [MB]", [row[2] for row in found]),
        ("CPU while running at 10 frames/s [%]", [row[3] for row in found]),
        ("SIGTERM to end [s]", [row[4] for row in found]),
        ("edge-node --help [s]", help_s),
        ("python -c pass, for comparison [s]", bare_s),
    ):
        print(f"{name:<38} median {np.median(values):8.3f}  min {min(values):8.3f}  max {max(values):8.3f}")
    return 0


def measure(seconds: float) -> tuple[float, float, float, float, float]:
    """Return seconds to the first verdict, memory now and at most in MB, CPU share, seconds to the end."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Mosquitto(folder)
        broker.start()
        subscriber = Subscriber("127.0.0.1", broker.port, ("corrosion/v1/+/+/verdict",))
        time.sleep(0.3)
        config = folder / "node.toml"
        text = example_config(
            node={"site": "quay", "robot": "r-1", "state_dir": str(folder / "state")},
            camera={"source": str(CLIP), "loop": True},
            bundle={"path": "default"},
            mqtt={"hostname": "127.0.0.1", "port": broker.port},
        )
        config.write_text(text, encoding="utf-8")
        started = time.monotonic()
        daemon = subprocess.Popen(
            [sys.executable, "-m", "edge_node.cli", "run", "--config", str(config), "--log-level", "error"],
            env=installed_environment(),
        )
        next(iter(subscriber.messages(timeout_s=60.0)))
        first = time.monotonic() - started
        cpu_before = cpu_s(Path(f"/proc/{daemon.pid}"))
        time.sleep(seconds)
        share = 100 * (cpu_s(Path(f"/proc/{daemon.pid}")) - cpu_before) / max(seconds, 0.1)
        resident, peak = memory_mb(daemon.pid)
        asked = time.monotonic()
        daemon.send_signal(signal.SIGTERM)
        daemon.wait()
        ended = time.monotonic() - asked
        subscriber.close()
        broker.kill()
    return first, resident, peak, share, ended


def memory_mb(pid: int) -> tuple[float, float]:
    """Return resident memory and its high-water mark."""
    lines = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    )
    return tuple(int(lines[key].split()[0]) / 1024 for key in ("VmRSS", "VmHWM"))


def time_of(command: list[str]) -> float:
    """Return how long a command takes."""
    started = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=installed_environment())
    return time.monotonic() - started


if __name__ == "__main__":
    raise SystemExit(main())
