"""Tracks of poses."""

from __future__ import annotations

from edge_node.inspection.pose_track import PoseTrack
from edge_node.messages.verdict import Pose

MS = 1_000_000


def track(*metres_at_ms, max_age_ms=1000.0):
    """Return a track with these distances at these milliseconds."""
    made = PoseTrack(max_age_ms)
    for metres, at_ms in metres_at_ms:
        made.add(Pose(distance_m=metres), at_ms * MS)
    return made
