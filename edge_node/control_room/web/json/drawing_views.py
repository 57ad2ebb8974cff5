"""Write drawings as JSON, with marks where something was found and a list of what has no place on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from edge_node.control_room.history.defects.defect_book import DefectBook
from edge_node.control_room.history.defects.records import SEVERITIES, DefectFilter
from edge_node.control_room.history.drawings.placement import locate, trace
from edge_node.control_room.history.records import FindingFilter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edge_node.control_room.history.defects.records import Defect
    from edge_node.control_room.history.drawings.drawing_book import Drawing
    from edge_node.control_room.history.history import History
    from edge_node.messages.finding import Finding

_MARKS = 500
_Span = tuple[float, float] | None


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


def view_marks(history: History, drawing: Drawing, severities: Sequence[str] = SEVERITIES) -> dict[str, Any]:
    """Return the drawing with the defects of its asset, and the findings that belong to none."""
    found = [_place(mark, span, drawing) for mark, span in _list_marks(history, drawing, severities)]
    return {
        "drawing": drawing_view(drawing),
        "marks": [mark for mark in found if mark["at"] is not None],
        "unplaced": [mark for mark in found if mark["at"] is None],
    }


def _list_marks(
    history: History, drawing: Drawing, severities: Sequence[str]
) -> Iterator[tuple[dict[str, Any], _Span]]:
    """Yield what was found on the asset, each with the stretch that it reaches over, where that is known."""
    wanted = FindingFilter(site=drawing.site, asset=drawing.asset)
    findings = {one.finding.id: one.finding for one in history.findings(wanted, limit=_MARKS)}
    book = DefectBook(history.database, severities)
    for defect in book.defects(DefectFilter(site=drawing.site, asset=drawing.asset), limit=_MARKS):
        newest = None if defect.newest is None else findings.get(defect.newest.finding_id)
        yield _mark_defect(defect), None if newest is None else _find_span(newest)
    of_defects = book.of_findings([(drawing.site, finding_id) for finding_id in findings])
    for finding in findings.values():
        if (drawing.site, finding.id) not in of_defects:
            yield _mark_finding(finding), _find_span(finding)


def _mark_defect(defect: Defect) -> dict[str, Any]:
    return {
        "kind": "defect",
        "key": defect.key,
        "label": defect.label,
        "name": defect.name,
        "site": defect.site,
        "state": defect.state,
        "severity": defect.severity,
        "material": defect.material,
        "form": defect.form,
        "distance_m": defect.distance_m,
        "x_m": defect.x_m,
        "y_m": defect.y_m,
        "seen_at": defect.last_seen_at,
    }


def _mark_finding(finding: Finding) -> dict[str, Any]:
    pose, end = finding.from_pose, finding.to_pose or finding.from_pose
    middle = {
        name: None if pose is None else _middle(getattr(pose, name), getattr(end, name))
        for name in ("distance_m", "x_m", "y_m")
    }
    return {
        "kind": "finding",
        "id": finding.id,
        "label": "",
        "name": "",
        "site": finding.site,
        "robot": finding.robot,
        "state": finding.state,
        "severity": finding.peak_severity,
        "material": finding.material,
        "form": finding.form,
        **middle,
        "seen_at": finding.last_observed_at,
    }


def _place(mark: dict[str, Any], span: _Span, drawing: Drawing) -> dict[str, Any]:
    """Add a mark's pixel and the line along which it reaches, or why it has no place on the drawing."""
    place = {name: mark[name] for name in ("distance_m", "x_m", "y_m")}
    at = None if drawing.placement is None else locate(drawing.placement, **place)
    if at is not None and 0 <= at[0] <= drawing.width_px and 0 <= at[1] <= drawing.height_px:
        assert drawing.placement is not None  # noqa: S101  it has told the pixel
        line = trace(drawing.placement, *span) if span else ()
        return {**mark, "at": at, "line": line, "why": None}
    return {**mark, "at": None, "line": (), "why": _say_why(drawing, place, is_known=at is not None)}


def _find_span(finding: Finding) -> _Span:
    pose, end = finding.from_pose, finding.to_pose or finding.from_pose
    if pose is None or end is None or pose.distance_m is None or end.distance_m is None:
        return None
    return pose.distance_m, end.distance_m


def _middle(one: float | None, other: float | None) -> float | None:
    return one if other is None or one is None else (one + other) / 2


def _say_why(drawing: Drawing, place: dict[str, float | None], *, is_known: bool) -> str:
    """Say why something has no place on a drawing."""
    if drawing.placement is None:
        return "the drawing is not placed yet"
    if all(value is None for value in place.values()):
        return "the robot sent no place"
    return "beyond the edge of the drawing" if is_known else "not on what the drawing shows"
