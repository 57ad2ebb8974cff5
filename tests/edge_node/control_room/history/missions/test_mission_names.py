"""Names that people give to missions."""

from __future__ import annotations

from contextlib import closing

from edge_node.control_room.history.history import History
from edge_node.control_room.history.missions.mission_book import MissionBook
from edge_node.control_room.history.missions.mission_names import read_names, set_name
from edge_node.messages.verdict import Pose
from tests.support.verdicts import verdict


def test_a_name_stays_with_its_mission_when_its_beginning_comes_late(tmp_path):
    """It hangs on a number; a later name replaces it, and an empty one takes it away."""
    with closing(History(tmp_path)) as history:
        book = MissionBook(history.database)
        for seq in range(10, 20):
            history.add_verdict(verdict(seq, "U", asset="pipe", pose=Pose(distance_m=seq / 10)))
        set_name(history.database, book.missions()[0], "spring survey", "Anna", 1)
        for seq in range(1, 10):
            history.add_verdict(verdict(seq, "U", asset="pipe", pose=Pose(distance_m=seq / 10)))
        (mission,) = book.missions()
        assert (mission.id, mission.name) == ("crawler-1:epoch:m1", "spring survey")
        set_name(history.database, mission, "survey 1", "Ben", 2)
        assert book.missions()[0].name == "survey 1"
        set_name(history.database, mission, "", "Ben", 3)
        assert book.missions()[0].name == ""
        assert len(read_names(history.database, 1)) == 2
