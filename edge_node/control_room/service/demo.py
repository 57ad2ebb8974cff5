"""Run ``edge-node control-room --demo``: a broker, two robot daemons on a sample clip, and the page.

The robots crawl along two pipes; their poses arrive by UDP, as an odometer would send them.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_node.config.sections import example_config
from edge_node.control_room.service.server import serve
from edge_node.control_room.settings import build_settings
from edge_node.demo.broker import embedded_broker
from edge_node.demo.run import CLIP

if TYPE_CHECKING:
    from collections.abc import Iterator

_STOP_S = 5.0  # a daemon stops within 3
_POSE_S = 0.05
_DEFAULT_PORT = 8430


@dataclass(frozen=True, slots=True)
class Crawler:
    """A simulated robot that crawls to the end of its pipe and back."""

    robot: str
    asset: str
    length_m: float
    speed_m_per_s: float
    starts_after_s: float  # offset, so that the two robots do not show the same frame at the same time

    def distance_m(self, elapsed_s: float) -> float:
        """Return the distance along the pipe after ``elapsed_s``."""
        crawled_m = max(0.0, elapsed_s - self.starts_after_s) * self.speed_m_per_s
        there_and_back_m = crawled_m % (2 * self.length_m)
        return min(there_and_back_m, 2 * self.length_m - there_and_back_m)


CRAWLERS = (
    Crawler("crawler-1", "pipe L-7", length_m=60.0, speed_m_per_s=0.25, starts_after_s=0.0),
    Crawler("crawler-2", "pipe L-9", length_m=40.0, speed_m_per_s=0.18, starts_after_s=11.0),
)


def run_demo(host: str | None = None, port: int | None = None, token_file: str | None = None) -> int:
    """Run until Ctrl-C; all data is in a temporary folder that is deleted at the end."""
    web: dict[str, Any] = {"host": host or "127.0.0.1", "port": port or _free_or_default_port()}
    if token_file:
        web["token_file"] = token_file
    with tempfile.TemporaryDirectory(prefix="control-room-demo-") as name:
        folder = Path(name)
        with embedded_broker(folder) as broker_port:
            settings = build_settings(
                mqtt={"hostname": "127.0.0.1", "port": broker_port},
                room={"state_dir": str(folder / "room"), "title": "Demo: two crawlers"},
                web=web,
            )
            with run_crawlers(folder, broker_port):
                serve(settings, _print_url)
    return 0


@contextlib.contextmanager
def run_crawlers(folder: Path, broker_port: int, fleet: tuple[Crawler, ...] = CRAWLERS) -> Iterator[None]:
    """Run one daemon and one simulated odometer per robot while the context is open."""
    stop = threading.Event()
    daemons: list[subprocess.Popen[bytes]] = []
    threads = []
    try:
        for crawler in fleet:
            pose_port = _free_udp_port()
            config = _write_config(folder, crawler, broker_port, pose_port)
            threads.append(
                threading.Thread(target=_send_poses, args=(crawler, pose_port, stop), name=crawler.robot)
            )
            threads.append(threading.Thread(target=_start_daemon, args=(crawler, config, daemons, stop)))
        for thread in threads:
            thread.start()
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        for daemon in daemons:
            daemon.terminate()
        for daemon in daemons:
            _wait_or_kill(daemon)


def _start_daemon(
    crawler: Crawler, config: Path, daemons: list[subprocess.Popen[bytes]], stop: threading.Event
) -> None:
    if not stop.wait(crawler.starts_after_s):
        daemons.append(
            subprocess.Popen(
                [
                    *(sys.executable, "-m", "edge_node.cli", "run"),
                    *("--config", str(config), "--log-level", "error"),
                ]
            )
        )


def _send_poses(crawler: Crawler, port: int, stop: threading.Event) -> None:
    """Send the crawler's pose by UDP twenty times a second."""
    began_s = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        while not stop.wait(_POSE_S):
            distance_m = round(crawler.distance_m(time.monotonic() - began_s), 3)
            with contextlib.suppress(OSError):  # the daemon is not listening yet, or has stopped
                line.sendto(json.dumps({"distance_m": distance_m}).encode(), ("127.0.0.1", port))


def _wait_or_kill(daemon: subprocess.Popen[bytes]) -> None:
    try:
        daemon.wait(timeout=_STOP_S)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def _write_config(folder: Path, crawler: Crawler, broker_port: int, pose_port: int) -> Path:
    state_dir = folder / crawler.robot
    text = example_config(
        node={"site": "demo", "robot": crawler.robot, "asset": crawler.asset, "state_dir": str(state_dir)},
        camera={"source": str(CLIP), "loop": True},
        bundle={"path": "default"},
        findings={"update_s": 1.0},
        pose={"udp_port": pose_port},
        http={"enabled": True, "port": _free_port()},
        mqtt={"hostname": "127.0.0.1", "port": broker_port},
    )
    path = folder / f"{crawler.robot}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _print_url(url: str) -> None:
    print(f"\n  control room: {url}\n\n  Two robots crawl along two pipes. Ctrl-C ends it.\n", flush=True)


def _free_or_default_port() -> int:
    """Return the default port, or another if it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", _DEFAULT_PORT))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
