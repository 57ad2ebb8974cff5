"""What a mission's verdicts add up to."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from edge_node.control_room.history.records import VerdictRecord
from edge_node.control_room.report.mission_totals import Totals, distance_m
from edge_node.messages.verdict import Pose
from tests.support.verdicts import verdict


def test_numbers_places_and_the_time_of_two_boots_are_added_up() -> None:
    """A clock that was set back between two boots leaves the time of each."""
    totals = Totals()
    for position, (seq, epoch, boot_id, at_s) in enumerate(
        ((2, "a", "one", 10), (1, "a", "one", 0), (1, "b", "two", 0), (2, "b", "two", 5)), 1
    ):
        made = verdict(seq, "C", id=f"crawler-1:{epoch}:{seq}", boot_id=boot_id, pose=Pose(distance_m=seq))
        made = msgspec.structs.replace(made, monotonic_ns=at_s * 10**9)
        totals.add(
            VerdictRecord(position, made.observed_at + timedelta(hours=1), replayed=False, verdict=made)
        )
    assert totals.number_ranges() == {"a": (1, 2), "b": (1, 2)}
    assert (totals.places_m, totals.judged_m) == ([2, 1, 1, 2], [2, 1, 1, 2])
    assert totals.lasted_s() == 15.0


def test_a_place_without_a_distance_is_none() -> None:
    """Neither without a pose nor with one in space."""
    assert distance_m(None) is distance_m(Pose(x_m=1.0, y_m=2.0)) is None
