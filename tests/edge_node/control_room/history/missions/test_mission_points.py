"""What is read of a robot's verdicts to find its missions."""

from __future__ import annotations

from contextlib import closing

from edge_node.control_room.history.history import History
from edge_node.control_room.history.missions.mission_book import MissionBook
from edge_node.control_room.history.missions.mission_points import list_epochs, read_points, read_records
from edge_node.messages.verdict import EpochEnd, Pose
from tests.support.verdicts import verdict


def test_epochs_come_in_the_order_in_which_they_name_each_other(tmp_path):
    """Whatever came first; two that name each other, as a forged record may, are each told once."""
    with closing(History(tmp_path)) as history:
        order = (("c", "b"), ("a", None), ("b", "a"), ("x", "y"), ("y", "x"))
        for name, before in order:
            end = EpochEnd(epoch=before, seq=1, sha256=None) if before else None
            history.add_verdict(verdict(1, "U", id=f"crawler-1:{name}:1", previous_epoch=end))
        names = [one.name for one in list_epochs(history.database, 1)]
        assert names[:3] == ["a", "b", "c"]
        assert sorted(names[3:]) == ["x", "y"]


def test_places_that_cannot_be_are_none_and_records_come_page_by_page(tmp_path):
    """A distance beyond the earth is no place of a mission."""
    with closing(History(tmp_path)) as history:
        for seq, place in enumerate((1.0, 1e12, 2.0), start=1):
            history.add_verdict(verdict(seq, "C", asset="pipe", pose=Pose(distance_m=place)))
        (epoch,) = list_epochs(history.database, 1)
        assert [point.distance_m for point in read_points(history.database, epoch)] == [1.0, None, 2.0]
        (mission,) = MissionBook(history.database).missions()
        told = []
        records = read_records(history.database, mission, lambda done, of: told.append((done, of)))
        assert [one.verdict.seq for one in records] == [1, 2, 3]
        assert told == [(3, 3)]
