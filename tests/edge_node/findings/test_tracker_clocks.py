"""What clocks that are set, lose the time or are absent make of findings."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import msgspec
import pytest

from edge_node.clock_floor import BUILT
from edge_node.findings.candidate import TrackerState
from edge_node.findings.tracker import FindingTracker
from edge_node.messages.finding import ClosedBecause, FindingState
from tests.edge_node.findings.test_tracker import QUICK, walk
from tests.support.verdicts import START, verdict

STEPS = [
    *(timedelta(seconds=1), timedelta(seconds=-1), timedelta(hours=1), timedelta(hours=-1)),
    *(timedelta(days=400), timedelta(days=-400), datetime(1970, 1, 1, tzinfo=timezone.utc) - START),
]
OPENED, UPDATED, CLOSED = FindingState.OPENED, FindingState.UPDATED, FindingState.CLOSED


def test_a_long_silence_closes():
    """Corrosion after an hour without a judged frame is another finding."""
    tracker = FindingTracker(QUICK)
    walk(tracker, "CC")
    (closed,) = tracker.see(verdict(3, "C", monotonic_ns=7202 * 10**9))
    assert closed.closed_because is ClosedBecause.LATE


@pytest.mark.parametrize("quality", ["not_synchronized", "synchronized", "unknown"])
@pytest.mark.parametrize("step", STEPS, ids=str)
def test_a_clock_that_is_set_neither_closes_nor_silences_an_open_finding(step, quality):
    """Updates go on, its dates are as far apart as time passed, and the corrosion's end closes it."""
    tracker = FindingTracker(msgspec.structs.replace(QUICK, update_s=10.0))
    walk(tracker, "C" * 10, time_quality=quality)
    said = []
    for seq in range(11, 40):
        at = START + timedelta(seconds=seq) + step
        said += tracker.see(verdict(seq, "C" if seq < 37 else "U", observed_at=at, time_quality=quality))
    assert [finding.state for finding in said] == [UPDATED, UPDATED, UPDATED, CLOSED]
    for finding in said:
        span = finding.last_observed_at - finding.first_observed_at
        passed_s = int(finding.last_verdict.rsplit(":", 1)[1]) - 1
        assert abs(span - timedelta(seconds=passed_s)) <= timedelta(seconds=1)
    if abs(step) > timedelta(seconds=1):
        assert said[-1].last_observed_at == START + timedelta(seconds=36) + step
    assert (said[-1].id, said[-1].closed_because) == ("crawler-1:epoch:f1", ClosedBecause.ABSENT)


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_a_synchronized_clock_dates_a_finding(step):
    """What was dated by a synchronized clock keeps its date when another one is set, and the last follows."""
    tracker = FindingTracker(QUICK)
    walk(tracker, "CC")
    tracker.see(
        verdict(3, "C", observed_at=START + timedelta(seconds=3) + step, time_quality="not_synchronized")
    )
    (closed,) = [found for seq in (4, 5, 6) for found in tracker.see(verdict(seq, "U"))]
    assert closed.first_observed_at == START + timedelta(seconds=1)
    assert abs(closed.last_observed_at - START - timedelta(seconds=3)) <= timedelta(seconds=1)


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_a_clock_that_is_set_right_after_the_last_sighting_dates_a_finding_when_it_closes(step):
    """A finding that was seen by the wrong clock alone is dated by the clock that closes it."""
    tracker = FindingTracker(QUICK)
    for seq in (1, 2):
        tracker.see(
            verdict(seq, "C", observed_at=START + timedelta(seconds=seq) + step, time_quality="unknown")
        )
    (closed,) = [found for seq in (3, 4, 5) for found in tracker.see(verdict(seq, "U"))]
    assert abs(closed.first_observed_at - START - timedelta(seconds=1)) <= timedelta(seconds=1)
    assert timedelta() <= closed.last_observed_at - closed.first_observed_at <= timedelta(seconds=2)


