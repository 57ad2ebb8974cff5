"""Keep recent poses of the robot and interpolate the pose at a frame's capture.

Poses arrive at their own rate, by UDP or an MQTT topic. A verdict carries the pose interpolated to the
capture; its age is the distance in time to the nearest measurement.

A message is a JSON object: ``{"distance_m": 12.5}`` or ``{"x_m": 1, "y_m": 2, "z_m": 0}``, with ``"age_ms"``
if the sender knows the age of its measurement.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from edge_node.messages.pose import PoseError, parse_pose
from edge_node.messages.verdict import Pose

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
            max_age_ms: a verdict gets no pose that was measured longer before or after its capture.
            fixed: from the configuration; used until a pose is received.
        """
        self._max_age_ns = int(max_age_ms * 1e6)
        self._fixed = fixed
        self._lock = threading.Lock()
        self._poses: deque[tuple[int, Pose]] = deque(maxlen=_MAX_POSES)
        self.received = 0
        self.refused = 0

    def add(self, pose: Pose, measured_at_ns: int) -> None:
        """Add a pose; one older than the newest is dropped."""
        with self._lock:
            if not self._poses or measured_at_ns > self._poses[-1][0]:
                self._poses.append((measured_at_ns, pose))

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

        Between two measurements each coordinate is interpolated linearly; before the first and after the
        last, the nearest measurement is returned.
        """
        with self._lock:
            poses = list(self._poses)
        if not poses:
            return self._fixed, (0.0 if self._fixed is not None else None)
        before = next((found for found in reversed(poses) if found[0] <= captured_at_ns), None)
        after = next((found for found in poses if found[0] > captured_at_ns), None)
        nearest_ns = min(abs(captured_at_ns - found[0]) for found in (before, after) if found is not None)
        if nearest_ns > self._max_age_ns:
            return None, None
        age_ms = round(nearest_ns / 1e6, 3)
        if before is None or after is None:
            only = before or after
            return (only[1] if only else None), age_ms
        share = (captured_at_ns - before[0]) / (after[0] - before[0])
        return _interpolate(before[1], after[1], share), age_ms


def pose_track(config: PoseConfig) -> PoseTrack:
    """Return a track as configured, with the fixed pose if the configuration has one."""
    fixed = Pose(distance_m=config.distance_m, x_m=config.x_m, y_m=config.y_m, z_m=config.z_m)
    return PoseTrack(config.max_age_ms, None if fixed == Pose() else fixed)


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

    return Pose(
        distance_m=mix(before.distance_m, after.distance_m),
        x_m=mix(before.x_m, after.x_m),
        y_m=mix(before.y_m, after.y_m),
        z_m=mix(before.z_m, after.z_m),
    )
