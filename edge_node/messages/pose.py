"""Define and parse the pose message, which a pose source sends over MQTT or UDP."""

from __future__ import annotations

import math
from typing import Annotated

import msgspec

from edge_node.errors import CorrosionError
from edge_node.messages.verdict import Pose
from edge_node.validation import describe_invalid

MAX_POSE_BYTES = 1024


class PoseError(CorrosionError):
    """The bytes are no pose message."""


class PoseMessage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The robot's position, in metres along its path or in space, and its age when it was sent."""

    distance_m: float | None = None
    x_m: float | None = None
    y_m: float | None = None
    z_m: float | None = None
    age_ms: Annotated[float, msgspec.Meta(ge=0, le=60_000)] = 0.0


def parse_pose(message: bytes) -> tuple[Pose, float]:
    """Return the pose in a message and its age when it was sent, in ms.

    Raises:
        PoseError: too long, no JSON, unknown fields, no coordinate, or one that is no number.
    """
    if len(message) > MAX_POSE_BYTES:
        raise PoseError(f"pose message of more than {MAX_POSE_BYTES} bytes")
    try:
        found = msgspec.json.decode(message, type=PoseMessage)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        problem = describe_invalid(err, kind=PoseMessage)
        raise PoseError(f"no pose: {problem}; wanted an object like {{'distance_m': 12.5}}") from err
    values = (found.distance_m, found.x_m, found.y_m, found.z_m)
    if all(value is None for value in values):
        raise PoseError("no pose: neither distance_m nor x_m, y_m, z_m")
    if not all(value is None or math.isfinite(value) for value in values):
        raise PoseError("no pose: a coordinate is not finite")
    return Pose(distance_m=found.distance_m, x_m=found.x_m, y_m=found.y_m, z_m=found.z_m), found.age_ms
