"""Write drawings as JSON, with marks where something was found and a list of what has no place on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from edge_node.control_room.history.drawings.placement import Spot, locate, trace
from edge_node.control_room.history.records import FindingFilter

if TYPE_CHECKING:
    from edge_node.control_room.history.drawings.drawing_book import Drawing
    from edge_node.control_room.history.history import History
    from edge_node.control_room.history.records import FindingRecord

_MARKS = 500


def drawing_view(drawing: Drawing) -> dict[str, Any]:
    """Return what is known of a drawing, without its content."""
    return {
        "site": drawing.site,
        "asset": drawing.asset,
        "sha256": drawing.sha256,
        "width_px": drawing.width_px,
        "height_px": drawing.height_px,
        "placement": None if drawing.placement is None else msgspec.to_builtins(drawing.placement),
        "origin": drawing.origin,
        "added_by": drawing.added_by,
        "added_at": drawing.added_at,
        "placed_by": drawing.placed_by,
        "placed_at": drawing.placed_at,
    }


def view_marks(history: History, drawing: Drawing) -> dict[str, Any]:
    """Return the drawing with the findings of its asset: those with a pixel, and those without."""
    wanted = FindingFilter(site=drawing.site, asset=drawing.asset)
    found = [_mark(record, drawing) for record in history.findings(wanted, limit=_MARKS)]
    return {
        "drawing": drawing_view(drawing),
        "marks": [mark for mark in found if mark["at"] is not None],
        "unplaced": [mark for mark in found if mark["at"] is None],
    }


def _mark(record: FindingRecord, drawing: Drawing) -> dict[str, Any]:
    """Return a finding with its pixel, the line along which it reaches, or why it has no place here."""
    finding, placement = record.finding, drawing.placement
    pose, end = finding.from_pose, finding.to_pose or finding.from_pose
    at, line = None, tuple[Spot, ...]()
    if placement is not None and pose is not None and end is not None:
        distance_m = _middle(pose.distance_m, end.distance_m)
        at = locate(
            placement,
            distance_m=distance_m,
            x_m=_middle(pose.x_m, end.x_m),
            y_m=_middle(pose.y_m, end.y_m),
        )
        if pose.distance_m is not None and end.distance_m is not None:
            line = trace(placement, pose.distance_m, end.distance_m)
    inside = at is not None and 0 <= at[0] <= drawing.width_px and 0 <= at[1] <= drawing.height_px
    return {
        "kind": "finding",
        "id": finding.id,
        "site": finding.site,
        "robot": finding.robot,
        "state": finding.state,
        "severity": finding.peak_severity,
        "material": finding.material,
        "form": finding.form,
        "distance_m": None if pose is None else _middle(pose.distance_m, end.distance_m if end else None),
        "x_m": None if pose is None else pose.x_m,
        "y_m": None if pose is None else pose.y_m,
        "seen_at": finding.last_observed_at,
        "at": at if inside else None,
        "line": line if inside else (),
        "why": None
        if inside
        else _say_why(drawing, has_pose=pose is not None and pose.has_place, is_known=at is not None),
    }


def _middle(one: float | None, other: float | None) -> float | None:
    return one if other is None or one is None else (one + other) / 2


def _say_why(drawing: Drawing, *, has_pose: bool, is_known: bool) -> str:
    """Say why something has no place on a drawing."""
    if drawing.placement is None:
        return "the drawing is not placed yet"
    if not has_pose:
        return "the robot sent no place"
    return "beyond the edge of the drawing" if is_known else "not on what the drawing shows"
