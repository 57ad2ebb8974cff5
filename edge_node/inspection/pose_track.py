"""Where was the robot when the frame was captured? From the configuration, a UDP line or an MQTT topic.

Poses come at their own pace; the one on a verdict is interpolated to the moment of capture, and its age says
how far the nearest measurement was from that moment.

One message is a JSON object: ``{"distance_m": 12.5}`` or ``{"x_m": 1, "y_m": 2, "z_m": 0}``, and
``"age_ms"`` where the sender knows how old its measurement is.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from edge_node.messages.pose import PoseError, parse_pose
from edge_node.messages.verdict import Pose

if TYPE_CHECKING:
    from edge_node.config.sections import PoseConfig

_MAX_POSES = 512  # five seconds at 100 Hz: no frame waits longer to be decided
_WAIT_S = 0.5  # how soon the receiver notices a stop

_log = logging.getLogger(__name__)


class PoseTrack:
    """The last few poses; written by a receiver, read by the main thread.

    Attributes:
        received: messages that were poses.
        refused: messages that were not.
    """

    def __init__(self, max_age_ms: float, fixed: Pose | None = None) -> None:
        """Begin without a pose, or with one that does not change.

        Args:
            max_age_ms: a verdict gets no pose that was measured longer before or after its capture.
            fixed: from the configuration; holds until another is received.
        """
        self._max_age_ns = int(max_age_ms * 1e6)
        self._fixed = fixed
        self._lock = threading.Lock()
        self._poses: deque[tuple[int, Pose]] = deque(maxlen=_MAX_POSES)
        self.received = 0
        self.refused = 0

    def add(self, pose: Pose, measured_at_ns: int) -> None:
        """Take in a pose; one that is older than the newest is dropped: its sender sorts them no more."""
        with self._lock:
            if not self._poses or measured_at_ns > self._poses[-1][0]:
                self._poses.append((measured_at_ns, pose))

    def take(self, message: bytes) -> None:
        """Take in a message from a UDP line or an MQTT topic; what is no pose is counted and logged."""
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
        """Return the pose at that moment and its age in ms; ``(None, None)`` if nobody knows.

        Between two measurements each coordinate is interpolated linearly; before the first and after the
        last the nearest one holds.
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
    """Return the track that the configuration asks for, with its fixed pose if it names one."""
    fixed = Pose(distance_m=config.distance_m, x_m=config.x_m, y_m=config.y_m, z_m=config.z_m)
    return PoseTrack(config.max_age_ms, None if fixed == Pose() else fixed)


def _interpolate(before: Pose, after: Pose, share: float) -> Pose:
    def mixed(first: float | None, second: float | None) -> float | None:
        if first is None or second is None:
            return first if second is None else second
        return first + (second - first) * share

    return Pose(
        distance_m=mixed(before.distance_m, after.distance_m),
        x_m=mixed(before.x_m, after.x_m),
        y_m=mixed(before.y_m, after.y_m),
        z_m=mixed(before.z_m, after.z_m),
    )
