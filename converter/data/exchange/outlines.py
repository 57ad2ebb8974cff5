"""Trace areas of a mask as polygons along the edges of pixels, which COCO draws back to the same pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_AREAS = 50  # of one mask that are traced; a mask of speckles stays run lengths
_MOST_EDGES = 20_000  # of one area
_Point = tuple[int, int]


def split_areas(mask: NDArray[np.bool_]) -> tuple[list[list[float]], NDArray[np.bool_]]:
    """Split a mask into polygons that are exact, ``x, y, x, y, ...``, and the pixels that are left.

    Areas with holes are left: a COCO polygon has none.
    """
    from pycocotools import mask as coco

    height, width = mask.shape
    count, numbers, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    left = mask.copy()
    polygons = []
    by_size = sorted(range(1, count), key=lambda number: -int(statistics[number, cv2.CC_STAT_AREA]))
    for number in by_size[:_MOST_AREAS]:
        area = numbers == number
        points = trace_outline(area)
        if points is None:
            continue
        polygon = [float(value) for point in points for value in point]
        drawn = coco.decode(coco.merge(coco.frPyObjects([polygon], height, width)))
        if np.array_equal(drawn.astype(bool), area):
            polygons.append(polygon)
            left &= ~area
    return polygons, left


def trace_outline(area: NDArray[np.bool_]) -> list[_Point] | None:
    """Return the corners of an area's outline, clockwise; None if it has holes, or too many edges."""
    padded = np.pad(area, 1)
    inside = padded[1:-1, 1:-1]
    edges: dict[_Point, list[_Point]] = {}
    total = 0
    # Of each pixel beside one outside: where its edge begins and ends, the area on the right.
    for outside, start, end in (
        (padded[:-2, 1:-1], (0, 0), (1, 0)),
        (padded[1:-1, 2:], (1, 0), (1, 1)),
        (padded[2:, 1:-1], (1, 1), (0, 1)),
        (padded[1:-1, :-2], (0, 1), (0, 0)),
    ):
        rows, columns = np.nonzero(inside & ~outside)
        total += len(rows)
        if total > _MOST_EDGES:
            return None
        for y, x in zip(rows.tolist(), columns.tolist(), strict=True):
            edges.setdefault((x + start[0], y + start[1]), []).append((x + end[0], y + end[1]))
    if not edges:
        return None
    first = min(edges, key=lambda point: (point[1], point[0]))
    points, at, direction = [first], first, (1, 0)
    for _ in range(total):
        following = _turn_right(edges, at, direction)
        if following is None:
            return None
        direction, at = (following[0] - at[0], following[1] - at[1]), following
        points.append(at)
    # An outline that comes home before its last edge leaves those of a hole.
    if at != first or any(edges.values()):
        return None
    return _drop_straight(points[:-1])


def _turn_right(edges: dict[_Point, list[_Point]], at: _Point, direction: _Point) -> _Point | None:
    """Take the edge out of ``at`` that turns right most: around the pixel that the last edge was of."""
    choices = edges.get(at)
    if not choices:
        return None
    dx, dy = direction
    best = max(choices, key=lambda end: dx * (end[1] - at[1]) - dy * (end[0] - at[0]))
    choices.remove(best)
    return best


def _drop_straight(points: list[_Point]) -> list[_Point]:
    """Return the points at which the outline turns."""
    corners = []
    for before, point, behind in zip(
        [points[-1], *points[:-1]], points, [*points[1:], points[0]], strict=True
    ):
        if (point[0] - before[0], point[1] - before[1]) != (behind[0] - point[0], behind[1] - point[1]):
            corners.append(point)
    return corners
