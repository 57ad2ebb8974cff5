"""The state and the growth of a defect by what was seen of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from edge_node.control_room.history.defects.growth import Basis, Trend
from edge_node.control_room.history.defects.records import DefectState, Placement
from edge_node.control_room.history.defects.states import compute_state, count_passes, measure_growth
from tests.support.sightings import BEGIN, measures, sighting


def seen(*passes: dict) -> list:
    """A place as passes a hundred days apart saw it."""
    return [
        sighting(
            number,
            5.0,
            epoch=f"e{number}",
            at=BEGIN + timedelta(days=100 * number),
            placed=Placement(pass_id=f"p{number}", asset_m=5.0),
            **fields,
        )
        for number, fields in enumerate(passes, 1)
    ]


def states(sightings: list) -> DefectState:
    """What is computed of them."""
    return compute_state(sightings, measure_growth(sightings))


@pytest.mark.parametrize(
    ("areas", "wanted"),
    [
        ((100.0,), DefectState.NEW),
        ((100.0, 300.0), DefectState.KNOWN),
        ((100.0, 200.0, 300.0, 400.0), DefectState.GROWING),
        ((100.0, 101.0, 99.0, 100.0), DefectState.STABLE),
    ],
)
def test_the_state_follows_from_the_passes(areas: tuple[float, ...], wanted: DefectState) -> None:
    """New in one pass, known in two, growing or stable where the interval says so."""
    assert states(seen(*({"measures": measures(area_mm2=area)} for area in areas))) is wanted


def test_what_may_be_another_place_is_unsure() -> None:
    """Until a person decides, or another pass tells."""
    (one,) = seen({})
    assert one.placed is not None
    candidates = ((1, 0.5), (2, 0.4))
    open_one = replace(one, placed=msgspec.structs.replace(one.placed, is_sure=False, candidates=candidates))
    assert states([open_one]) is DefectState.UNSURE
    assert states([replace(open_one, is_pinned=True)]) is DefectState.NEW


def test_shares_of_pictures_count_only_at_one_scale() -> None:
    """A robot that comes closer makes the share grow; mm² go before shares."""
    shares = [0.1, 0.2, 0.3, 0.4]
    same = seen(*({"measures": measures(area_fraction=share), "mm_per_px": 0.2} for share in shares))
    assert measure_growth(same).trend is Trend.GROWING
    closer = seen(
        *({"measures": measures(area_fraction=share), "mm_per_px": 0.02 / share} for share in shares)
    )
    assert measure_growth(closer).trend is Trend.NONE
    assert "not always equally far away" in measure_growth(closer).text
    ranges = seen(*({"measures": measures(area_fraction=share), "range_mm": 50 / share} for share in shares))
    assert measure_growth(ranges).basis is None
    both = seen(*({"measures": measures(area_fraction=share, area_mm2=50.0)} for share in shares))
    assert measure_growth(both).basis is Basis.AREA_MM2
    assert measure_growth(both).trend is Trend.STABLE


def test_two_robots_of_unknown_scale_are_not_compared() -> None:
    """Their cameras may be anything."""
    three = seen(*({"measures": measures(area_fraction=0.1)} for _ in range(3)))
    mixed = [*three[:2], replace(three[2], robot="crawler-2")]
    assert "several cameras" in measure_growth(mixed).text


def test_a_pass_counts_once() -> None:
    """However many findings it made of the place."""
    (one,) = seen({"frames": 3})
    assert count_passes([one, replace(one, key=9)]) == 1


def test_severities_are_ranked_as_the_rooms_file_names_them() -> None:
    """Without an area, in steps of the list; words that are not in it are named."""
    words = ("fine", "watch", "poor", "critical")
    rising = seen(*({"severities": {word: 9}} for word in words))
    growth = measure_growth(rising, words)
    assert (growth.basis, growth.trend) == (Basis.SEVERITY, Trend.GROWING)
    assert [point.value for point in growth.points] == [0.0, 1.0, 2.0, 3.0]
    assert "[room] does not name critical, fine, poor, watch" in measure_growth(rising).text
