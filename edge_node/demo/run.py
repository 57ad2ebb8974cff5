"""Run ``edge-node demo``: the real daemon as a process, on a sample clip, against an embedded broker."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from edge_node.config.sections import example_config
from edge_node.demo.broker import embedded_broker
from edge_node.errors import CorrosionError
from edge_node.messages.plain_text import describe_verdict
from edge_node.messages.verdict import Outcome, Verdict
from edge_node.mqtt.subscriber import Subscriber

if TYPE_CHECKING:
    import argparse
    from collections.abc import Generator

CLIP = Path(__file__).parent / "inspection.mp4"
_WORDS = (
    "Each line is one verdict: what the models see, how sure they are, and its age when it arrives.\n"
    "To see places, defects and pictures on a page: edge-node control-room --demo"
)
_CLIP_WORDS = (
    f"{_WORDS}\nThe clip shows bare steel, rusty steel, aluminium and paint. At its end the lamp fails and"
    "\nthe picture is blurred: these frames are not inspectable."
)
_POLL_S = 0.5  # interval of checking whether the daemon still runs
_STOP_S = 5.0  # the daemon needs at most 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node demo``."""
    parser.add_argument("--keep", action="store_true", help="repeat the clip until Ctrl-C")
    parser.add_argument(
        "--camera", metavar="N", help="judge a real camera until Ctrl-C: N for /dev/videoN, or any source"
    )
    parser.add_argument("--bundle", default="default", help="bundle folder (default: the one in the package)")


def run(args: argparse.Namespace) -> int:
    """Print every verdict as it arrives at a subscriber, then a summary."""
    summary = _DemoSummary()
    with tempfile.TemporaryDirectory(prefix="edge-node-demo-") as name:
        folder = Path(name)
        with embedded_broker(folder) as port:
            subscriber = Subscriber("127.0.0.1", port, ("corrosion/v1/demo/crawler-1/verdict",))
            config = _write_config(folder, port, args)
            print(f"broker 127.0.0.1:{port}, camera {_source(args)}; press Ctrl-C to end", flush=True)
            print(_CLIP_WORDS if args.camera is None else _WORDS, flush=True)
            try:
                # Closed here, so that the daemon has ended before its folder goes.
                with closing(_run_daemon(subscriber, config)) as verdicts:
                    for verdict, latency_ms in verdicts:
                        summary.count(verdict, latency_ms)
                        print(f"{describe_verdict(verdict)}  {latency_ms:.0f} ms", flush=True)
            except KeyboardInterrupt:
                print()
            finally:
                subscriber.close()
    print(summary.text())
    return 0 if summary.verdicts else 1


class _DemoSummary:
    """Count verdicts and latencies for the summary."""

    def __init__(self) -> None:
        self.verdicts = 0
        self._dropped = 0
        self._outcomes = dict.fromkeys(Outcome, 0)
        self._latencies_ms: list[float] = []
        self._inference_ms: list[float] = []
        self._first_s = self._last_s = 0.0

    def count(self, verdict: Verdict, latency_ms: float) -> None:
        self._last_s = time.monotonic()
        if not self.verdicts:
            self._first_s = self._last_s
        self.verdicts += 1
        self._dropped += verdict.frames_dropped
        self._outcomes[verdict.outcome] += 1
        self._latencies_ms.append(latency_ms)
        self._inference_ms.append(verdict.inference_ms)

    def text(self) -> str:
        if not self.verdicts:
            return "no verdict arrived"
        span_s = self._last_s - self._first_s
        rate = f"{(self.verdicts - 1) / span_s:.1f}/s" if span_s > 0 else "one only"
        outcomes = ", ".join(f"{count} {outcome.value}" for outcome, count in self._outcomes.items() if count)
        return (
            f"{self.verdicts + self._dropped} frames, {self.verdicts} verdicts ({outcomes}), {rate};"
            f" capture to subscriber {np.quantile(self._latencies_ms, 0.5):.0f} ms median,"
            f" {np.quantile(self._latencies_ms, 0.99):.0f} ms p99;"
            f" inference {np.quantile(self._inference_ms, 0.5):.1f} ms median"
        )


def _run_daemon(subscriber: Subscriber, config: Path) -> Generator[tuple[Verdict, float], None, None]:
    """Run the daemon on ``config`` and yield its verdicts with their ages on arrival, until it ends."""
    # Its warnings go to the demo's own output: otherwise an absent camera would show nothing.
    daemon = subprocess.Popen(
        [sys.executable, "-m", "edge_node.cli", "run", "--config", str(config), "--log-level", "warning"]
    )
    try:
        ended = False
        while not ended:
            ended = daemon.poll() is not None  # polled first, so that its last messages are still read
            for message in subscriber.messages(timeout_s=_POLL_S):
                verdict = msgspec.json.decode(message.payload, type=Verdict)
                yield verdict, (message.arrived_at - verdict.observed_at.timestamp()) * 1e3
    finally:
        _stop(daemon)
    if daemon.returncode != 0:
        raise CorrosionError(f"the daemon ended with code {daemon.returncode}; it said why above")


def _stop(daemon: subprocess.Popen[bytes]) -> None:
    daemon.terminate()
    try:
        daemon.wait(timeout=_STOP_S)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def _source(args: argparse.Namespace) -> str:
    if args.camera is None:
        return str(CLIP)
    return f"/dev/video{args.camera}" if args.camera.isdigit() else str(args.camera)


def _write_config(folder: Path, port: int, args: argparse.Namespace) -> Path:
    text = example_config(
        node={"site": "demo", "robot": "crawler-1", "asset": "rendered plates", "state_dir": str(folder)},
        camera={"source": _source(args), "loop": bool(args.keep)},
        bundle={"path": args.bundle},
        mqtt={"hostname": "127.0.0.1", "port": port},
    )
    path = folder / "demo.toml"
    path.write_text(text, encoding="utf-8")
    return path
