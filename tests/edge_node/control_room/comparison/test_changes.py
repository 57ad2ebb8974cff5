"""What became of defects, with missions made up for each case."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge_node.control_room.comparison.changes import ChangeKind, MissionView, SeenDefect, Sight, compare
from edge_node.control_room.comparison.surface import Stretch, Surface
from edge_node.control_room.history.missions.mission import Point
from tests.support.verdicts import START

PLACE = Stretch(4.9, 5.1)
SIGHT = Sight(robot="crawler-1", finding_id="f", at=START, stretch=PLACE, severity="mid", level=1)


def view(to_m=10.0, *, judged=True, scale=1.0, sigma_per_m=0.0):
    """A mission from 0 to ``to_m`` that found nothing."""
    points = [
        Point("a", at, at, "pipe", at * 0.05 * scale, judged, is_corroded=False)
        for at in range(round(to_m * 20))
    ]
    return MissionView(Surface(points), {}, lambda asset_m: asset_m * scale, 0.0, sigma_per_m)


def defect(**fields):
    """One at five metres."""
    return SeenDefect(**{"key": 1, "label": "D1", "place": PLACE, **fields})


def kind_of(one, earlier=None, later=None):
    """What became of it."""
    (change,) = compare([one], earlier or view(), later or view())
    return change.kind, change.is_sure


def test_gone_only_where_the_place_was_judged():
    """Not judged, not reached, or a place that nobody knows is unseen this time."""
    then = defect(earlier=SIGHT)
    assert kind_of(then) == (ChangeKind.GONE, True)
    assert kind_of(then, later=view(judged=False))[0] is ChangeKind.UNSEEN
    assert kind_of(then, later=view(to_m=4.0))[0] is ChangeKind.UNSEEN
    assert kind_of(replace(then, place=None))[0] is ChangeKind.UNSEEN
    assert kind_of(then, later=view(to_m=5.6, sigma_per_m=0.05))[0] is ChangeKind.GONE
    assert kind_of(replace(then, may_be=("D7",)))[0] is ChangeKind.UNSEEN


def test_new_is_sure_only_where_the_earlier_mission_judged():
    """Else it may be older; what was seen before the earlier mission is no news at all."""
    now = defect(later=SIGHT)
    assert kind_of(now) == (ChangeKind.NEW, True)
    assert kind_of(now, earlier=view(judged=False)) == (ChangeKind.NEW, False)
    assert kind_of(now, earlier=view(to_m=4.0)) == (ChangeKind.NEW, False)
    assert kind_of(replace(now, was_known=True))[0] is ChangeKind.SEEN_AGAIN
    assert kind_of(replace(now, may_be=("D7",))) == (ChangeKind.NEW, False)


def test_a_place_is_looked_for_in_the_missions_own_metres():
    """An odometer that counts a tenth less: five metres of the asset are its 4.5, where it was dark."""
    points = [Point("a", at, at, "pipe", at * 0.05, not 85 < at < 95, is_corroded=False) for at in range(180)]
    later = MissionView(Surface(points), {}, lambda asset_m: asset_m * 0.9)
    assert kind_of(defect(earlier=SIGHT), later=later)[0] is ChangeKind.UNSEEN


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {"severity": "late", "level": 2}, ChangeKind.GROWN),
        ({"severity": "late", "level": 2}, {}, ChangeKind.UNCHANGED),
        ({"area": 0.1, "standard_error": 0.01}, {"area": 0.2, "standard_error": 0.01}, ChangeKind.GROWN),
        # within the scatter of the verdicts
        ({"area": 0.1, "standard_error": 0.05}, {"area": 0.15, "standard_error": 0.05}, ChangeKind.UNCHANGED),
        # surely measured, but less than the map resolves
        (
            {"area": 0.1, "standard_error": 1e-5},
            {"area": 0.105, "standard_error": 1e-5},
            ChangeKind.UNCHANGED,
        ),
        # one verdict alone tells no scatter
        ({"area": 0.1}, {"area": 0.4, "standard_error": 0.01}, ChangeKind.UNCHANGED),
        # mm² and shares of a picture are not compared
        (
            {"area": 0.1, "standard_error": 0.0},
            {"area": 90.0, "standard_error": 1.0, "is_mm2": True},
            ChangeKind.UNCHANGED,
        ),
        ({"level": None, "severity": "pitted"}, {}, ChangeKind.UNCHANGED),
        ({}, {}, ChangeKind.UNCHANGED),
    ],
)
def test_grown_is_more_than_scatter(before, after, expected):
    """A worse severity, or an area beyond what the verdicts of a pass scatter."""
    seen = defect(earlier=replace(SIGHT, **before), later=replace(SIGHT, **after))
    assert kind_of(seen)[0] is expected


def test_areas_have_no_powers_of_ten():
    """A person reads them: 18,600, not 1.86e+04."""
    before = replace(SIGHT, area=18_640.0, standard_error=1_000.0, is_mm2=True)
    (change,) = compare([defect(earlier=before, later=replace(before, area=1_234_567.0))], view(), view())
    assert change.text == "area 18,600 ± 2,000 mm² then, 1,230,000 ± 2,000 mm² now"


def test_changes_come_by_kind_and_place():
    """News first, what stayed last."""
    seen = [
        defect(key=1, earlier=SIGHT, later=SIGHT),
        defect(key=2, earlier=SIGHT),
        defect(key=3, later=SIGHT, place=Stretch(6.0, 6.1)),
        defect(key=4, later=SIGHT, place=Stretch(2.0, 2.1)),
    ]
    assert [change.defect.key for change in compare(seen, view(), view())] == [4, 3, 2, 1]
