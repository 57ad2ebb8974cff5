"""Filters of verdicts as SQL conditions."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from edge_node.control_room.history.records import (
    VerdictFilter,
)
from edge_node.messages.verdict import Pose
from tests.support.verdicts import START, verdict

if TYPE_CHECKING:
    from edge_node.control_room.history.history import History


def test_verdicts_are_searched_by_all_that_filters_name(history: History) -> None:
    """Each filter alone, and pages that follow each other without a verdict twice."""
    for seq in range(1, 21):
        pose = Pose(distance_m=seq / 10)
        what = "CU?X"[seq % 4]
        severity = "late" if seq == 8 else None
        asset = "pipe" if seq <= 10 else None
        history.add_verdict(verdict(seq, what, pose=pose, severity=severity, asset=asset), replayed=seq == 3)

    def found(**fields) -> list[int]:
        return [record.verdict.seq for record in history.verdicts(VerdictFilter(**fields))]

    assert found(outcome="corroded") == [20, 16, 12, 8, 4]
    assert found(severity="late") == [8]
    assert found(asset="pipe", outcome="uncorroded") == [9, 5, 1]
    assert found(robot="crawler-2") == found(site="ship") == found(material="copper") == []
    assert found(from_m=0.45, to_m=0.7) == [7, 6, 5]
    assert found(since=START + timedelta(seconds=19)) == [20, 19]
    assert found(until=START + timedelta(seconds=2)) == [2, 1]
    assert found(replayed=True) == [3]
    assert found(with_picture=True) == []
    assert history.count_verdicts(VerdictFilter(outcome="corroded")) == 5
    first = history.verdicts(limit=12)
    second = history.verdicts(limit=12, after=first[-1])
    assert [record.verdict.seq for record in first + second] == list(range(20, 0, -1))
    assert [record.verdict.seq for record in history.newest(2)] == [20, 19]
    assert history.verdicts(oldest_first=True, limit=1)[0].verdict.seq == 1
    assert history.assets() == ["pipe"]
    assert history.words("severity") == ["late"]
