"""Decide in the capture thread which frames are judged: all, or those that show something new.

A frame is compared with the last frame that was *judged*, never with the one before it: what creeps adds up.
With ``[inspect] when = "changed"`` a frame is judged

- if the robot has moved by ``change_m`` (or twice its ``sigma_m``) since then,
- if the picture differs. While the pose tells that the robot moves by less, at most once in
  ``MOVING_WAIT_S``: the movement explains the difference, but something else may have happened too. A pose
  that stands still explains nothing: an odometer that has stopped counting makes no robot blind,
- if the camera has frozen, or is no more frozen,
- once more ``SECOND_LOOK_S`` after a change of which no decision came: a robot that has just stopped was
  blurred, a lens that was uncovered is still adjusting,
- if ``heartbeat_s`` have passed, or somebody requests a frame: a snapshot, a bundle on trial, a finding that
  is about to open or to close,
- after a pause, a reload and each opening of the camera.

Any other frame is counted as unchanged and goes no further: it wakes no other thread.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from msgspec.structs import replace

from edge_node.inspection.picture_change import PictureComparison, find_region
from edge_node.inspection.pose_track import moved_m
from edge_node.messages.verdict import Outcome
from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from edge_node.camera.frame import Frame
    from edge_node.config.sections import InspectConfig
    from edge_node.inspection.inspector import Inspection
    from edge_node.inspection.picture_change import Region, Signature
    from edge_node.inspection.pose_track import PoseTrack
    from edge_node.messages.verdict import Pose, Verdict
    from edge_node.view.view import View

MOVING_WAIT_S = 0.2  # so that what happens while the robot moves is judged within 300 ms
SECOND_LOOK_S = 0.5
STILL_AFTER_S = 2.0  # without anything new, before it is told
_UNDECIDED = (Outcome.UNCERTAIN, Outcome.NOT_INSPECTABLE)
_FOOTPRINT_PX = 4
_DUE_AGAIN_S = 1.0  # should no verdict come of it: so the watchdog sees models that hang
_VERDICT_WAIT_S = 5.0  # a frame that no bundle can judge gets none


class Stillness(PlainStruct, frozen=True):
    """Since when there has been nothing new in the picture.

    Attributes:
        since: by the wall clock then.
        for_s: until now.
        heartbeat_s: it is judged again so often.
    """

    since: datetime
    for_s: float
    heartbeat_s: float


class _Judged(PlainStruct, frozen=True):
    """The last frame that was judged."""

    frame_id: int
    captured_at_ns: int
    is_frozen: bool
    signature: Signature
    pose: Pose | None


class _Change(PlainStruct, frozen=True):
    """The last frame that showed something new."""

    frame_id: int
    captured_at_ns: int
    observed_at: datetime


class ChangeGate:
    """Admit the frames of one camera that are to be judged, and count the others.

    ``admit`` and ``forget`` are called by the capture thread, the rest by the main thread.
    """

    def __init__(
        self,
        config: InspectConfig,
        pose: PoseTrack,
        *,
        is_held: Callable[[], bool] = lambda: False,
        requests: Sequence[Callable[[], bool]] = (),
        view: View | None = None,
    ) -> None:
        """Begin without a judged frame: the first is admitted.

        Args:
            config: says which frames are judged.
            pose: where the robot was at each moment.
            is_held: whether no frames are judged now; then all are admitted, to be dropped.
            requests: true while the next frame is to be judged in any case.
            view: what is judged of the camera's picture; None: all.
        """
        self._config = config
        self._pose = pose
        self._is_held = is_held
        self._requests = requests
        self._view = view
        self._region: tuple[tuple[int, ...], Region | None] = ((), None)
        self._lock = threading.Condition()
        self._awaited: int | None = None  # the frame of a recording that is being judged
        self._comparison = _comparison(config)
        self._judged: _Judged | None = None
        self._forgotten_ns = 0
        self._changed: _Change | None = None
        self._look_again_ns: int | None = None
        self._due_ns = 0
        self._unchanged = 0

    @property
    def unchanged(self) -> int:
        """The number of frames that were not admitted."""
        return self._unchanged

    def stillness(self) -> Stillness | None:
        """Return since when there has been nothing new; None if there is, or all frames are judged.

        Whether frames come at all is to be asked of the camera: it may be one that sends one a minute.
        """
        changed = self._changed
        if changed is None or self._config.when == "always" or self._is_held():
            return None
        for_s = (time.monotonic_ns() - changed.captured_at_ns) / 1e9
        if for_s < STILL_AFTER_S:
            return None
        return Stillness(changed.observed_at, for_s, self._config.heartbeat_s)

    def admit(self, frame: Frame, *, is_certain: bool = False) -> Frame | None:
        """Return the frame if it is to be judged, with the count of those that were not; else None.

        Args:
            frame: the next one.
            is_certain: if it is admitted it will be judged, as no newer one replaces it. Then the next call
                waits for its verdict, so that a recording is judged the same each time.
        """
        if self._config.when == "always":
            return replace(frame, unchanged=self._unchanged) if self._unchanged else frame
        if self._is_held():
            self.forget()
            return replace(frame, unchanged=self._unchanged)
        if is_certain:
            with self._lock:
                self._lock.wait_for(lambda: self._awaited is None, _VERDICT_WAIT_S)
        comparison = self._comparison
        signature = self._sign(comparison, frame)
        comparison.learn(signature)
        pose, _ = self._pose.at(frame.captured_at_ns)
        with self._lock:
            if self._shows_change(frame, comparison, signature, pose):
                self._changed = _Change(frame.frame_id, frame.captured_at_ns, frame.observed_at)
            elif not self._is_due(frame):
                self._unchanged += 1
                return None
            self._awaited = frame.frame_id if is_certain else None
            return replace(frame, unchanged=self._unchanged)

    def forget(self) -> None:
        """Judge the next frame, whatever it shows: what was judged is no measure any more."""
        with self._lock:
            self._judged = self._awaited = None
            self._forgotten_ns = time.monotonic_ns()
            self._lock.notify_all()

    def configure(self, config: InspectConfig) -> None:
        """Decide by another configuration from the next frame on, which is judged."""
        self._comparison = _comparison(config)
        self._config = config
        self.forget()

    def on_verdict(self, frame: Frame, _inspection: Inspection, verdict: Verdict, /) -> None:
        """Compare the next frames with this one, which was judged."""
        if self._config.when == "always":
            return
        signature = self._sign(self._comparison, frame)
        judged = _Judged(frame.frame_id, frame.captured_at_ns, frame.frozen, signature, verdict.pose)
        with self._lock:
            is_newer = self._judged is None or judged.frame_id > self._judged.frame_id
            if frame.captured_at_ns >= self._forgotten_ns and is_newer:
                self._judged = judged
                is_change = self._changed is not None and self._changed.frame_id == frame.frame_id
                look_again = is_change and verdict.outcome in _UNDECIDED
                self._look_again_ns = frame.captured_at_ns + int(SECOND_LOOK_S * 1e9) if look_again else None
            if self._awaited is not None and frame.frame_id >= self._awaited:
                self._awaited = None
                self._lock.notify_all()

    def _sign(self, comparison: PictureComparison, frame: Frame) -> Signature:
        return comparison.sign(frame.pixels, self._find_region(frame))

    def _find_region(self, frame: Frame) -> Region | None:
        """Return which part of the picture is judged, found once for each size of the pictures."""
        height, width = frame.pixels.shape[:2]
        if self._view is None or frame.view is not None or self._view.misfit(width, height):
            return None
        size, region = self._region
        if size != (width, height):
            rows, columns = -(-height // _FOOTPRINT_PX), -(-width // _FOOTPRINT_PX)
            region = find_region(self._view.framing(width, height).footprint(rows, columns), width, height)
            self._region = (width, height), region
        return region

    def _shows_change(
        self, frame: Frame, comparison: PictureComparison, signature: Signature, pose: Pose | None
    ) -> bool:
        """Return whether frame or pose tell something new since the last judged frame."""
        judged = self._judged
        if judged is None or frame.frozen is not judged.is_frozen:
            return True
        way_m = moved_m(judged.pose, pose)
        if way_m >= max(self._config.change_m, 2 * _sigma_m(judged.pose), 2 * _sigma_m(pose)):
            return True
        if way_m > 0 and frame.captured_at_ns - judged.captured_at_ns < MOVING_WAIT_S * 1e9:
            return False
        return comparison.is_new(signature, judged.signature)

    def _is_due(self, frame: Frame) -> bool:
        """Return whether a frame that shows nothing new is to be judged all the same."""
        judged, now_ns = self._judged, frame.captured_at_ns
        is_late = judged is None or now_ns - judged.captured_at_ns >= self._config.heartbeat_s * 1e9
        looks_again = self._look_again_ns is not None and now_ns >= self._look_again_ns
        # The one before may be in work still; it waits in the slot until it is judged.
        if (is_late or looks_again) and now_ns - self._due_ns >= _DUE_AGAIN_S * 1e9:
            self._due_ns = now_ns
            return True
        return any(is_requested() for is_requested in self._requests)


def _sigma_m(pose: Pose | None) -> float:
    """Return the uncertainty of a position; 0 where it is not known."""
    return (pose.sigma_m if pose is not None else None) or 0.0


def _comparison(config: InspectConfig) -> PictureComparison:
    return PictureComparison(max(config.tiles_across, config.tiles_down))
