"""How many missions are kept apart from their verdicts."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta

from edge_node.control_room.history.history import History
from edge_node.control_room.history.missions import mission_keeper
from edge_node.control_room.history.missions.mission_book import MissionBook
from edge_node.control_room.history.missions.mission_keeper import MissionKeeper
from tests.support.verdicts import START, verdict


def test_a_robot_keeps_its_newest_missions(tmp_path, monkeypatch):
    """A bound for each: one robot in a loop takes no room from others."""
    monkeypatch.setattr(mission_keeper, "MAX_OF_ROBOT", 2)
    with closing(History(tmp_path)) as history:
        for day in range(4):
            at = START + timedelta(days=day)
            history.add_verdict(
                verdict(day + 1, "U", asset="pipe", observed_at=at, monotonic_ns=day * 86400 * 10**9)
            )
        keeper = MissionKeeper(history.database, MissionBook(history.database))
        assert [keeper.keep(), keeper.keep(), keeper.keep()] == [1, 1, 0]
        now = START + timedelta(days=9999)
        history.trim(max_bytes=10**9, max_picture_bytes=10**9, days=1, now=now)
        assert [one.id[-2:] for one in MissionBook(history.database).missions()] == ["m3", "m4"]
