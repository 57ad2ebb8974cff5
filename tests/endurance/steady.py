"""Does the daemon grow? The real process on an endless clip, with memory, threads, files and disk sampled.

    python tests/endurance/steady.py [--verdicts 100000] [--every 5000] [--pace fast] [--source SOURCE]

Prints a line every so many verdicts, then the growth from the first tenth to the end; exit code 1 if the
memory grew by more than 5 MB, or threads, open files or the spool at all beyond their start.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import msgspec

from edge_node.config.sections import example_config
from edge_node.demo.run import CLIP
from edge_node.messages.verdict import Verdict
from edge_node.mqtt.subscriber import Subscriber
from tests.support.processes import Mosquitto

MAX_GROWTH_MB = 5.0  # an allocator has its ups and downs
MORE_HANDLES = 2  # one SQLite checkpoint or one reconnect in the moment of looking


class Sample(NamedTuple):
    """The process at one moment."""

    verdicts: int
    memory_mb: float
    threads: int
    files: int
    state_mb: float
    age_ms: float


def sample(pid: int, state: Path, verdict: Verdict) -> Sample:
    """Look at the process from outside."""
    process = Path(f"/proc/{pid}")
    pages = int((process / "statm").read_text(encoding="ascii").split()[1])
    return Sample(
        verdict.seq,
        pages * os.sysconf("SC_PAGE_SIZE") / 1e6,
        len(list((process / "task").iterdir())),
        len(list((process / "fd").iterdir())),
        sum(path.stat().st_size for path in state.rglob("*") if path.is_file()) / 1e6,
        verdict.frame_age_ms,
    )


def main() -> int:
    """Run the daemon until it has decided enough."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--verdicts", type=int, default=100_000)
    parser.add_argument("--every", type=int, default=5_000)
    parser.add_argument("--pace", choices=("fast", "real-time"), default="fast")
    parser.add_argument("--source", default=str(CLIP))
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended early"))  # so that daemon and broker end too
    with tempfile.TemporaryDirectory(prefix="edge-node-steady-") as name:
        folder = Path(name)
        broker = Mosquitto(folder)
        broker.start()
        config = folder / "node.toml"
        config.write_text(
            example_config(
                node={"site": "yard", "robot": "steady", "state_dir": str(folder / "state")},
                camera={"source": args.source, "pace": args.pace, "loop": True},
                bundle={"path": "default"},
                mqtt={"hostname": "127.0.0.1", "port": broker.port},
            ),
            encoding="utf-8",
        )
        subscriber = Subscriber("127.0.0.1", broker.port, ("corrosion/v1/yard/steady/verdict",))
        daemon = subprocess.Popen([sys.executable, "-m", "edge_node.cli", "run", "--config", str(config)])
        try:
            samples = watch(daemon, subscriber, folder / "state", args.verdicts, args.every)
        finally:
            daemon.terminate()
            daemon.wait()
            subscriber.close()
            broker.kill()
    return judged(samples)


def watch(daemon, subscriber, state: Path, verdicts: int, every: int) -> list[Sample]:
    """Return a sample every so many verdicts."""
    samples: list[Sample] = []
    started_s = time.monotonic()
    print(f"{'verdicts':>9} {'MB':>8} {'threads':>8} {'files':>6} {'state MB':>9} {'per s':>7}")
    while True:
        if daemon.poll() is not None:
            raise SystemExit(f"the daemon ended with {daemon.returncode}")
        for message in subscriber.messages(1.0):
            verdict = msgspec.json.decode(message.payload, type=Verdict)
            if verdict.seq >= (samples[-1].verdicts if samples else 0) + every:
                found = sample(daemon.pid, state, verdict)
                samples.append(found)
                rate = found.verdicts / (time.monotonic() - started_s)
                print(
                    f"{found.verdicts:>9} {found.memory_mb:>8.1f} {found.threads:>8} {found.files:>6}"
                    f" {found.state_mb:>9.2f} {rate:>7.1f}",
                    flush=True,
                )
                if found.verdicts >= verdicts:
                    return samples


def judged(samples: list[Sample]) -> int:
    """Print the growth and return 1 if there is any."""
    first, last = samples[max(0, len(samples) // 10)], samples[-1]
    growth_mb = last.memory_mb - first.memory_mb
    print(
        f"from verdict {first.verdicts} to {last.verdicts}: memory {growth_mb:+.1f} MB,"
        f" threads {last.threads - first.threads:+d}, files {last.files - first.files:+d},"
        f" state {last.state_mb - first.state_mb:+.2f} MB"
    )
    grew = (
        growth_mb > MAX_GROWTH_MB
        or last.threads - first.threads > MORE_HANDLES
        or last.files - first.files > MORE_HANDLES
    )
    return 1 if grew else 0


if __name__ == "__main__":
    sys.exit(main())
