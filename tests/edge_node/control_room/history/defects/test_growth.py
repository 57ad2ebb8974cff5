"""Growth against simulated truth: how often the interval holds it, and what is said of few passes."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from edge_node.control_room.history.defects.growth import (
    Basis,
    PassValue,
    Trend,
    describe_growth,
    fit_line,
)

BEGIN = datetime(2026, 1, 1, tzinfo=timezone.utc)


def passes(
    rng: np.random.Generator, slope: float, *, count: int = 5, verdicts: int = 10, alike: float = 0.0
) -> list[PassValue]:
    """What passes measure of 400 mm² that grow by ``slope`` a day; ``alike`` is an error of a whole pass."""
    found = []
    for number in range(count):
        days = 120 * number + float(rng.uniform(-20, 20))
        truth = 400 + slope * days
        values = truth * (1 + alike * rng.normal()) + rng.normal(0, 0.1 * truth, verdicts)
        at = BEGIN + timedelta(days=days)
        found.append(PassValue(at, float(values.mean()), float(values.std(ddof=1)), verdicts))
    return found


@pytest.mark.parametrize(("count", "verdicts", "alike"), [(3, 10, 0.0), (5, 5, 0.0), (8, 20, 0.05)])
def test_the_interval_holds_the_truth(count: int, verdicts: int, alike: float) -> None:
    """In 95 of 100 cases, by scatter within passes alone and with errors that a pass shares."""
    rng = np.random.default_rng(4)
    held = 0
    for _ in range(120):
        line = fit_line(passes(rng, 0.4, count=count, verdicts=verdicts, alike=alike))
        held += line is not None and line.low <= 0.4 <= line.high
    assert held >= 0.93 * 120


def test_growing_is_said_of_what_grows_and_hardly_ever_of_what_does_not() -> None:
    """Half as large again in a year is found in five passes; of 100 that rest, two at most."""
    rng = np.random.default_rng(5)
    growing = [describe_growth(passes(rng, 0.55), Basis.AREA_MM2).trend for _ in range(50)]
    resting = [describe_growth(passes(rng, 0.0), Basis.AREA_MM2).trend for _ in range(100)]
    assert growing.count(Trend.GROWING) >= 45
    assert resting.count(Trend.GROWING) <= 2
    assert resting.count(Trend.STABLE) >= 80


def test_two_passes_are_no_trend() -> None:
    """However far they are apart, and it says so."""
    found = describe_growth(passes(np.random.default_rng(1), 5.0, count=2), Basis.AREA_MM2)
    assert (found.trend, found.per_year, found.doubles) == (Trend.NONE, None, None)
    assert found.text == "Two passes are no trend: a third one tells growth from scatter."
    assert describe_growth([], None).text == "Nothing was measured that could grow."


def test_a_date_is_an_interval_around_the_truth() -> None:
    """When it is twice as large; none where it may as well not grow."""
    rng = np.random.default_rng(6)
    held = 0
    for _ in range(40):
        values = passes(rng, 0.5, count=5)
        found = describe_growth(values, Basis.AREA_MM2)
        assert found.doubles is not None
        truth = BEGIN + timedelta(days=(found.doubles.limit - 400) / 0.5)
        latest = found.doubles.latest
        held += found.doubles.earliest <= truth and (latest is None or truth <= latest)
        assert found.low is not None
        assert found.low > 0
    assert held >= 36
    assert describe_growth(passes(rng, 0.0), Basis.AREA_MM2).doubles is None


def test_what_gets_smaller_and_what_was_seen_at_one_time_are_told() -> None:
    """With the rate in words; passes of one moment have none."""
    found = describe_growth(passes(np.random.default_rng(2), -0.5), Basis.AREA_MM2)
    assert found.trend is Trend.SHRINKING
    assert found.text.startswith("Getting smaller by \N{MINUS SIGN}")
    same = [PassValue(BEGIN, value, 1.0, 5) for value in (1.0, 2.0, 3.0)]
    assert describe_growth(same, Basis.SEVERITY).trend is Trend.NONE


def test_large_amounts_and_short_times_are_written_in_words_that_people_read() -> None:
    """As a demonstration shows them: an hour, and no power of ten."""
    seen = [PassValue(BEGIN + timedelta(minutes=n), 20_000 + 20_000.0 * n, 200, 9) for n in range(4)]
    assert describe_growth(seen, Basis.AREA_MM2).text.startswith(
        "Growing by +1,200,000 mm² an hour (95 %: +1,"
    )
