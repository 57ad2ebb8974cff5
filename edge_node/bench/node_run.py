"""The daemon's own main loop on raw frames, for measuring it."""

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
from edge_node.config.delivery_sections import MqttConfig, SpoolConfig
from edge_node.config.sections import BundleConfig, Config, NodeConfig, ShadowConfig
from edge_node.daemon.main_loop import Node, Rooms
from edge_node.delivery.publisher import Publisher
from edge_node.evidence.picture_outbox import PictureOutbox
from edge_node.evidence.store import EvidenceStore
from edge_node.findings.log import FindingLog
from edge_node.messages.status import PartState
from edge_node.messages.topics import Topics
from edge_node.monitoring.systemd import Notifier
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
    """What one run gave.

    Attributes:
        verdicts: frames decided and handed to the spool, after the warm-up.
        wall_s: what that took.
        cpu_s: of the whole process: all threads.
        between_ms: from each verdict to the next.
        latency_ms: from each frame's capture until its verdict was handed to the spool.
        shadow_frames: judged by a bundle on trial too.
    """

    verdicts: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    between_ms: list[float] = field(default_factory=list)
    latency_ms: list[float] = field(default_factory=list)
    shadow_frames: int = 0


def run_node(  # noqa: PLR0913  # each is a knob of the measurement, by name
    engine: Engine,
    frames: list[NDArray[np.uint8]],
    folder: Path,
    *,
    seconds: float,
    fps: float | None,
    broker: tuple[str, int] | None,
    shadow: ShadowConfig | None = None,
) -> NodeRun:
    """Run the daemon's main loop for ``seconds`` and return what it did.

    Args:
        engine: the models.
        frames: shown in turn.
        folder: for the spool; made if it is not there.
        seconds: after the warm-up.
        fps: of the camera; None hands over a new frame whenever the last one was taken.
        broker: to publish to; None leaves verdicts in the spool.
        shadow: a bundle on trial beside; the run begins when it is loaded, or refused.
    """
    folder.mkdir(parents=True, exist_ok=True)
    meter = _Meter(seconds)
    with ExitStack() as closing:
        latest = LatestFrame()
        capture = RawFrames(frames, latest, fps)
        spool = Spool.open(folder / "spool.sqlite", SpoolConfig(max_mb=64))
        closing.callback(spool.close)
        config = msgspec.structs.replace(_config(folder, broker), shadow=shadow or ShadowConfig())
        evidence = EvidenceStore(folder / "evidence", config.evidence)
        findings = FindingLog(config.findings, folder, spool)
        findings.start()
        closing.callback(findings.close)
        topics = Topics(config.node.site, config.node.robot)
        wake = closing.enter_context(Wake())
        publisher = Publisher(config.mqtt, topics, spool, wake, outboxes=[PictureOutbox(evidence, topics)])
        if broker is not None:
            publisher.start()
            closing.callback(publisher.stop)
        trial = _started(Shadow(config, spool, evidence), closing) if shadow is not None else None
        node = Node(
            config,
            Rooms(capture, latest, engine, spool, publisher, evidence, findings=findings, shadow=trial),
            Notifier({}),
            on_decided=meter.on_decided,
        )
        capture.start()
        closing.callback(capture.stop)
        node.decide_frames(meter.full)
        if trial is not None:
            meter.result.shadow_frames = trial.health.counts.frames
    return meter.result


def _started(shadow: Shadow, closing: ExitStack) -> Shadow:
    shadow.start()
    closing.callback(shadow.stop)
    while shadow.health.part.state is PartState.STARTING:
        time.sleep(0.05)
    return shadow


class RawFrames:
    """A camera of raw frames that are there already: what capturing costs is not the node's."""

    def __init__(self, frames: list[NDArray[np.uint8]], latest: LatestFrame, fps: float | None) -> None:
        self.state = CameraState(CameraCondition.STREAMING, "bench", datetime.now(timezone.utc))
        self.frames_captured = 0
        self.beat_s = time.monotonic()
        self.is_held = False
        self._frames = frames
        self._latest = latest
        self._interval_s = 0.0 if fps is None else 1 / fps
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)

    def start(self) -> None:
        """Begin to hand frames over."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
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
    """Counts verdicts from the end of the warm-up, and says when it has enough."""

    def __init__(self, seconds: float) -> None:
        self.full = threading.Event()
        self.result = NodeRun()
        self._seconds = seconds
        self._first_s: float | None = None
        self._begin_s = self._last_s = 0.0
        self._cpu_s = 0.0

    def on_decided(self, frame: Frame, _inspection: Inspection, _verdict: Verdict) -> None:
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