@pytest.mark.parametrize("began_at", [START, BUILT[1] + timedelta(days=1)], ids=str)
@pytest.mark.parametrize("back_to", [datetime(1970, 1, 1, tzinfo=timezone.utc), BUILT[1] - timedelta(90)])
def test_a_clock_that_loses_the_time_does_not_date_an_open_finding(began_at, back_to):
    """No date is before 1970, where readers refuse it; none moves to before this version was built."""
    tracker = FindingTracker(QUICK)
    said = []
    for seq in range(1, 9):
        at = (began_at if seq < 3 else back_to) + timedelta(seconds=seq - 3)
        said += tracker.see(verdict(seq, "CCCCCUUU"[seq - 1], observed_at=at, time_quality="unknown"))
    assert said[-1].closed_because is ClosedBecause.ABSENT
    assert said[-1].last_observed_at - said[-1].first_observed_at == timedelta(seconds=4)
    began_by = began_at if back_to.year == 1970 or began_at > BUILT[1] else back_to
    assert abs(said[-1].first_observed_at - began_by) <= timedelta(seconds=3)


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_silence_closes_by_monotonic_time_whatever_the_clock_says(step):
    """An hour without a judged frame is an hour, also if the clock was set in it."""
    tracker = FindingTracker(QUICK)
    walk(tracker, "CC")
    near = verdict(3, "C", monotonic_ns=3600 * 10**9, observed_at=START + timedelta(seconds=3600) + step)
    assert tracker.see(near) == []
    late = verdict(4, "C", monotonic_ns=7300 * 10**9, observed_at=START + timedelta(seconds=7300) - step)
    (closed,) = tracker.see(late)
    assert closed.closed_because is ClosedBecause.LATE
    assert closed.first_observed_at <= closed.last_observed_at


@pytest.mark.parametrize(
    ("wall", "is_joined"),
    [
        (timedelta(seconds=40), True),
        (timedelta(minutes=59), True),
        (timedelta(hours=2), False),
        (timedelta(seconds=-1), False),
        (timedelta(hours=-1), False),
        (timedelta(days=-400), False),
        (timedelta(days=400), False),
        (datetime(1970, 1, 1, tzinfo=timezone.utc) - START, False),
    ],
    ids=str,
)
def test_over_a_reboot_only_a_clock_that_went_on_joins(wall, is_joined):
    """Monotonic time begins anew: it is the same corrosion only if the wall clock is plausible."""
    tracker = FindingTracker(QUICK)
    walk(tracker, "CC")
    state = msgspec.json.decode(msgspec.json.encode(tracker.state), type=TrackerState)
    after = verdict(
        3, "C", boot_id="another", monotonic_ns=4 * 10**9, observed_at=START + timedelta(seconds=2) + wall
    )
    said = FindingTracker(QUICK, state).see(after)
    assert [finding.closed_because for finding in said] == ([] if is_joined else [ClosedBecause.LATE])


def test_a_state_without_monotonic_times_goes_on_by_the_wall_clock():
    """An earlier version saved an open finding without age and boot: it is continued, or closed if late."""
    tracker = FindingTracker(QUICK)
    walk(tracker, "CC")
    saved = msgspec.json.decode(msgspec.json.encode(tracker.state))
    for key in ("age_s", "published_age_s", "boot_id", "monotonic_ns", "is_synchronized"):
        del saved["candidates"][0][key]
    old = msgspec.json.encode(saved)
    tracker = FindingTracker(
        msgspec.structs.replace(QUICK, update_s=3.0), msgspec.json.decode(old, type=TrackerState)
    )
    assert tracker.see(verdict(3, "C")) == []
    (updated,) = tracker.see(verdict(5, "C"))
    assert updated.first_observed_at == START + timedelta(seconds=1)
    (closed,) = FindingTracker(QUICK, msgspec.json.decode(old, type=TrackerState)).see(
        verdict(3, "C", observed_at=START - timedelta(hours=1))
    )
    assert closed.closed_because is ClosedBecause.LATE
