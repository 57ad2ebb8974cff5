"""Metrics by hand: intervals, precision and recall, groups, calibration."""

from __future__ import annotations

import math

import numpy as np
import pytest

from converter.evaluation.metrics import (
    bootstrap_by_group,
    calibration_error,
    measure_detection,
    tabulate_confusions,
    wilson_interval,
)


def test_wilson_by_hand():
    """8 of 10 is 0.490 to 0.943, as the published formula gives; none of none is unknown."""
    interval = wilson_interval(8, 10)
    assert (interval.value, interval.low, interval.high) == pytest.approx((0.8, 0.4902, 0.9433), abs=1e-4)
    assert wilson_interval(0, 5).low == 0.0
    assert math.isnan(wilson_interval(0, 0).value)


def test_precision_recall_and_f_are_the_thesis_ones():
    """3 found, 1 false alarm, 2 missed, one of them without an answer: 3/4, 3/5, 2/3."""
    truth = ["corroded"] * 5 + ["uncorroded"] * 3
    said = ["corroded"] * 3 + ["uncorroded", None] + ["corroded", "uncorroded", "uncorroded"]
    found = measure_detection(truth, said, "corroded")
    assert (found.precision, found.recall) == pytest.approx((3 / 4, 3 / 5))
    assert found.f_measure == pytest.approx(2 / 3)
    assert tabulate_confusions(truth, said) == {
        "corroded": {"corroded": 3, "uncorroded": 1, "-": 1},
        "uncorroded": {"corroded": 1, "uncorroded": 2, "-": 0},
    }
    assert math.isnan(measure_detection(["uncorroded"], ["uncorroded"], "corroded").recall)


def test_intervals_know_that_pictures_of_one_specimen_go_together():
    """Ten specimens that are wholly right or wrong are no surer for having fifty pictures each."""
    groups = np.repeat(np.arange(10), 50)
    right = groups < 8
    together, apart = bootstrap_by_group(right, groups.tolist()), bootstrap_by_group(right, list(range(500)))
    assert together.value == apart.value == 0.8
    assert together.high - together.low > 4 * (apart.high - apart.low)


def test_calibration_error_by_hand():
    """Two bins: 0.95 sure and always right is off by 0.05, 0.75 sure and half right by 0.25."""
    confidence = np.array([0.95, 0.95, 0.75, 0.75])
    assert calibration_error(confidence, np.array([True, True, True, False])) == pytest.approx(0.15)
