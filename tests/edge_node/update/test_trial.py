"""The trial's arithmetic: pure, with times given."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from edge_node.config.sections import BundleConfig
from edge_node.update.trial import BundleFigures, RecentFigures, Trial, judge_trial

CONFIG = BundleConfig(path="default", trial_verdicts=100, trial_abstention_rise=0.2, trial_latency_factor=2.0)
BEFORE = BundleFigures(judged=1000, abstention=0.1, inference_ms=10.0)
FRESH = Trial(since=datetime(2026, 1, 1, tzinfo=timezone.utc), before=BEFORE)


def after(trial: Trial, verdicts: list[tuple[bool, float]]) -> tuple[int, tuple[bool, str] | None]:
    """Count verdicts until one answer is certain; return how many it took, and the answer."""
    for number, (abstained, inference_ms) in enumerate(verdicts, 1):
        trial = trial.count(abstained=abstained, inference_ms=inference_ms, config=CONFIG)
        if (found := judge_trial(trial, CONFIG)) is not None:
            return number, found
    return len(verdicts), None


@pytest.mark.parametrize(
    ("verdicts", "number", "good"),
    [
        ([(False, 10.0)] * 200, 100, True),
        ([(True, 10.0)] * 30 + [(False, 10.0)] * 100, 100, True),  # 30 % is the limit
        ([(True, 10.0)] * 200, 31, False),  # no further verdict could change it
        ([(False, 20.0)] * 200, 100, True),
        ([(False, 20.1)] * 200, 51, False),
    ],
)
def test_a_trial_ends_when_its_end_is_certain(verdicts, number, good):
    """At the limit it passes, one beyond it does not; abstaining and slowness each."""
    found, answer = after(FRESH, verdicts)
    assert (found, answer[0]) == (number, good)


def test_without_old_figures_half_may_abstain_and_no_time_is_too_long():
    """A robot that was never on another bundle."""
    unknown = Trial(since=FRESH.since)
    assert after(unknown, [(True, 9999.0)] * 50 + [(False, 9999.0)] * 50)[1][0]
    assert after(unknown, [(True, 1.0)] * 60)[0] == 51


def test_errors_and_few_figures():
    """More errors than allowed end it at once; figures over a handful of verdicts are noise."""
    import msgspec

    assert judge_trial(msgspec.structs.replace(FRESH, errors=3), CONFIG) is None
    assert not judge_trial(msgspec.structs.replace(FRESH, errors=4), CONFIG)[0]
    record = RecentFigures()
    for _ in range(29):
        record.count(abstained=False, inference_ms=5.0)
    assert record.figures() is None
    record.count(abstained=True, inference_ms=5.0)
    assert record.figures() == BundleFigures(judged=30, abstention=1 / 30, inference_ms=5.0)
