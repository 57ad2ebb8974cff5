"""Two missions of a real history against what is known of them."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from edge_node.control_room.comparison.changes import SeenDefect, Sight
from edge_node.control_room.comparison.comparison import ComparisonError, compare_missions, mark_doubts
from edge_node.control_room.comparison.surface import Stretch
from edge_node.control_room.history.defects.defect_book import DefectBook
from edge_node.control_room.history.missions.mission_book import MissionBook
from tests.support.two_missions import EARLIER, LATER, TRUTH, open_two_missions
from tests.support.verdicts import START

SIGHT = Sight(robot="crawler-1", finding_id="f", at=START)


def found_in(comparison):
    """Kind by place, to ten centimetres of the asset."""
    return {
        round((change.defect.place.from_m + change.defect.place.to_m) / 2, 1): change.kind.value
        for change in comparison.changes
    }


@pytest.mark.parametrize("drift", [1.0, 1.04, 0.96])
def test_what_changed_is_the_truth_whatever_the_odometer_drifts(tmp_path, drift):
    """New, grown, gone, unseen in the dark and beyond the end that was reached, and unchanged neighbours."""
    history = open_two_missions(tmp_path / "room", drift=drift)
    book = MissionBook(history.database)
    earlier, later = (book.find("quay", name) for name in (EARLIER, LATER))
    comparison = compare_missions(history, earlier, later, ("none", "mid", "late"))
    history.close()
    assert found_in(comparison) == TRUTH
    assert all(change.is_sure for change in comparison.changes)
    assert comparison.left_out == 0


def test_pictures_and_their_captions_are_of_each_mission(comparison):
    """Then and now, each with what its own picture shows."""
    (worse,) = [change for change in comparison.changes if change.text.startswith("severity")]
    then, now = worse.defect.earlier, worse.defect.later
    assert (then.severity, now.severity) == ("mid", "late")
    assert then.picture != now.picture
    assert (then.shows, now.shows) == (
        "mid, about 10% corroded, confidence 97%",
        "late, about 30% corroded, confidence 97%",
    )


def test_what_may_be_one_place_is_neither_new_nor_gone():
    """The matcher's doubt counts for places nearby, not for those that both missions tell apart."""
    one = SeenDefect(key=1, label="D1", place=Stretch(4.0, 4.1), earlier=SIGHT)
    near = SeenDefect(key=2, label="D2", place=Stretch(4.2, 4.3), later=SIGHT, may_be=("D1",))
    far = SeenDefect(key=3, label="D3", place=Stretch(6.2, 6.3), later=SIGHT, may_be=("D1",))
    assert [seen.may_be for seen in mark_doubts([one, near], 0.3)] == [("D2",), ("D1",)]
    assert [seen.may_be for seen in mark_doubts([one, far], 0.3)] == [(), ()]
    assert [seen.may_be for seen in mark_doubts([one, far], math.inf)] == [("D3",), ("D1",)]
    assert [seen.may_be for seen in mark_doubts([far], 0.3)] == [("D1",)]  # neither mission saw it


def test_both_strips_have_the_same_stretches(comparison):
    """Dark is not judged, and beyond the end there is nothing."""
    then, now = comparison.cells
    width = then[0].end - then[0].start
    assert all(round((cell.start / width) % 1, 6) in (0.0, 1.0) for cell in (*then, *now))
    assert then[-1].end > now[-1].end
    assert any(cell.not_judged and not cell.judged for cell in now)


def test_missions_that_are_not_of_one_asset_are_refused(two_missions):
    """In a sentence; and none is compared with itself."""
    one = MissionBook(two_missions.database).find("quay", EARLIER)
    with pytest.raises(ComparisonError, match="with itself"):
        compare_missions(two_missions, one, one, ())
    with pytest.raises(ComparisonError, match="over hull at quay and over pipe L-7 at quay"):
        compare_missions(two_missions, replace(one, asset="hull", id="x"), one, ())


def test_what_a_person_called_no_defect_is_left_out(tmp_path):
    """It is counted, not listed."""
    history = open_two_missions(tmp_path / "room")
    defects = DefectBook(history.database)
    chosen = defects.defects()[0]
    defects.deeds.set_state(chosen.key, "not_a_defect", "Anna")
    book = MissionBook(history.database)
    earlier, later = (book.find("quay", name) for name in (EARLIER, LATER))
    comparison = compare_missions(history, earlier, later, ("none", "mid", "late"))
    history.close()
    assert comparison.left_out == 1
    assert chosen.label not in {change.defect.label for change in comparison.changes}
