"""Draw the demonstration's pipes as a plan would show them, with the distances along them."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from edge_node.demo.pipe import Pipe

_SIZE_PX = (1200, 520)
_PIPE_PX = 26
_EDGE, _WALL, _INK = (70, 70, 70), (214, 214, 214), (90, 80, 60)  # BGR
_STEP_M = 2.0  # between two distances that are written
# Bends of the pipe on the paper; one straight and then down, one up and over.
ROUTES = {
    "pipe L-7": ((90, 150), (560, 150), (560, 390), (1110, 390)),
    "pipe L-9": ((90, 400), (330, 400), (480, 160), (1110, 160)),
}


def write_drawing(folder: Path, pipe: Pipe) -> Path:
    """Write the drawing of a pipe as PNG and its placement beside it; return the PNG's path."""
    points = measure_route(pipe)
    path = folder / f"{pipe.asset.replace(' ', '-')}.png"
    path.write_bytes(cv2.imencode(".png", _draw(pipe, points))[1].tobytes())
    placement = {"kind": "path", "points": points}
    path.with_suffix(".json").write_text(json.dumps(placement), encoding="utf-8")
    return path


def measure_route(pipe: Pipe) -> list[dict[str, Any]]:
    """Return the bends of a pipe on the paper with their distances; the paper shows all of it."""
    route = ROUTES[pipe.asset]
    lengths = [math.dist(one, other) for one, other in pairwise(route)]
    along = [sum(lengths[:number]) / sum(lengths) * pipe.length_m for number in range(len(route))]
    return [{"x_px": x, "y_px": y, "distance_m": round(m, 3)} for (x, y), m in zip(route, along, strict=True)]


def _draw(pipe: Pipe, points: list[dict[str, Any]]) -> np.ndarray[Any, Any]:
    width, height = _SIZE_PX
    sheet = np.full((height, width, 3), 255, np.uint8)
    corners = np.array([(point["x_px"], point["y_px"]) for point in points], np.int32)
    for thick, colour in ((_PIPE_PX, _EDGE), (_PIPE_PX - 6, _WALL)):
        cv2.polylines(sheet, [corners], False, colour, thick, cv2.LINE_AA)
    for number in range(int(pipe.length_m / _STEP_M) + 1):
        _write_distance(sheet, points, number * _STEP_M)
    cv2.rectangle(sheet, (8, 8), (width - 9, height - 9), _EDGE, 2)
    cv2.putText(sheet, pipe.asset, (30, 60), cv2.FONT_HERSHEY_SIMPLEX, 1.1, _INK, 2, cv2.LINE_AA)
    said = f"{pipe.length_m:.1f} m, distances in metres"
    cv2.putText(sheet, said, (30, 92), cv2.FONT_HERSHEY_SIMPLEX, 0.55, _INK, 1, cv2.LINE_AA)
    return sheet


def _write_distance(sheet: np.ndarray[Any, Any], points: list[dict[str, Any]], distance_m: float) -> None:
    for one, other in pairwise(points):
        if one["distance_m"] <= distance_m <= other["distance_m"]:
            share = (distance_m - one["distance_m"]) / (other["distance_m"] - one["distance_m"])
            x = one["x_px"] + share * (other["x_px"] - one["x_px"])
            y = one["y_px"] + share * (other["y_px"] - one["y_px"])
            across = math.atan2(other["y_px"] - one["y_px"], other["x_px"] - one["x_px"]) + math.pi / 2
            ends = [
                (round(x + far * math.cos(across)), round(y + far * math.sin(across))) for far in (16, 24, 40)
            ]
            cv2.line(sheet, ends[0], ends[1], _INK, 1, cv2.LINE_AA)
            at = (ends[2][0] - 10, ends[2][1] + 6)
            cv2.putText(sheet, f"{distance_m:g}", at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, _INK, 1, cv2.LINE_AA)
            return
