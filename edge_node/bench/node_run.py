"""Run the daemon's own main loop on raw frames, to measure it."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import msgspec

from edge_node.camera.capture.capture_thread import CameraCondition, CameraState
from edge_node.camera.frame import frame_now
from edge_node.camera.latest import LatestFrame
from edge_node.commands.pause import PauseSwitch
from edge_node.config.delivery_sections import MqttConfig, SpoolConfig
from edge_node.config.sections import BundleConfig, Config, NodeConfig, ShadowConfig
from edge_node.daemon.bundle_in_use import BundleInUse
from edge_node.daemon.inference_thread import InferenceThread
from edge_node.daemon.main_loop import MainLoop
from edge_node.daemon.status_reporter import Sources, StatusReporter
from edge_node.daemon.verdict_writer import VerdictWriter
from edge_node.delivery.publisher import Publisher
from edge_node.evidence.picture_outbox import PictureOutbox
from edge_node.evidence.store import EvidenceStore
from edge_node.evidence.thread import EvidenceThread
from edge_node.findings.log import FindingLog
from edge_node.inference.reloader import Reloader
from edge_node.inspection.pose_track import pose_track
from edge_node.messages.status import PartState
from edge_node.messages.topics import Topics
from edge_node.monitoring.status_board import StatusBoard
from edge_node.monitoring.systemd import Notifier
from edge_node.monitoring.watchdog import Watchdog
from edge_node.mqtt.wake import Wake
from edge_node.shadow.runner import Shadow
from edge_node.spool.spool import Spool

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from edge_node.camera.frame import Frame
    from edge_node.inference.engine import Engine
    from edge_node.inspection.inspector import Inspection
    from edge_node.messages.verdict import Verdict

WARM_UP_S = 0.2  # until the threads run, the spool's file is made and the caches are warm


@dataclass(slots=True)
class NodeRun:
    """The figures of one run.

    Attributes:
        verdicts: frames inspected and handed to the spool, after the warm-up.
        wall_s: the time that took.
        cpu_s: of the whole process: all threads.
        between_ms: from each verdict to the next.
        latency_ms: from each frame's capture until its verdict was handed to the spool.
        shadow_frames: inspected by a shadow too.
    """

    verdicts: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    between_ms: list[float] = field(default_factory=list)
    latency_ms: list[float] = field(default_factory=list)
    shadow_frames: int = 0


def run_node(  # noqa: PLR0913  # each is a setting of the measurement, by name
    engine: Engine,
    frames: list[NDArray[np.uint8]],
    folder: Path,
    *,
    seconds: float,
    fps: float | None,
    broker: tuple[str, int] | None,
    shadow: ShadowConfig | None = None,
) -> NodeRun:
    """Run the daemon's main loop for ``seconds`` and return its figures.

    Args:
        engine: the models.
        frames: shown in turn.
        folder: for the spool; made if it is not there.
        seconds: after the warm-up.
        fps: of the camera; None hands over a new frame whenever the last one was taken.
        broker: to publish to; None leaves verdicts in the spool.
        shadow: a second bundle beside; the run begins when it is loaded, or refused.
    """
    folder.mkdir(parents=True, exist_ok=True)
    meter = _Meter(seconds)
    with ExitStack() as stack:
        latest = LatestFrame()
        capture = RawFrames(frames, latest, fps)
        config = msgspec.structs.replace(_config(folder, broker), shadow=shadow or ShadowConfig())
        spool = stack.enter_context(Spool.open(folder / "spool.sqlite", SpoolConfig(max_mb=64)))
        evidence = EvidenceStore(folder / "evidence", config.evidence)
        findings = stack.enter_context(FindingLog(config.findings, folder, spool))
        topics = Topics(config.node.site, config.node.robot)
        wake, pictures = stack.enter_context(Wake()), PictureOutbox(evidence, topics)
        publisher = Publisher(config.mqtt, topics, spool, wake, outboxes=[pictures])
        if broker is not None:
            stack.enter_context(publisher)
        trial = stack.enter_context(Shadow(config, spool, evidence)) if shadow is not None else None
        if trial is not None:
            _wait_until_loaded(trial)
        parts = _Parts(config, engine, latest, capture, spool, evidence, publisher, trial)
        loop = _main_loop(parts, findings, meter)
        stack.enter_context(capture)
        loop.run(meter.full)
        if trial is not None:
            meter.result.shadow_frames = trial.health.counts.frames
    return meter.result


@dataclass(frozen=True, slots=True)
class _Parts:
    """The parts of a daemon that a measurement runs."""

    config: Config
    engine: Engine
    latest: LatestFrame
    capture: RawFrames
    spool: Spool
    evidence: EvidenceStore
    publisher: Publisher
    shadow: Shadow | None


def _main_loop(parts: _Parts, findings: FindingLog, meter: _Meter) -> MainLoop:
    """Return the daemon's main loop, with its periodic work, on these parts."""
    notifier, has_work, pause, shadow = Notifier({}), threading.Event(), PauseSwitch(), parts.shadow
    inference = InferenceThread(parts.latest, has_work.set, shadow.give_way if shadow is not None else None)
    board = StatusBoard(parts.config, parts.engine.bundle, parts.spool)
    bundle = BundleInUse(
        parts.config,
        parts.engine,
        parts.spool.epoch,
        reloader=Reloader(lambda: parts.engine),
        notifier=notifier,
        listeners=[board],
    )
    sources = Sources(parts.capture, inference, parts.spool, bundle, pause)
    pose = pose_track(parts.config.pose)
    return MainLoop(
        inference,
        bundle,
        VerdictWriter(parts.spool, parts.evidence, EvidenceThread(has_work.set), pose),
        has_work=has_work,
        pause=pause,
        listeners=[findings, board, meter, *([shadow] if shadow is not None else [])],
        periodics=[bundle, StatusReporter(sources, board, Watchdog(notifier), parts.publisher)],
    )


