"""Convert a place on an asset, in metres, to pixels of the asset's drawing. Pure.

A drawing is placed by points of a path with their distances, by two points with coordinates, or by a scale.
A place beyond the path or the picture's edge has no pixel: it is never drawn somewhere else.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, TypeAlias

import msgspec

from edge_node.errors import CorrosionError

if TYPE_CHECKING:
    from collections.abc import Sequence

Metres = Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)]
Pixel = Annotated[float, msgspec.Meta(ge=0, le=20_000)]
Spot: TypeAlias = tuple[float, float]  # x and y in pixels
MAX_POINTS = 500
_NEAR_M = 1e-6  # of a path's end: distances are rounded on the way


class DrawingError(CorrosionError):
    """A drawing, or where it is to be placed, is refused; the text gives the reason."""


class PathPoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pixel of the drawing and its distance along the path."""

    x_px: Pixel
    y_px: Pixel
    distance_m: Metres


class ReferencePoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pixel of the drawing and its coordinates in space."""

    x_px: Pixel
    y_px: Pixel
    x_m: Metres
    y_m: Metres


class PathPlacement(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="path"
):
    """The path on the drawing: lines between points, whose distances rise or fall all along."""

    points: Annotated[tuple[PathPoint, ...], msgspec.Meta(min_length=2, max_length=MAX_POINTS)]


class ReferencePlacement(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="points"
):
    """Two points whose coordinates are known: scale and rotation follow."""

    points: Annotated[tuple[ReferencePoint, ...], msgspec.Meta(min_length=2, max_length=2)]
    y_up: bool = True  # y grows towards the upper edge where x grows to the right


class ScalePlacement(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="scale"
):
    """A scale and the pixel of the origin; x grows to the right."""

    metres_per_px: Annotated[float, msgspec.Meta(gt=0, le=1000)]
    origin_x_px: Annotated[float, msgspec.Meta(ge=-100_000, le=100_000)]
    origin_y_px: Annotated[float, msgspec.Meta(ge=-100_000, le=100_000)]
    y_up: bool = True


Placement: TypeAlias = PathPlacement | ReferencePlacement | ScalePlacement


def check_placement(placement: Placement, width_px: int, height_px: int) -> None:
    """Refuse a placement that contradicts itself or leaves the picture.

    Raises:
        DrawingError: one sentence with the point, found and wanted.
    """
    if isinstance(placement, ScalePlacement):
        return
    points: Sequence[PathPoint | ReferencePoint] = placement.points
    for number, point in enumerate(points, 1):
        if point.x_px > width_px or point.y_px > height_px:
            raise DrawingError(
                f"point {number} at {point.x_px:g}, {point.y_px:g} px lies beyond the drawing"
                f" of {width_px} by {height_px} px"
            )
    if isinstance(placement, PathPlacement):
        _check_path(placement.points)
        return
    one, other = placement.points
    if math.hypot(one.x_px - other.x_px, one.y_px - other.y_px) < 1:
        raise DrawingError("both points are the same pixel; wanted two that lie apart")
    if math.hypot(one.x_m - other.x_m, one.y_m - other.y_m) < _NEAR_M:
        raise DrawingError("both points have the same coordinates; wanted two that lie apart")


def locate(
    placement: Placement,
    *,
    distance_m: float | None = None,
    x_m: float | None = None,
    y_m: float | None = None,
) -> Spot | None:
    """Return the pixel of a place; None where the placement does not tell it."""
    if isinstance(placement, PathPlacement):
        return None if distance_m is None else _locate_on_path(placement.points, distance_m)
    if x_m is None or y_m is None:
        return None
    if isinstance(placement, ScalePlacement):
        up = -1.0 if placement.y_up else 1.0
        return (
            placement.origin_x_px + x_m / placement.metres_per_px,
            placement.origin_y_px + up * y_m / placement.metres_per_px,
        )
    return _locate_by_points(placement, x_m, y_m)


def trace(placement: Placement, from_m: float, to_m: float) -> tuple[Spot, ...]:
    """Return the line along the path between two distances, as far as the path goes; empty beside a path."""
    if not isinstance(placement, PathPlacement):
        return ()
    points = _rising(placement.points)
    low = max(min(from_m, to_m), points[0].distance_m)
    high = min(max(from_m, to_m), points[-1].distance_m)
    if low > high:
        return ()
    between = [(point.x_px, point.y_px) for point in points if low < point.distance_m < high]
    ends = [_locate_on_path(placement.points, distance_m) for distance_m in (low, high)]
    return tuple(spot for spot in (ends[0], *between, ends[1]) if spot is not None)


def _check_path(points: Sequence[PathPoint]) -> None:
    steps = [other.distance_m - one.distance_m for one, other in pairwise(points)]
    for number, step in enumerate(steps, 1):
        if step == 0 or (step > 0) != (steps[0] > 0):
            raise DrawingError(
                f"the distances of the path must rise, or fall, from point to point: point {number} has"
                f" {points[number - 1].distance_m:g} m, point {number + 1} {points[number].distance_m:g} m"
            )


def _rising(points: Sequence[PathPoint]) -> Sequence[PathPoint]:
    return points if points[0].distance_m < points[-1].distance_m else points[::-1]


def _locate_on_path(points: Sequence[PathPoint], distance_m: float) -> Spot | None:
    for one, other in pairwise(_rising(points)):
        if one.distance_m - _NEAR_M <= distance_m <= other.distance_m + _NEAR_M:
            share = (distance_m - one.distance_m) / (other.distance_m - one.distance_m)
            return (
                one.x_px + share * (other.x_px - one.x_px),
                one.y_px + share * (other.y_px - one.y_px),
            )
    return None


def _locate_by_points(placement: ReferencePlacement, x_m: float, y_m: float) -> Spot:
    """Turn and scale as the two points say; complex numbers are points of the plane."""
    one, other = placement.points
    up = -1.0 if placement.y_up else 1.0
    first_m, second_m = complex(one.x_m, up * one.y_m), complex(other.x_m, up * other.y_m)
    first_px, second_px = complex(one.x_px, one.y_px), complex(other.x_px, other.y_px)
    spot = first_px + (complex(x_m, up * y_m) - first_m) * (second_px - first_px) / (second_m - first_m)
    return spot.real, spot.imag
