"""Which sightings are one place."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from edge_node.control_room.history.defects.matching import find_drifts, match_asset
from tests.support.sightings import BEGIN, sighting

PLACES = (2.0, 2.3, 7.5, 7.8, 11.1, 19.0, 19.3, 28.2)


def walk(first_key: int, epoch: str, scale: float = 1.0, places=PLACES, **fields) -> list:
    """One pass."""
    return [
        sighting(first_key + number, at_m * scale, epoch=epoch, **fields)
        for number, at_m in enumerate(places)
    ]


def placed(sightings: list) -> list:
    """The sightings with what the matching says of them."""
    found = {match.key: match for match in match_asset(sightings)}
    return [
        replace(one, anchor=found[one.key].anchor, placed=found[one.key].placed, is_changed=False)
        for one in sightings
        if one.key in found
    ]


def test_three_drifting_passes_are_one_set_of_places() -> None:
    """The same with each pass as it comes, with all at once, and matched again: nothing moves."""
    passes = [walk(1, "e1"), walk(20, "e2", 1.05), walk(40, "e3", 0.96)]
    whole = placed([one for run in passes for one in run])
    assert [one.anchor for one in whole] == [1, 2, 3, 4, 5, 6, 7, 8] * 3
    known: list = []
    for run in passes:
        fresh = match_asset([*known, *run], frozenset(one.key for one in run))
        assert {match.key for match in fresh} == {one.key for one in run}  # earlier passes stay as they are
        found = {match.key: match for match in fresh}
        known += [replace(one, anchor=found[one.key].anchor, placed=found[one.key].placed) for one in run]
    assert [one.anchor for one in known] == [one.anchor for one in whole]
    assert match_asset(known, frozenset()) == []
    drifts = find_drifts(whole)
    assert [drift.scale for drift in drifts] == pytest.approx([1.0, 1 / 1.05, 1 / 0.96], abs=0.01)


def test_one_place_that_a_pass_calls_two_kinds_is_one() -> None:
    """The models err: two findings at once at one place, of two materials."""
    twice = [sighting(1, 5.0, material="steel"), sighting(2, 5.04, material="aluminium", seq=21)]
    assert len({one.anchor for one in placed(twice)}) == 1
    apart = [sighting(1, 5.0), sighting(2, 5.3)]
    assert len({one.anchor for one in placed(apart)}) == 2


def test_what_a_person_pinned_stays_and_is_built_upon() -> None:
    """A place far away that a person calls the second one; a later pass finds both places of it."""
    first, second = walk(1, "e1"), walk(20, "e2", 1.02)
    second[7] = replace(second[7], is_pinned=True, anchor=2, defect=2)
    found = {one.key: one.anchor for one in placed([*first, *second])}
    assert found[27] == 2
    assert [found[key] for key in range(20, 27)] == [1, 2, 3, 4, 5, 6, 7]


def test_few_common_places_far_out_leave_it_open() -> None:
    """Candidates with their probability; the sighting founds no place that later passes are held against."""
    known = [sighting(1, 30.0), sighting(2, 30.35), sighting(3, 30.7)]
    alone = sighting(10, 30.9, epoch="e2", at=BEGIN + timedelta(days=1))
    (one,) = [seen for seen in placed([*known, alone]) if seen.key == 10]
    assert one.placed is not None
    assert not one.placed.is_sure
    assert {anchor for anchor, _ in one.placed.candidates} <= {1, 2, 3}
    assert len(one.placed.candidates) > 1


def test_positions_in_space_are_matched_too() -> None:
    """With an origin that is half a metre off."""
    at = [(0.0, 0.0, 1.0), (4.0, 1.0, 0.0), (9.0, -2.0, 3.0), (9.0, -2.4, 3.0), (15.0, 3.0, 1.0)]
    first = [sighting(k, None, x_m=x, y_m=y, z_m=z) for k, (x, y, z) in enumerate(at, 1)]
    second = [
        sighting(k, None, epoch="e2", x_m=x + 0.4, y_m=y - 0.3, z_m=z) for k, (x, y, z) in enumerate(at, 11)
    ]
    found = placed([*first, *second])
    assert [one.anchor for one in found] == [1, 2, 3, 4, 5] * 2
    assert found[-1].placed is not None
    assert found[-1].placed.x_m == pytest.approx(15.0, abs=0.1)


def test_without_a_place_nothing_is_matched() -> None:
    """Nor with a height alone taken for a distance."""
    assert match_asset([sighting(1, None), sighting(2, None, epoch="e2")]) == []


def test_a_pass_from_another_zero_or_from_the_other_end_is_laid_by_its_pattern() -> None:
    """Counted from twenty metres further on, or backwards from the far end: each place is found again."""
    first = walk(1, "e1")
    there = [one.summary.distance_m or 0.0 for one in first]
    shifted = [sighting(20 + at, own_m + 20.0, epoch="e2") for at, own_m in enumerate(there)]
    assert [one.anchor for one in placed([*first, *shifted])][8:] == list(range(1, 9))
    back = [sighting(20 + at, 40 - 1.03 * own_m, epoch="e2") for at, own_m in enumerate(reversed(there))]
    turned = placed([*first, *back])
    assert [one.anchor for one in turned][8:] == list(range(8, 0, -1))
    assert find_drifts(turned)[1].scale == pytest.approx(-1 / 1.03, abs=0.01)
    assert find_drifts(turned)[1].to_asset(40 - 1.03 * there[3]) == pytest.approx(there[3], abs=0.05)


@pytest.mark.parametrize("off", [0.0, 1.0, 2.0])
def test_evenly_spaced_places_are_right_or_unsure_never_a_neighbour(off: float) -> None:
    """Nothing tells a grid that begins a step further from one that was put down a step off."""
    first = [sighting(1 + at, 1.0 + at) for at in range(20)]
    second = [sighting(40 + at, 1.0 + at + off, epoch="e2") for at in range(20)]
    found = {one.key: one for one in placed([*first, *second])}
    for at in range(20):
        one = found[40 + at]
        assert one.anchor == 1 + at or not one.placed.is_sure


def test_evenly_spaced_places_farther_apart_than_any_drift_are_known_again() -> None:
    """On the way back, of which two are seen so far, four metres apart: no drift brings one to the other."""
    first = [sighting(1 + at, at_m) for at, at_m in enumerate((1.17, 10.07, 13.97, 17.99, 22.02))]
    back = [sighting(20 + at, at_m, epoch="e2") for at, at_m in enumerate((22.02, 17.98, 14.02))]
    assert [one.anchor for one in placed([*first, *back])][5:] == [5, 4, 3]
    assert [one.anchor for one in placed([*first, *back[:2]])][5:] == [5, 4]
