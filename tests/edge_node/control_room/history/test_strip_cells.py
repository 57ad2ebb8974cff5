"""Cells of the strip: verdicts added up along the pose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.history.records import (
    VerdictFilter,
)
from edge_node.control_room.history.strip_cells import select_asset_strips
from edge_node.messages.verdict import Pose
from tests.support.verdicts import START, verdict

if TYPE_CHECKING:
    from edge_node.control_room.history.history import History


def test_a_strip_adds_up_verdicts_along_the_pose(history: History) -> None:
    """Cells begin at round places; what was not judged is not taken for sound."""
    for seq, (distance_m, what, severity) in enumerate(
        [(0.1, "U", None), (1.2, "C", "mid"), (1.9, "C", "late"), (9.7, "?", None), (9.8, "U", None)], start=1
    ):
        given = {"severity": severity, "area_fraction": 0.1 * seq if what == "C" else None}
        history.add_verdict(verdict(seq, what, pose=Pose(distance_m=distance_m), **given))
    cells = history.strip(VerdictFilter(robot="crawler-1"), cells=12)
    assert [(cell.start, cell.end) for cell in cells] == [(0, 1), (1, 2), (9, 10)]
    assert [(cell.judged, cell.not_judged, cell.corroded) for cell in cells] == [
        (1, 0, 0),
        (2, 0, 2),
        (1, 1, 0),
    ]
    assert cells[1].by_severity == {"mid": 1, "late": 1}
    assert cells[1].peak_area_fraction == pytest.approx(0.3)
    by_time = history.strip(VerdictFilter(), cells=5, by_time=True)
    assert sum(cell.judged + cell.not_judged for cell in by_time) == 5
    assert by_time[0].start <= START.timestamp() + 1 < by_time[0].end
    assert history.strip(VerdictFilter(robot="crawler-2")) == []


def test_a_pose_at_the_end_of_the_world_does_not_flatten_the_strip(history: History) -> None:
    """Numbers that are no place are left out; they would make one cell of all others."""
    history.add_verdict(verdict(1, "C", pose=Pose(distance_m=1.0)))
    history.add_verdict(verdict(2, "C", pose=Pose(distance_m=1e300)))
    (cell,) = history.strip(VerdictFilter())
    assert cell.corroded == 1


def test_no_strip_adds_up_two_assets(history: History) -> None:
    """Each asset has its strip, that of two robots on it is one; without asset or pose it is the robot's."""
    given: list[tuple[str, str | None, float | None]] = [
        ("crawler-1", "pipe-7", 1.0),
        ("crawler-1", "pipe-9", 1.0),
        ("crawler-2", "pipe-7", 3.0),
        ("crawler-2", None, 5.0),
        ("crawler-3", "pipe-7", None),
        ("crawler-4", None, None),
    ]
    for seq, (robot, asset, distance_m) in enumerate(given, start=1):
        pose = None if distance_m is None else Pose(distance_m=distance_m)
        history.add_verdict(verdict(seq, "C", robot=robot, asset=asset, pose=pose))
    strips, total = select_asset_strips(history.database, VerdictFilter(), 100)
    assert [(strip.asset, strip.robots, strip.by_time) for strip in strips] == [
        ("pipe-7", ("crawler-1", "crawler-2"), False),
        ("pipe-7", ("crawler-3",), True),
        ("pipe-9", ("crawler-1",), False),
        (None, ("crawler-2",), False),
        (None, ("crawler-4",), True),
    ]
    assert total == len(strips)
    assert [sum(cell.corroded for cell in strip.cells) for strip in strips] == [2, 1, 1, 1, 1]
    chosen, _ = select_asset_strips(
        history.database, VerdictFilter(asset="pipe-7"), 100, robots={("quay", "crawler-2")}
    )
    assert [(strip.robots, strip.cells[0].start) for strip in chosen] == [(("crawler-2",), 3.0)]
    newest, total = select_asset_strips(history.database, VerdictFilter(), 100, most=1)
    assert ([strip.robots for strip in newest], total) == ([("crawler-4",)], 5)
