"""Keep recent poses of the robot and interpolate the pose at a frame's capture.

Poses arrive at their own rate, by UDP or an MQTT topic. A verdict carries the pose interpolated to the
capture; its age is the distance in time to the nearest measurement.

A message is a JSON object: ``{"distance_m": 12.5}`` or ``{"x_m": 1, "y_m": 2, "z_m": 0}``, with ``"sigma_m"``
if the uncertainty is known, ``"range_mm"`` if the distance to the surface is measured, and ``"age_ms"`` if
the sender knows the age of its measurement. Position and range may come in messages, and from senders, of
their own: ``{"range_mm": 310}``.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

import msgspec

from edge_node.messages.pose import PoseError, parse_pose
from edge_node.messages.verdict import Pose
from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from edge_node.config.sections import PoseConfig

_MAX_POSES = 512  # five seconds at 100 Hz: no frame waits longer for its decision

_log = logging.getLogger(__name__)


class PoseTrack:
    """Keep the last poses; written by a receiver, read by the main thread.

    Attributes:
        received: number of pose messages.
        refused: number of messages that were no poses.
    """

    def __init__(self, max_age_ms: float, fixed: Pose | None = None) -> None:
        """Begin without measurements.

        Args:
            max_age_ms: a verdict gets no position and no range that was measured longer before or after its
                capture.
            fixed: from the configuration: a position and a range, each used until one is received, and the
                uncertainty of the positions that bring none.
        """
        self._fixed = fixed or Pose()
        self._lock = threading.Lock()
        # Apart, because a range between two positions must not hide that they can be interpolated.
        self._places = _Series(int(max_age_ms * 1e6))
        self._ranges = _Series(int(max_age_ms * 1e6))
        self.received = 0
        self.refused = 0

    def add(self, pose: Pose, measured_at_ns: int) -> None:
        """Add a pose; one older than the newest is dropped."""
        sigma_m = self._fixed.sigma_m if pose.sigma_m is None else pose.sigma_m
        place = msgspec.structs.replace(pose, sigma_m=sigma_m, range_mm=None)
        with self._lock:
            if pose.has_place:
                self._places.add(place, measured_at_ns)
            if pose.range_mm is not None:
                self._ranges.add(Pose(range_mm=pose.range_mm), measured_at_ns)

    def take(self, message: bytes) -> None:
        """Add the pose in a message; a message that is no pose is counted and logged."""
        try:
            pose, age_ms = parse_pose(message)
        except PoseError as err:
            self.refused += 1
            if self.refused.bit_count() == 1:  # the 1st, 2nd, 4th, 8th ...
                _log.warning("%s (%d so far)", err, self.refused)
            return
        self.received += 1
        self.add(pose, time.monotonic_ns() - int(age_ms * 1e6))

    def at(self, captured_at_ns: int) -> tuple[Pose | None, float | None]:
        """Return the pose at that moment and its age in ms; ``(None, None)`` if it is not known.

        Between two measurements each value is interpolated linearly; before the first and after the last, the
        nearest measurement is returned. The age is that of the position, or of the range where there is no
        position; neither is older than ``max_age_ms``.
        """
        with self._lock:
            place = self._places.at(captured_at_ns, msgspec.structs.replace(self._fixed, range_mm=None))
            surface = self._ranges.at(captured_at_ns, Pose(range_mm=self._fixed.range_mm))
        has_place = place is not None and place.pose.has_place
        range_mm = surface.pose.range_mm if surface is not None else None
        if has_place and place is not None:
            return msgspec.structs.replace(place.pose, range_mm=range_mm), place.age_ms
        if range_mm is not None and surface is not None:
            return surface.pose, surface.age_ms
        return None, None


def pose_track(config: PoseConfig) -> PoseTrack:
    """Return a track as configured, with the fixed pose if the configuration has one."""
    fixed = Pose(
        distance_m=config.distance_m,
        x_m=config.x_m,
        y_m=config.y_m,
        z_m=config.z_m,
        sigma_m=config.sigma_m,
        range_mm=config.range_mm,
    )
    return PoseTrack(config.max_age_ms, fixed)


class _Found(PlainStruct, frozen=True):
    pose: Pose
    age_ms: float


class _Series:
    """The last measurements of one kind, in order of time."""

    def __init__(self, max_age_ns: int) -> None:
        self._max_age_ns = max_age_ns
        self._poses: deque[tuple[int, Pose]] = deque(maxlen=_MAX_POSES)

    def add(self, pose: Pose, measured_at_ns: int) -> None:
        if not self._poses or measured_at_ns > self._poses[-1][0]:
            self._poses.append((measured_at_ns, pose))

    def at(self, captured_at_ns: int, fixed: Pose) -> _Found | None:
        """Return the pose at that moment; ``fixed`` before any measurement, None if all are too old."""
        if not self._poses:
            return _Found(fixed, 0.0)
        before = next((found for found in reversed(self._poses) if found[0] <= captured_at_ns), None)
        after = next((found for found in self._poses if found[0] > captured_at_ns), None)
        nearest_ns = min(abs(captured_at_ns - found[0]) for found in (before, after) if found is not None)
        if nearest_ns > self._max_age_ns:
            return None
        age_ms = round(nearest_ns / 1e6, 3)
        if before is not None and after is not None:
            share = (captured_at_ns - before[0]) / (after[0] - before[0])
            return _Found(_interpolate(before[1], after[1], share), age_ms)
        return _Found((before or after or (0, fixed))[1], age_ms)


def moved_m(before: Pose | None, after: Pose | None) -> float:
    """Return how far the robot moved between two poses, by what both know of; 0 where that is nothing."""
    if before is None or after is None:
        return 0.0
    pairs = (
        (before.distance_m, after.distance_m),
        (before.x_m, after.x_m),
        (before.y_m, after.y_m),
        (before.z_m, after.z_m),
    )
    along, *space = (0.0 if one is None or other is None else other - one for one, other in pairs)
    return max(abs(along), math.hypot(*space))


def _interpolate(before: Pose, after: Pose, share: float) -> Pose:
    def mix(first: float | None, second: float | None) -> float | None:
        if first is None or second is None:
            return first if second is None else second
        return first + (second - first) * share

    sigma_m = before.sigma_m
    if share > 0:  # however the errors of both are related, that of the mean is at most the mean of theirs
        is_known = before.sigma_m is not None and after.sigma_m is not None
        sigma_m = mix(before.sigma_m, after.sigma_m) if is_known else None
    return Pose(
        distance_m=mix(before.distance_m, after.distance_m),
        x_m=mix(before.x_m, after.x_m),
        y_m=mix(before.y_m, after.y_m),
        z_m=mix(before.z_m, after.z_m),
        sigma_m=sigma_m,
        range_mm=mix(before.range_mm, after.range_mm),
    )
