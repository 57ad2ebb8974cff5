"""Where was the robot when the frame was captured? From the configuration, a UDP line or an MQTT topic.

Poses come at their own pace; the one on a verdict is interpolated to the moment of capture, and its age says
how far the nearest measurement was from that moment.

One message is a JSON object: ``{"distance_m": 12.5}`` or ``{"x_m": 1, "y_m": 2, "z_m": 0}``, and
``"age_ms"`` where the sender knows how old its measurement is.
"""

from __future__ import annotations

import logging
import math
import socket
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Annotated

import msgspec

from edge_node.errors import ConfigError, CorrosionError
from edge_node.messages.verdict import Pose

if TYPE_CHECKING:
    from edge_node.config.sections import PoseConfig
    from edge_node.mqtt.session import Incoming

MAX_MESSAGE_BYTES = 1024
_KEPT = 512  # five seconds at 100 Hz: no frame waits longer to be decided
_WAIT_S = 0.5  # how soon the receiver notices a stop

_log = logging.getLogger("edge_node.inspection.pose_track")


class PoseError(CorrosionError):
    """A pose message is not one."""


class PoseMessage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the robot is: metres along its path or in space, and how old that was when it was sent."""

    distance_m: float | None = None
    x_m: float | None = None
    y_m: float | None = None
    z_m: float | None = None
    age_ms: Annotated[float, msgspec.Meta(ge=0, le=60_000)] = 0.0


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
        self._poses: deque[tuple[int, Pose]] = deque(maxlen=_KEPT)
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
        return _between(before[1], after[1], share), age_ms


class PoseReceiver:
    """Listens for poses on a UDP port."""

    def __init__(self, track: PoseTrack, host: str, port: int) -> None:
        """Bind the port.

        Raises:
            ConfigError: it cannot be bound.
        """
        self._track = track
        self._stop = threading.Event()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.bind((host, port))
        except OSError as err:
            self._socket.close()
            raise ConfigError(f"[pose] udp {host}:{port}: {err.strerror or err}") from err
        self._socket.settimeout(_WAIT_S)
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run, name="pose", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and close the port."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(2 * _WAIT_S)
        self._socket.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                message, _ = self._socket.recvfrom(MAX_MESSAGE_BYTES + 1)
            except TimeoutError:
                continue
            except OSError as err:
                if not self._stop.is_set():
                    _log.warning("poses: %s", err.strerror or err)
                    self._stop.wait(_WAIT_S)
                continue
            self._track.take(message)


class PoseTopic:
    """Takes poses from one MQTT topic; belongs to the publisher's thread."""

    def __init__(self, track: PoseTrack, topic: str) -> None:
        self.topic = topic
        self._track = track

    def note(self, message: Incoming) -> bool:
        """Take in a message if it is a pose; False if it is of another topic.

        A retained one is left out: the broker kept it, and nobody knows for how long.
        """
        if message.topic != self.topic:
            return False
        if not message.is_retained:
            self._track.take(message.payload)
        return True


def parse_pose(message: bytes) -> tuple[Pose, float]:
    """Return the pose in a message and how old it was when sent, in ms.

    Raises:
        PoseError: too long, no JSON, unknown fields, no coordinate, or one that is no number.
    """
    if len(message) > MAX_MESSAGE_BYTES:
        raise PoseError(f"pose message of more than {MAX_MESSAGE_BYTES} bytes")
    try:
        found = msgspec.json.decode(message, type=PoseMessage)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise PoseError(f"no pose: {err}; wanted an object like {{'distance_m': 12.5}}") from err
    values = (found.distance_m, found.x_m, found.y_m, found.z_m)
    if all(value is None for value in values):
        raise PoseError("no pose: neither distance_m nor x_m, y_m, z_m")
    if not all(value is None or math.isfinite(value) for value in values):
        raise PoseError("no pose: a coordinate is not finite")
    return Pose(distance_m=found.distance_m, x_m=found.x_m, y_m=found.y_m, z_m=found.z_m), found.age_ms


def pose_track(config: PoseConfig) -> PoseTrack:
    """Return the track that the configuration asks for, with its fixed pose if it names one."""
    fixed = Pose(distance_m=config.distance_m, x_m=config.x_m, y_m=config.y_m, z_m=config.z_m)
    return PoseTrack(config.max_age_ms, None if fixed == Pose() else fixed)


def _between(before: Pose, after: Pose, share: float) -> Pose:
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
