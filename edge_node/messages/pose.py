"""Define and parse the pose message, which a pose source sends over MQTT or UDP."""

from __future__ import annotations

import math
from typing import Annotated

import msgspec

from edge_node.errors import CorrosionError
from edge_node.messages.verdict import Pose
from edge_node.validation import describe_invalid

MAX_POSE_BYTES = 1024
# From a millimetre to a hundred metres; an uncertainty of more than ten kilometres says nothing.
RangeMillimetres = Annotated[float, msgspec.Meta(ge=1, le=100_000)]
SigmaMetres = Annotated[float, msgspec.Meta(ge=0, le=10_000)]


class PoseError(CorrosionError):
    """The bytes are no pose message."""


class PoseMessage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the robot is, in metres along its path or in space, or how far the surface is, or both.

    Attributes:
        distance_m: distance along the path.
        x_m: coordinate in space.
        y_m: coordinate in space.
        z_m: coordinate in space.
        sigma_m: standard deviation of the position.
        range_mm: distance from the camera to the surface.
        age_ms: age of the measurement when it was sent.
    """

    distance_m: float | None = None
    x_m: float | None = None
    y_m: float | None = None
    z_m: float | None = None
    sigma_m: SigmaMetres | None = None
    range_mm: RangeMillimetres | None = None
    age_ms: Annotated[float, msgspec.Meta(ge=0, le=60_000)] = 0.0


def parse_pose(message: bytes) -> tuple[Pose, float]:
    """Return the pose in a message and its age when it was sent, in ms.

    Raises:
        PoseError: too long, no JSON, unknown fields, neither a coordinate nor a range, or a value that cannot
            be.
    """
    if len(message) > MAX_POSE_BYTES:
        raise PoseError(f"pose message of more than {MAX_POSE_BYTES} bytes")
    try:
        found = msgspec.json.decode(message, type=PoseMessage)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        problem = describe_invalid(err, kind=PoseMessage)
        raise PoseError(
            f"no pose: {problem}; wanted an object like {{'distance_m': 12.5}}, without what was not measured"
        ) from err
    pose = Pose(
        distance_m=found.distance_m,
        x_m=found.x_m,
        y_m=found.y_m,
        z_m=found.z_m,
        sigma_m=found.sigma_m,
        range_mm=found.range_mm,
    )
    if not pose.has_place and pose.range_mm is None:
        raise PoseError("no pose: neither distance_m nor x_m, y_m, z_m nor range_mm")
    if not pose.has_place and pose.sigma_m is not None:
        raise PoseError("no pose: sigma_m without a position; leave it out, or send distance_m too")
    if not all(math.isfinite(value) for value in msgspec.structs.astuple(pose) if value is not None):
        raise PoseError("no pose: a coordinate is not finite")
    return pose, found.age_ms
