"""Count decided frames and build the node's status and health messages."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from edge_node import __version__
from edge_node.camera.capture.capture_thread import CameraCondition
from edge_node.clock import boot_id
from edge_node.clock_floor import ClockFloor, ClockReading, from_unix
from edge_node.inspection.surface_scale import configured_scale
from edge_node.messages.status import CameraControl, ControlMode, Health, Part, PartState, Status
from edge_node.messages.verdict import Outcome
from edge_node.monitoring.machine import memory_mb, temperature_c
from edge_node.monitoring.scale_watch import ScaleWatch

if TYPE_CHECKING:
    from edge_node.camera.capture.capture_thread import CameraState
    from edge_node.camera.frame import Frame
    from edge_node.config.sections import Config
    from edge_node.inference.bundle import Bundle
    from edge_node.inspection.change_gate import Stillness
    from edge_node.inspection.inspector import Inspection
    from edge_node.messages.verdict import Verdict
    from edge_node.spool.spool import Spool

_STEP = timedelta(seconds=5)
THERMAL_ZONES = Path("/sys/class/thermal")
_CAMERA = {
    CameraCondition.STARTING: PartState.STARTING,
    CameraCondition.STREAMING: PartState.OK,
    CameraCondition.SILENT: PartState.FAILING,
    CameraCondition.FROZEN: PartState.FAILING,
    CameraCondition.MISFIT: PartState.FAILING,
    CameraCondition.ABSENT: PartState.ABSENT,
    CameraCondition.ENDED: PartState.ABSENT,
}
_CLOCK = {"synchronized": PartState.OK, "not_synchronized": PartState.FAILING, "unknown": PartState.UNKNOWN}


class StatusBoard:
    """Count verdicts and build the messages; listens to verdicts and reloads, in the main thread alone.

    Attributes:
        bundle: name and version of the bundle in use.
    """

    def __init__(self, config: Config, bundle: Bundle, spool: Spool, floor: ClockFloor | None = None) -> None:
        """Begin to count; ``floor`` is the node's floor of time, else one that ends with this process."""
        self._node = config.node
        self._floor = floor or ClockFloor(None)
        self._clock = self._floor.read()
        self.bundle, self._model_text = _label(bundle), _describe_proofs(bundle)
        self._spool = spool
        self._scale = ScaleWatch(configured_scale(config.camera))
        self._since = datetime.now(timezone.utc)
        self._started_s = time.monotonic()
        self._frames = self._dropped = self._verdicts = 0
        self._last_frame_age_ms: float | None = None
        self._last_inference_ms: float | None = None
        self._counted = (self._started_s, 0, 0)
        self._unchanged_since: datetime | None = None

    def on_reload(self, bundle: Bundle | None, /) -> None:
        """Name another bundle from now on, unless it was refused."""
        if bundle is not None:
            self.bundle, self._model_text = _label(bundle), _describe_proofs(bundle)

    @property
    def verdicts(self) -> int:
        """Frames that were inspected."""
        return self._verdicts

    def on_verdict(self, frame: Frame, inspection: Inspection, verdict: Verdict, /) -> None:
        """Count an inspected frame, and those that were dropped before it."""
        self._frames += 1 + verdict.frames_dropped
        self._dropped += verdict.frames_dropped
        self._verdicts += 1
        self._last_frame_age_ms = round(frame.age_ms, 3)
        if verdict.outcome is not Outcome.NOT_INSPECTABLE:  # then no model ran
            self._last_inference_ms = round(inspection.inference_ms, 3)
        height, width = frame.pixels.shape[:2]
        self._scale.see(verdict, (width, height))

    def status(self, camera: CameraState, stillness: Stillness | None = None) -> Status:
        """Return the status message; the publisher fills in link and spool.

        Args:
            camera: its condition.
            stillness: since when its frames have shown nothing new; None if they do.
        """
        clock = self._clock = _hold(self._clock, self._floor.read())
        self._since = _date_start(self._since, time.monotonic() - self._started_s)
        unchanged_since, text = self._describe_stillness(camera, stillness)
        state = PartState.FAILING if clock.below_s or clock.is_ahead else _CLOCK[clock.quality]
        return Status(
            site=self._node.site,
            robot=self._node.robot,
            since=self._since,
            epoch=self._spool.epoch,
            boot_id=boot_id(),
            version=__version__,
            bundle=self.bundle,
            camera=camera_part(replace(camera, text=text)),
            camera_controls=_camera_controls(camera),
            unchanged_since=unchanged_since,
            model=Part(state=PartState.OK, text=self._model_text),
            clock=Part(state=state, text=clock.text),
            scale=self._scale.part,
        )

    def _describe_stillness(
        self, camera: CameraState, stillness: Stillness | None
    ) -> tuple[datetime | None, str]:
        """Return since when the frames have shown nothing new, and what is to be said of the camera."""
        if stillness is None or camera.condition is not CameraCondition.STREAMING:
            self._unchanged_since = None
            return None, camera.text
        since = self._unchanged_since = _date_start(self._unchanged_since or stillness.since, stillness.for_s)
        often = f"judged every {stillness.heartbeat_s:g} s"
        return since, f"{camera.text}; nothing new in them since {since:%H:%M:%S} UTC, {often}"

    def health(self, unchanged: int = 0) -> Health:
        """Return the health message, with rates since the last call.

        Args:
            unchanged: frames since the start that showed nothing new and were not judged.
        """
        now_s = time.monotonic()
        then_s, frames, verdicts = self._counted
        seen = self._frames + unchanged
        self._counted = (now_s, seen, self._verdicts)
        span_s = max(now_s - then_s, 1e-3)
        return Health(
            site=self._node.site,
            robot=self._node.robot,
            at=datetime.now(timezone.utc),
            uptime_s=round(now_s - self._started_s, 1),
            frames_per_s=round((seen - frames) / span_s, 2),
            verdicts_per_s=round((self._verdicts - verdicts) / span_s, 2),
            frame_age_ms=self._last_frame_age_ms,
            inference_ms=self._last_inference_ms,
            frames=seen,
            frames_dropped=self._dropped,
            frames_unchanged=unchanged,
            verdicts=self._verdicts,
            spool=self._spool.depth(),
            temperature_c=temperature_c(THERMAL_ZONES),
            memory_mb=memory_mb(),
            clock_floor=from_unix(round(self._floor.read().floor_s)),
            alarms=self._spool.alarms,
        )