def _wait_until_loaded(shadow: Shadow) -> None:
    while shadow.health.part.state is PartState.STARTING:
        time.sleep(0.05)


class RawFrames:
    """A camera whose frames are in memory already: capturing costs nothing here."""

    def __init__(self, frames: list[NDArray[np.uint8]], latest: LatestFrame, fps: float | None) -> None:
        self.state = CameraState(CameraCondition.STREAMING, "bench", datetime.now(timezone.utc))
        self.frames_captured = 0
        self.beat_s = time.monotonic()
        self._frames = frames
        self._latest = latest
        self._interval_s = 0.0 if fps is None else 1 / fps
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)

    def __enter__(self) -> RawFrames:  # noqa: PYI034  Self needs Python 3.11
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stop.set()
        self._thread.join(2.0)

    def _run(self) -> None:
        due_s = time.monotonic()
        while not self._stop.is_set():
            self.beat_s = time.monotonic()
            pixels = self._frames[self.frames_captured % len(self._frames)]
            frame = frame_now(pixels, self.frames_captured, "bench")
            if not self._interval_s:
                if self._latest.put_when_empty(frame, 0.2):
                    self.frames_captured += 1
                continue
            self._latest.put(frame)
            self.frames_captured += 1
            due_s = max(due_s + self._interval_s, time.monotonic())
            self._stop.wait(due_s - time.monotonic())


class _Meter:
    """Count verdicts from the end of the warm-up; ``full`` is set when it has enough."""

    def __init__(self, seconds: float) -> None:
        self.full = threading.Event()
        self.result = NodeRun()
        self._seconds = seconds
        self._first_s: float | None = None
        self._begin_s = self._last_s = 0.0
        self._cpu_s = 0.0

    def on_verdict(self, frame: Frame, _inspection: Inspection, _verdict: Verdict, /) -> None:
        """Note when a frame was inspected."""
        now_s = time.perf_counter()
        if self._first_s is None:
            self._first_s = now_s
        if now_s - self._first_s < WARM_UP_S:
            return
        if not self._begin_s:
            self._begin_s, self._cpu_s = now_s, time.process_time()
        else:
            self.result.verdicts += 1
            self.result.between_ms.append((now_s - self._last_s) * 1000)
            self.result.latency_ms.append(frame.age_ms)
            self.result.wall_s = now_s - self._begin_s
            self.result.cpu_s = time.process_time() - self._cpu_s
        self._last_s = now_s
        # At least one interval is measured, however slow the model.
        if self.result.verdicts and now_s - self._begin_s >= self._seconds:
            self.full.set()


def _config(folder: Path, broker: tuple[str, int] | None) -> Config:
    host, port = broker or ("127.0.0.1", 1883)
    return Config(
        node=NodeConfig(site="bench", robot="bench", state_dir=str(folder)),
        bundle=BundleConfig(path="default"),
        mqtt=MqttConfig(hostname=host, port=port),
    )
