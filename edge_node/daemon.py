"""The daemon: wires all rooms, walks frames through them, closes in reverse.

Threads: capture -> one-slot latest -> inspect and infer (here, the main thread) -> spool -> publisher.
Every wait has a timeout; one event stops it all.
"""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from edge_node.bundle import bundle_path, load_bundle
from edge_node.camera import CaptureThread
from edge_node.engine import Engine
from edge_node.errors import BundleError, CameraError, ConfigError
from edge_node.health import Vitals, Watchdog
from edge_node.inspectability import thresholds_of
from edge_node.inspector import Inspector
from edge_node.latest import LatestFrame
from edge_node.probe import run_probe
from edge_node.publisher import Publisher
from edge_node.record import Recorder
from edge_node.spool import Keep, Kind, Spool
from edge_node.status import StatusBoard
from edge_node.supervision import Notifier
from edge_node.topics import Topics
from edge_node.verdict import Outcome, encode

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from edge_node.config import Config
    from edge_node.frame import Frame
    from edge_node.messages import Status

_T = TypeVar("_T")

_log = logging.getLogger("edge_node")

TICK_S = 0.5  # how soon a stop, a state or a watchdog interval is noticed without frames
HEALTH_INTERVAL_S = 10.0
DRAIN_S = 30.0  # a recording is over: wait so long for its verdicts to be delivered; they are on disk anyway

_KEEP = {Outcome.CORRODED: Keep.HIGH, Outcome.UNCORRODED: Keep.LOW}


def run_daemon(config: Config, stop: threading.Event) -> int:
    """Decide frames until ``stop`` is set or the recording ends; return the exit code.

    Raises:
        ConfigError: the bundle or the camera source can never work.
        SpoolError: the spool cannot be opened.
    """
    notifier = Notifier()
    with ExitStack() as closing:
        latest = LatestFrame()
        capture = _config_errors("[camera] source", lambda: CaptureThread(config.camera, latest))
        engine = _load_engine(config)
        spool = Spool.open(_state_dir(config) / "spool.sqlite", config.spool)
        closing.callback(spool.close)
        publisher = Publisher(config.mqtt, Topics(config.node.site, config.node.robot), spool)
        publisher.start()
        closing.callback(publisher.stop)
        closing.callback(capture.stop)
        _config_errors("[camera] source", capture.start)
        closing.callback(notifier.stopping)
        _Node(config, _Rooms(capture, latest, engine, spool, publisher), notifier).decide_frames(stop)
        spool.flush(timeout_s=2.0)
        _deliver_the_rest(spool, publisher, stop)
    return 0


def _deliver_the_rest(spool: Spool, publisher: Publisher, stop: threading.Event) -> None:
    """After a recording: wait until the broker has its verdicts, for a while, unless asked to stop."""
    deadline_s = time.monotonic() + DRAIN_S
    while not stop.is_set() and not publisher.drain(timeout_s=TICK_S):
        if time.monotonic() > deadline_s:
            _log.warning("%d messages stay in the spool until the broker is there", spool.depth().waiting)
            return


def _config_errors(key: str, action: Callable[[], _T]) -> _T:
    """Turn what can never work into a configuration error: starting again will not mend it."""
    try:
        return action()
    except (CameraError, BundleError) as err:
        raise ConfigError(f"{key}: {err}") from err


def _state_dir(config: Config) -> Path:
    path = Path(config.node.state_dir)
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as err:
        raise ConfigError(f"[node] state_dir = {str(path)!r}: {err.strerror or err}") from err
    return path


def _load_engine(config: Config) -> Engine:
    def load() -> Engine:
        engine = Engine(load_bundle(bundle_path(config.bundle.path)), threads=config.bundle.threads)
        run_probe(engine)
        return engine

    return _config_errors("[bundle] path", load)


@dataclass(frozen=True, slots=True)
class _Rooms:
    """What a frame walks through, in that order."""

    capture: CaptureThread
    latest: LatestFrame
    engine: Engine
    spool: Spool
    publisher: Publisher


class _Node:
    """The main thread's work: one frame after the other, and a look around in between."""

    def __init__(self, config: Config, rooms: _Rooms, notifier: Notifier) -> None:
        self._rooms = rooms
        self._watchdog = Watchdog(notifier)
        self._inspector = Inspector(
            rooms.engine, material=config.inspect.material, thresholds=thresholds_of(config.inspect)
        )
        self._recorder = Recorder(config, rooms.engine.bundle, rooms.spool.epoch)
        self._board = StatusBoard(config, rooms.engine.bundle, rooms.spool)
        self._said: Status | None = None
        self._next_look_s = self._next_health_s = 0.0

    def decide_frames(self, stop: threading.Event) -> None:
        """Decide the newest frame again and again, until asked to stop or no further frame will come."""
        while not stop.is_set():
            frame, dropped = self._rooms.latest.take(TICK_S)
            if frame is not None:
                self._decide(frame, dropped)
            elif self._rooms.latest.closed:
                break
            self._look_around()
        self._rooms.publisher.publish_health(encode(self._board.health()))

    def _decide(self, frame: Frame, dropped: int) -> None:
        inspection = self._inspector.inspect(frame.pixels, frozen=frame.frozen)

        def record(seq: int) -> bytes:
            return encode(
                self._recorder.verdict(
                    inspection.decision, frame, seq=seq, dropped=dropped, inference_ms=inspection.inference_ms
                )
            )

        keep = _KEEP.get(inspection.decision.outcome, Keep.NORMAL)
        self._rooms.spool.append(Kind.VERDICT, record, keep=keep)
        self._board.count(frame, dropped, inspection.inference_ms)

    def _look_around(self) -> None:
        now_s = time.monotonic()
        if now_s < self._next_look_s:
            return
        self._next_look_s = now_s + TICK_S
        self._watchdog.look(self._vitals())
        status = self._board.status(self._rooms.capture.state)
        if status != self._said:
            self._rooms.publisher.set_status(status)
            self._said = status
        if now_s >= self._next_health_s:
            self._next_health_s = now_s + HEALTH_INTERVAL_S
            self._rooms.publisher.publish_health(encode(self._board.health()))

    def _vitals(self) -> Vitals:
        capture, publisher = self._rooms.capture, self._rooms.publisher
        camera = capture.state.condition
        return Vitals(
            camera=camera,
            frames=capture.frames_captured,
            verdicts=self._board.verdicts,
            capture_beat_s=capture.beat_s,
            summary=f"camera {camera.value}, link {publisher.link.value}, bundle {self._board.bundle}",
        )