def camera_part(camera: CameraState) -> Part:
    """Return the camera's state with what is wrong with its controls."""
    state, text, controls = _CAMERA[camera.condition], camera.text, camera.controls
    if controls is None or camera.condition is CameraCondition.ENDED:
        return Part(state=state, text=text)
    problems = controls.problems
    if problems and state is PartState.OK:
        state = PartState.FAILING
    return Part(state=state, text="; ".join(filter(None, [text, problems, *controls.notes])))


def _camera_controls(camera: CameraState) -> tuple[CameraControl, ...]:
    return tuple(
        CameraControl(
            key=one.key,
            mode=ControlMode(one.mode.value),
            values=one.values,
            unit=one.unit,
            text=one.fault,
        )
        for one in (camera.controls.controls if camera.controls is not None else ())
    )


def _hold(old: ClockReading, new: ClockReading) -> ClockReading:
    """Return ``old`` while ``new`` differs by nothing but the time that passed: its text stays the same."""
    moved_s = (new.wall_s - new.floor_s) - (old.wall_s - old.floor_s)
    alike = (old.quality, old.is_ahead, old.leap_s > 0) == (new.quality, new.is_ahead, new.leap_s > 0)
    return old if alike and abs(moved_s) < _STEP.total_seconds() else new


def _date_start(since: datetime, running_s: float) -> datetime:
    """Return when the node started: ``since``, unless the clock was set in the ``running_s`` from then on."""
    by_clock = datetime.now(timezone.utc) - timedelta(seconds=running_s)
    return by_clock if abs(by_clock - since) > _STEP else since


def _describe_proofs(bundle: Bundle) -> str:
    why_not = bundle.manifest.why_not_proved
    return f"the golden probe holds; {why_not}" if why_not else "the golden probe holds"


def _label(bundle: Bundle) -> str:
    return f"{bundle.manifest.name}-{bundle.manifest.version}"
