"""Which mission another one is compared with."""

from __future__ import annotations

from datetime import timedelta

import pytest

from edge_node.control_room.comparison.choice import find_before, find_only, need_mission
from edge_node.control_room.history.missions.mission import AssetMission, NumberSpan
from edge_node.control_room.history.missions.mission_book import MissionBook
from edge_node.errors import CorrosionError
from tests.support.verdicts import START


def mission(day, from_m=0.0, to_m=10.0, **fields):
    """One on a day."""
    begin = START + timedelta(days=day)
    given = {"site": "quay", "robot": "crawler-1", "asset": "pipe", "verdicts": 9, "judged": 9, "corroded": 0}
    return AssetMission(
        **{
            **given,
            "id": f"crawler-1:{day}:m1",
            "spans": (NumberSpan(str(day), 1, 9),),
            "began_at": begin,
            "ended_at": begin + timedelta(hours=1),
            "from_m": from_m,
            "to_m": to_m,
            **fields,
        }
    )


def test_the_one_before_is_the_newest_over_the_same_stretch_of_the_same_asset():
    """A short look at another end in between does not count, if there is one that does."""
    whole, end, other, later = mission(1), mission(2, 9.5, 30), mission(3, asset="hull"), mission(4)
    missions = [whole, end, other, later]
    assert find_before(missions, later) is whole
    assert find_before([end, later], later) is end
    assert find_before([other, later, mission(5)], later) is None
    assert find_before([mission(1, asset=None), mission(2, asset=None)], mission(2, asset=None)) is None


def test_the_only_one_between_two_times_is_the_mission():
    """Two in them are no mission."""
    one, two = mission(1), mission(2)
    assert find_only([one, two], one.began_at, one.ended_at) is one
    assert find_only([one, two], one.began_at, two.ended_at) is None


def test_a_mission_that_is_not_there_is_said_so(two_missions):
    """With where to look."""
    with pytest.raises(CorrosionError, match="no mission 'x' at quay; /api/missions lists them"):
        need_mission(MissionBook(two_missions.database), "quay", "x")
