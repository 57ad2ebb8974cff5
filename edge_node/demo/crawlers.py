"""Run the robots of the control room's demonstration: real daemons, on simulated cameras and odometers.

Each crawls along its pipe to the end and back, again and again. Its pictures come from an HTTP camera and its
poses by UDP, as from a robot; both are made from one distance, so that a place always looks the same.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from edge_node.config.sections import example_config
from edge_node.demo.frame_server import CameraSlot, serve_cameras
from edge_node.demo.pipe import GRID_M, PIPE_L7, PIPE_L9, PX_PER_M, Pipe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SITE = "demo"
TURN_S = 4.0  # a crawler stands so long before it goes back
_STOP_S = 5.0  # a daemon stops within 3
_SIGMA_M = 0.02  # of the odometer
_JPEG_QUALITY = 88
_POSES = 4  # sent while a crawler is at one place
_PATIENCE = 12  # parts of a step that it waits for a robot that takes no picture, such as a paused one
_FPS = 30.0  # the robot asks for the next picture at once


class Place(NamedTuple):
    """Where a crawler is, on which of its passes (from 0), and whether it stands to turn round."""

    distance_m: float
    pass_number: int
    stands: bool


@dataclass(frozen=True, slots=True)
class Crawler:
    """A simulated robot that crawls to the end of its pipe and back."""

    robot: str
    pipe: Pipe
    speed_m_per_s: float
    starts_after_s: float = 0.0  # so that not all daemons load their models at once

    @property
    def pass_s(self) -> float:
        """Time of one way along the pipe, without the turn."""
        return self.pipe.length_m / self.speed_m_per_s

    def place(self, elapsed_s: float) -> Place:
        """Return where it is after ``elapsed_s``."""
        number, into_s = divmod(elapsed_s, self.pass_s + TURN_S)
        steps = round(min(into_s * self.speed_m_per_s, self.pipe.length_m) / GRID_M)
        far_m = round(steps * GRID_M, 3)
        distance_m = far_m if number % 2 == 0 else round(self.pipe.length_m - far_m, 3)
        return Place(distance_m, int(number), into_s > self.pass_s)


CRAWLERS = (
    Crawler("crawler-1", PIPE_L7, speed_m_per_s=0.25),
    Crawler("crawler-2", PIPE_L9, speed_m_per_s=0.2, starts_after_s=2.0),
)


@contextlib.contextmanager
def run_crawlers(
    folder: Path, broker_port: int, fleet: tuple[Crawler, ...] = CRAWLERS, *, speed: float = 1.0
) -> Iterator[None]:
    """Run one daemon, camera and odometer per robot while the context is open.

    Args:
        folder: for the robots' configurations and state.
        broker_port: on the loopback address.
        fleet: the robots.
        speed: how much faster than in truth all of them crawl.
    """
    stop = threading.Event()
    slots = {crawler.robot: CameraSlot() for crawler in fleet}
    daemons: list[subprocess.Popen[bytes]] = []
    threads = []
    with serve_cameras(slots) as cameras:
        try:
            for crawler in fleet:
                port = _free_port(socket.SOCK_DGRAM)
                config = _write_config(folder, crawler, broker_port, port, cameras.address(crawler.robot))
                drive = (crawler, slots[crawler.robot], port, speed, stop)
                threads.append(threading.Thread(target=_drive, args=drive, name=crawler.robot))
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
        command = (sys.executable, "-m", "edge_node.cli", "run", "--config", str(config))
        daemons.append(subprocess.Popen([*command, "--log-level", "error"]))


def _drive(crawler: Crawler, slot: CameraSlot, port: int, speed: float, stop: threading.Event) -> None:
    """Crawl once the robot's camera is opened: send a pose and a picture at each place."""
    while not slot.viewed.wait(0.1):
        if stop.is_set():
            return
    elapsed_s, flicker = 0.0, False
    step_s = GRID_M / crawler.speed_m_per_s
    part_s = step_s / speed / _POSES
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        while not stop.is_set():
            place = crawler.place(elapsed_s)
            elapsed_s += step_s  # not this machine's clock: a robot that is slow is waited for
            pose = json.dumps({"distance_m": place.distance_m}).encode()
            flicker = place.stands and not flicker
            for number in range(_POSES):
                with contextlib.suppress(OSError):  # the daemon has stopped
                    line.sendto(pose, ("127.0.0.1", port))
                if number == _POSES // 2:  # with the same pose before and after it, however late either comes
                    slot.put(_photograph(crawler, place, flicker=flicker))
                    slot.taken.wait(_PATIENCE * part_s)
                stop.wait(part_s)


def _photograph(crawler: Crawler, place: Place, *, flicker: bool) -> bytes:
    """Return the camera's picture as JPEG; a lamp flickers, and what never changes is a frozen camera."""
    picture = crawler.pipe.picture(place.distance_m, place.pass_number)
    if flicker:
        picture = cv2.add(picture, np.ones_like(picture)).astype(np.uint8)
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()


def _wait_or_kill(daemon: subprocess.Popen[bytes]) -> None:
    try:
        daemon.wait(timeout=_STOP_S)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def _write_config(folder: Path, crawler: Crawler, broker_port: int, pose_port: int, camera: str) -> Path:
    text = example_config(
        node={
            "site": SITE,
            "robot": crawler.robot,
            "asset": crawler.pipe.asset,
            "state_dir": str(folder / crawler.robot),
        },
        camera={"source": camera, "fps": _FPS, "mm_per_px": 1000 / PX_PER_M},
        bundle={"path": "default"},
        findings={"update_s": 1.0},
        pose={"udp_port": pose_port, "sigma_m": _SIGMA_M},
        http={"enabled": True, "port": _free_port(socket.SOCK_STREAM)},
        mqtt={"hostname": "127.0.0.1", "port": broker_port},
    )
    path = folder / f"{crawler.robot}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
