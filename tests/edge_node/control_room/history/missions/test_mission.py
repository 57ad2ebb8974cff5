"""Where one mission ends and the next begins, in points without a history."""

from __future__ import annotations

from itertools import pairwise

import pytest

from edge_node.control_room.history.missions.mission import (
    AssetMission,
    NumberSpan,
    Point,
    compute_coverage,
    list_spans,
    split_passes,
)
from tests.support.missions import finding
from tests.support.verdicts import START

SECOND = 1_000_000


def points(places, *, epoch="a", first=1, asset="pipe", begin_s=0, step_s=1):
    """Verdicts at these places, a second apart."""
    return [
        Point(epoch, first + at, (begin_s + at * step_s) * SECOND, asset, place, True, False)
        for at, place in enumerate(places)
    ]


def ranges(found, is_pause=lambda _before, _after: False):
    """First and last number of each mission."""
    return [(found[part[0]].seq, found[part[-1]].seq) for part in split_passes(found, is_pause)]


def along(begin, end, step=0.1):
    """Places from one to another."""
    count = round(abs(end - begin) / step)
    return [begin + (end - begin) * at / count for at in range(count + 1)]


def test_a_robot_that_turns_round_begins_a_new_mission_at_the_farthest_place():
    """There and back is two missions; standing at the end belongs to the first."""
    there = along(0, 10)
    found = points([*there, 10.0, 10.0, *along(9.9, 0)])
    assert ranges(found) == [(1, 103), (104, 203)]


def test_a_robot_that_begins_again_begins_a_new_mission():
    """It was carried back to the start: the distance leaps."""
    found = points([*along(0, 10), *along(0, 10)])
    assert ranges(found) == [(1, 101), (102, 202)]


@pytest.mark.parametrize(
    "places",
    [
        [*along(0, 5), *along(4.9, 4.3), *along(4.4, 10)],  # looks again at what it passed
        [*along(0, 5), 500.0, *along(5.1, 10)],  # one distance that cannot be
        [*along(0, 5), 0.0, *along(5.1, 10)],
        [*along(0, 5), *([None] * 20), *along(5.1, 10)],  # pose lost for a while
        [*along(10, 0)],  # backwards from the beginning
        [0.0, 0.02, -0.03, 0.01] * 50,  # stands and trembles
        [None] * 50,
    ],
)
def test_one_pass_is_one_mission_whatever_its_distances_do_for_a_moment(places):
    """Looking again, a fault of the pose and no pose at all break nothing."""
    assert len(ranges(points(places))) == 1


def test_another_asset_and_a_pause_begin_a_new_mission():
    """Both at the very verdict."""
    first = points(along(0, 3))
    second = points(along(0, 3), first=32, asset="hull", begin_s=32)
    third = points(along(3.1, 6), first=63, asset="hull", begin_s=90_000)
    found = [*first, *second, *third]
    late = lambda before, after: after.observed_us - before.observed_us > 1800 * SECOND  # noqa: E731
    assert ranges(found, late) == [(1, 31), (32, 62), (63, 92)]


def test_a_restart_in_the_middle_does_not_break_a_mission():
    """Another epoch, the distance goes on: one mission with two spans of numbers."""
    found = [*points(along(0, 3)), *points(along(3.1, 6), epoch="b", begin_s=60)]
    (part,) = split_passes(found, lambda _before, _after: False)
    assert list_spans([found[at] for at in part]) == (NumberSpan("a", 1, 31), NumberSpan("b", 1, 30))


def test_every_verdict_belongs_to_one_mission():
    """Nothing is left out and nothing counts twice, over many turns."""
    found = points([*along(0, 4), *along(3.9, 0.5), *along(0.6, 8), *along(7.9, 0), *along(0.1, 2)])
    parts = split_passes(found, lambda _before, _after: False)
    assert parts[0].start == 0
    assert parts[-1].stop == len(found)
    assert all(one.stop == other.start for one, other in pairwise(parts))
    assert len(parts) == 5


def test_coverage_is_the_share_of_the_way_that_was_judged():
    """A metre of ten that was not judged is a tenth; short steps between frames are no holes."""
    places = along(0, 10)
    judged = [place for place in places if not 4 < place < 5]
    assert compute_coverage(places, judged) == pytest.approx(0.9, abs=0.02)
    assert compute_coverage(places, []) == 0.0
    assert compute_coverage([], []) is None
    assert compute_coverage([3.0, 3.0], [3.0]) == 1.0


def test_a_mission_saw_the_findings_that_reach_into_its_numbers():
    """One over a turn belongs to both; one of another epoch, robot or asset to none."""
    fields = {"site": "quay", "robot": "crawler-1", "asset": "pipe 7", "began_at": START, "ended_at": START}
    counts = {"verdicts": 9, "judged": 9, "corroded": 3}
    one = AssetMission(id="crawler-1:epoch:m1", spans=(NumberSpan("epoch", 1, 10),), **fields, **counts)
    two = AssetMission(id="crawler-1:epoch:m11", spans=(NumberSpan("epoch", 11, 20),), **fields, **counts)
    assert (one.saw(finding(9)), two.saw(finding(9))) == (True, True)  # verdicts 9 to 11
    assert (one.saw(finding(5)), two.saw(finding(5))) == (True, False)
    other = finding(5, first_verdict="crawler-1:x:5", last_verdict="crawler-1:x:7")
    assert not one.saw(other)
    assert not one.saw(finding(5, asset="hull"))
    restarted = finding(9, first_verdict="crawler-1:before:90", last_verdict="crawler-1:epoch:2")
    assert (one.saw(restarted), two.saw(restarted)) == (True, False)
