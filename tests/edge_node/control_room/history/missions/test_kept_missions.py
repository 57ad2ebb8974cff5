"""What is left of missions when their verdicts are deleted."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from edge_node.control_room.comparison.comparison import compare_missions
from edge_node.control_room.history.history import History
from edge_node.control_room.history.missions.kept_missions import add_kept, read_surface
from edge_node.control_room.history.missions.mission import NumberSpan
from edge_node.control_room.history.missions.mission_book import MissionBook
from edge_node.control_room.history.missions.mission_keeper import MissionKeeper
from edge_node.control_room.report.mission import Selection, collect_mission
from edge_node.errors import CorrosionError
from edge_node.messages.verdict import Pose
from tests.support.two_missions import EARLIER, LATER, TRUTH, open_two_missions
from tests.support.verdicts import START, verdict


def keep(history):
    """Keep all missions: the second look finds that nothing came."""
    keeper = MissionKeeper(history.database, MissionBook(history.database))
    return keeper.keep() + keeper.keep()


def delete_verdicts(history):
    """Delete all verdicts by their age, long after."""
    now = START.replace(year=START.year + 10)
    history.trim(max_bytes=10**9, max_picture_bytes=10**9, days=1, now=now)
    assert history.usage().verdicts == 0


def test_a_mission_can_be_compared_when_its_verdicts_are_deleted(tmp_path):
    """Years later: its figures, and what it judged along its path, are the same."""
    with closing(open_two_missions(tmp_path / "room")) as history:
        before = MissionBook(history.database).missions()
        assert keep(history) == 2
        delete_verdicts(history)
        book = MissionBook(history.database)
        assert book.missions() == before
        earlier, later = (book.find("quay", name) for name in (EARLIER, LATER))
        changes = compare_missions(history, earlier, later, ("none", "mid", "late")).changes
        assert sorted(change.kind.value for change in changes) == sorted(TRUTH.values())
        points = read_surface(history.database, later)
        assert (len(points), sum(point.is_corroded for point in points)) == (220, later.corroded)
        with pytest.raises(CorrosionError, match="its verdicts are deleted"):
            collect_mission(history, Selection("quay", "crawler-1", mission=later))


def test_what_is_only_begun_is_kept_once_it_is_quiet_or_over(tmp_path):
    """A mission that grows is not kept at every look; what comes after a deletion is another one."""
    with closing(History(tmp_path)) as history:
        keeper = MissionKeeper(history.database, MissionBook(history.database))
        kept = []
        for seq in range(1, 5):
            history.add_verdict(verdict(seq, "U", asset="pipe", pose=Pose(distance_m=seq / 10)))
            kept.append(keeper.keep())
        kept += [keeper.keep(), keeper.keep()]
        assert kept == [0, 0, 0, 0, 1, 0]
        delete_verdicts(history)
        history.add_verdict(verdict(5, "U", asset="pipe", pose=Pose(distance_m=0.5)))
        kept_one, other = MissionBook(history.database).missions()
        assert [(one.id, one.verdicts) for one in (kept_one, other)] == [
            ("crawler-1:epoch:m1", 4),
            ("crawler-1:epoch:m5", 1),
        ]
        rest = replace(kept_one, verdicts=2, spans=(NumberSpan("epoch", 3, 4),))
        assert add_kept([rest, other], [kept_one]) == [kept_one, other]  # half of it is deleted
        grown = replace(kept_one, verdicts=9, spans=(NumberSpan("epoch", 1, 9),))
        assert add_kept([grown], [kept_one]) == [grown]
