"""Verdicts become findings, with hysteresis in frames, time and place."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_node.config.sections import FindingsConfig, parse_config
from edge_node.errors import ConfigError
from edge_node.findings.candidate import TrackerState
from edge_node.findings.tracker import FindingTracker
from edge_node.messages.finding import ClosedBecause, FindingState
from edge_node.messages.verdict import EvidenceReason, Grades, Pose
from tests.support.verdicts import verdict

QUICK = FindingsConfig(open_frames=2, of_frames=3, close_frames=3, update_s=1e6)
OPENED, UPDATED, CLOSED = FindingState.OPENED, FindingState.UPDATED, FindingState.CLOSED


def walk(tracker, letters, start=1, **fields):
    """Return (number of the verdict, state) of everything that was said along ``letters``."""
    said = []
    for offset, letter in enumerate(letters):
        for finding in tracker.see(verdict(start + offset, letter, **fields)):
            said.append((start + offset, finding.state))  # noqa: PERF401  # two loops, one walk
    return said


@pytest.mark.parametrize(
    ("letters", "said"),
    [
        ("UUUU", []),
        ("UCUU", []),  # one odd frame opens nothing
        ("CC", [(2, OPENED)]),  # two of three
        ("CUC", [(3, OPENED)]),
        ("CUUC", []),  # too far apart
        ("CCUUC", [(2, OPENED)]),  # two misses do not close
        ("CCUUU", [(2, OPENED), (5, CLOSED)]),
        ("CCUUCUUU", [(2, OPENED), (8, CLOSED)]),  # a hit starts the count again
        ("CCUUUCC", [(2, OPENED), (5, CLOSED), (7, OPENED)]),
        ("CXC", [(3, OPENED)]),  # darkness says nothing
        ("CCXX??XX??XX", [(2, OPENED)]),  # and never closes
        ("CCUXUXU", [(2, OPENED), (7, CLOSED)]),
    ],
)
def test_frames_open_and_close_findings(letters, said):
    """N of M judged frames open, K judged frames without it close, frames that were not judged do nothing."""
    assert walk(FindingTracker(QUICK), letters) == said


def test_less_is_needed_to_stay_open_than_to_open():
    """Frames between the two thresholds open nothing, but keep open what is."""
    assert walk(FindingTracker(QUICK), "CCCCC", condition_confidence=0.6) == []
    tracker = FindingTracker(QUICK)
    assert walk(tracker, "CC") == [(2, OPENED)]
    assert walk(tracker, "CCCCC", start=3, condition_confidence=0.6) == []
    assert walk(tracker, "CCC", start=8, condition_confidence=0.4) == [(10, CLOSED)]


def test_a_material_may_have_thresholds_of_its_own():
    """What is enough for aluminium need not be enough for steel."""
    config = msgspec.structs.replace(QUICK, enter_by_material={"steel": 0.97})
    assert walk(FindingTracker(config), "CCC") == []
    assert walk(FindingTracker(config), "CC", material="aluminium") == [(2, OPENED)]


def test_kinds_of_corrosion_are_told_apart():
    """Pitted aluminium and rusting steel are two findings, each with its own beginning and end."""
    tracker = FindingTracker(QUICK)
    walk(tracker, "CC", material="steel")
    opened = tracker.see(verdict(3, "C", material="aluminium", form="pitting"))
    opened += tracker.see(verdict(4, "C", material="aluminium", form="pitting"))
    assert [(found.material, found.form, found.state) for found in opened] == [
        ("aluminium", "pitting", OPENED)
    ]
    closed = tracker.see(verdict(5, "C", material="aluminium", form="pitting"))
    assert [(found.material, found.state, found.closed_because) for found in closed] == [
        ("steel", CLOSED, ClosedBecause.ABSENT)
    ]


def test_a_finding_collects_the_worst():
    """Peak severity, largest area, extent and worst picture are those of the right frames."""
    tracker = FindingTracker(QUICK)
    frames = [
        {"severity": "mid", "severity_confidence": 0.9, "area_fraction": 0.2, "evidence_sha256": "a"},
        {"severity": "late", "severity_confidence": 0.9, "area_fraction": 0.1, "evidence_sha256": "b"},
        {"severity": "late", "severity_confidence": 0.9, "area_fraction": 0.3, "evidence_sha256": "c"},
        {"severity": "mid", "severity_confidence": 0.9, "area_fraction": 0.6, "evidence_sha256": "d"},
    ]
    grades = [Grades(iso_4628_3=f"Ri {degree}", astm_d610=0) for degree in (1, 2, 3, 5)]
    frames = [{**fields, "grades": given} for fields, given in zip(frames, grades, strict=True)]
    said = []
    for number, fields in enumerate(frames, start=1):
        said += tracker.see(verdict(number, "C", pose=Pose(distance_m=10 - number / 10), **fields))
    for number in range(5, 8):
        said += tracker.see(verdict(number, "U", pose=Pose(distance_m=9.5)))
    closed = said[-1]
    assert closed.state is CLOSED
    assert (closed.peak_severity, closed.peak_area_fraction, closed.frames) == ("late", 0.6, 4)
    assert closed.peak_grades == grades[3]
    assert (closed.best_evidence_sha256, closed.best_verdict) == ("c", "crawler-1:epoch:3")
    assert (closed.from_pose.distance_m, closed.to_pose.distance_m) == (9.6, 9.9)
    assert (closed.first_verdict, closed.last_verdict) == ("crawler-1:epoch:1", "crawler-1:epoch:4")
    assert {found.id for found in said} == {"crawler-1:epoch:f1"}


def test_a_robot_that_comes_closer_finds_no_larger_area():
    """The share of the picture grows, the corroded surface does not: the peak and the best picture stay."""
    tracker = FindingTracker(QUICK)
    frames = [
        {"area_fraction": 0.1, "area_mm2": 900.0, "evidence_sha256": "far"},
        {"area_fraction": 0.2, "area_mm2": 1000.0, "evidence_sha256": "largest"},
        {"area_fraction": 0.6, "area_mm2": 950.0, "evidence_sha256": "near"},
        {"area_fraction": 0.5, "evidence_sha256": "range lost"},  # a share is never compared with mm²
        {"area_mm2": 990.0, "area_fraction": 0.3, "evidence_sha256": "further"},
    ]
    for number, fields in enumerate(frames, start=1):
        tracker.see(verdict(number, "C", **fields))
    (closed,) = [found for number in (6, 7, 8) for found in tracker.see(verdict(number, "U"))]
    assert (closed.peak_area_mm2, closed.peak_area_fraction) == (1000.0, 0.6)
    assert closed.best_evidence_sha256 == "largest"


@pytest.mark.parametrize("areas", [(None, 500.0), (500.0, None)])
def test_the_peak_in_mm2_is_of_the_frames_whose_scale_was_known(areas):
    """One that is not known is neither 0 nor the end of what was."""
    tracker = FindingTracker(QUICK)
    for number, area_mm2 in enumerate(areas, start=1):
        found = tracker.see(verdict(number, "C", area_fraction=0.1, area_mm2=area_mm2))
    assert found[-1].peak_area_mm2 == 500.0


def test_a_pose_with_a_range_alone_moves_no_end_of_a_finding():
    """Where the robot was is not known then; what was known stays, with its uncertainty."""
    tracker = FindingTracker(QUICK)
    poses = [Pose(range_mm=300.0), Pose(distance_m=4.0, sigma_m=0.1), Pose(range_mm=300.0)]
    for number, pose in enumerate(poses, start=1):
        tracker.see(verdict(number, "C", pose=pose))
    (closed,) = [found for number in (4, 5, 6) for found in tracker.see(verdict(number, "U"))]
    assert (closed.from_pose, closed.to_pose) == (poses[1], poses[1])


def test_the_worst_frame_is_one_frame() -> None:
    """A large area of mild corrosion does not hide that the severe one grows, nor its worse picture."""
    tracker = FindingTracker(QUICK)
    frames = [
        ("mid", 0.6, "a"),
        ("late", 0.1, "b"),
        ("late", 0.3, "c"),
        ("late", 0.2, "d"),
        ("late", 0.5, None),
    ]
    for seq, (severity, area, picture) in enumerate(frames, start=1):
        fields = {"severity": severity, "severity_confidence": 0.9, "area_fraction": area}
        found = verdict(seq, "C", evidence_sha256=picture, **fields)
        needed = tracker.preview(found)
        assert needed == {1: EvidenceReason.FINDING_FIRST, 4: None}.get(seq, EvidenceReason.FINDING_WORSE)
        tracker.see(found)
    best = tracker.state.candidates[0].finding
    assert (best.best_verdict, best.best_evidence_sha256) == ("crawler-1:epoch:5", "c")
    assert (best.best_evidence.verdict, best.best_evidence.area_fraction) == ("crawler-1:epoch:3", 0.3)
    assert (best.peak_severity, best.peak_area_fraction) == ("late", 0.6)


@pytest.mark.parametrize(
    ("fields", "needed"),
    [
        ({"area_fraction": 0.404, "condition_confidence": 0.99}, False),  # both are shown as 40 %
        ({"area_fraction": 0.41}, True),
        ({"area_fraction": 0.1, "area_mm2": 900.0}, True),  # how large it is was not known before
        ({"area_fraction": None, "condition_confidence": 0.99}, False),
    ],
)
def test_what_is_shown_alike_is_not_worse(fields, needed) -> None:
    """An estimate that wavers in its last digits has no picture after the other kept."""
    tracker = FindingTracker(QUICK)
    walk(tracker, "CC", area_fraction=0.4, condition_confidence=0.9, evidence_sha256="a")
    reason = tracker.preview(verdict(3, "C", **{"condition_confidence": 0.9, **fields}))
    assert reason is (EvidenceReason.FINDING_WORSE if needed else None)


@pytest.mark.parametrize(("later_mm2", "needed"), [(1234.4, False), (1240.0, True), (1.0, False)])
def test_areas_in_mm2_are_compared_in_three_digits(later_mm2, needed) -> None:
    """Whatever share of the picture they are."""
    tracker = FindingTracker(QUICK)
    walk(tracker, "CC", area_fraction=0.4, area_mm2=1230.0, evidence_sha256="a")
    later = verdict(3, "C", area_fraction=0.9, area_mm2=later_mm2)
    assert tracker.preview(later) is (EvidenceReason.FINDING_WORSE if needed else None)


def test_without_an_area_the_surest_frame_is_the_worst() -> None:
    """Models without a map and without severities have nothing else to tell frames apart by."""
    tracker = FindingTracker(QUICK)
    walk(tracker, "CC", condition_confidence=0.9, evidence_sha256="a")
    assert tracker.preview(verdict(3, "C", condition_confidence=0.91)) is EvidenceReason.FINDING_WORSE
    assert tracker.preview(verdict(3, "C", condition_confidence=0.9)) is None


def test_a_preview_changes_nothing_and_counts_what_is_not_tracked_yet() -> None:
    """Corrosion elsewhere, or after other frames have closed its finding, is the first of another one."""
    tracker = FindingTracker(QUICK)
    worst = {"severity": "late", "severity_confidence": 0.9, "evidence_sha256": "a"}
    walk(tracker, "CC", pose=Pose(distance_m=1.0), **worst)
    before = msgspec.json.encode(tracker.state)
    mild = verdict(3, "C", severity="mid", severity_confidence=0.9, pose=Pose(distance_m=1.0))
    first = EvidenceReason.FINDING_FIRST
    assert tracker.preview(mild) is None
    assert tracker.preview(verdict(3, "C", pose=Pose(distance_m=9.0))) is first
    assert tracker.preview(verdict(3, "C", monotonic_ns=7300 * 10**9)) is first
    assert tracker.preview(verdict(3, "C", material="aluminium")) is first
    assert tracker.preview(mild, [verdict(seq, "U") for seq in (3, 4)]) is None
    assert tracker.preview(mild, [verdict(seq, "U") for seq in (3, 4, 5)]) is first
    aluminium = [verdict(3, "C", material="aluminium", evidence_sha256="b")]
    assert tracker.preview(verdict(4, "C", material="aluminium"), aluminium) is None
    for unsure in (verdict(3, "C", condition_confidence=0.4), verdict(3, "U"), verdict(3, "?")):
        assert tracker.preview(unsure) is None
    assert msgspec.json.encode(tracker.state) == before


def test_a_finding_of_an_earlier_version_gets_a_picture_as_bad_as_its_peak() -> None:
    """Nobody knows what its picture shows: a milder one does not take its place."""
    tracker = FindingTracker(QUICK)
    walk(tracker, "CC", severity="late", severity_confidence=0.9, area_fraction=0.5, evidence_sha256="a")
    saved = msgspec.json.decode(msgspec.json.encode(tracker.state))
    del saved["candidates"][0]["worst"], saved["candidates"][0]["finding"]["best_evidence"]
    tracker = FindingTracker(QUICK, msgspec.convert(saved, TrackerState))
    mild = verdict(3, "C", severity="mid", severity_confidence=0.9, area_fraction=0.9, evidence_sha256="b")
    assert tracker.preview(mild) is None
    tracker.see(mild)
    bad = verdict(4, "C", severity="late", severity_confidence=0.9, area_fraction=0.1, evidence_sha256="c")
    assert tracker.preview(bad) is EvidenceReason.FINDING_WORSE
    tracker.see(bad)
    found = tracker.state.candidates[0].finding
    assert (found.best_evidence_sha256, found.best_evidence.verdict) == ("c", bad.id)


def test_a_doubtful_severity_makes_no_peak():
    """A severity below its threshold does not raise the alarm; a sure one does, at once."""
    tracker = FindingTracker(QUICK)
    walk(tracker, "CC", severity="mid", severity_confidence=0.9)
    assert tracker.see(verdict(3, "C", severity="late", severity_confidence=0.5)) == []
    (worse,) = tracker.see(verdict(4, "C", severity="late", severity_confidence=0.7))
    assert (worse.state, worse.peak_severity) == (UPDATED, "late")


def test_an_open_finding_is_repeated_from_time_to_time():
    """Without news an update comes every ``update_s``, not every frame."""
    tracker = FindingTracker(msgspec.structs.replace(QUICK, update_s=10.0))
    assert walk(tracker, "C" * 25) == [(2, OPENED), (12, UPDATED), (22, UPDATED)]


def test_another_place_is_another_finding():
    """A robot that jumped further than the gap closes the one and needs its frames for the next."""
    tracker = FindingTracker(QUICK)
    walk(tracker, "CC", pose=Pose(distance_m=1.0))
    (closed,) = tracker.see(verdict(3, "C", pose=Pose(distance_m=2.5)))
    assert (closed.state, closed.closed_because) == (CLOSED, ClosedBecause.MOVED_ON)
    (opened,) = tracker.see(verdict(4, "C", pose=Pose(distance_m=2.6)))
    assert (opened.state, opened.from_pose.distance_m) == (OPENED, 2.5)
    assert opened.id != closed.id


def test_distance_in_space_counts_too():
    """With x, y and z the gap is from the last sighting: 3-4-12 is 13 metres."""
    tracker = FindingTracker(msgspec.structs.replace(QUICK, gap_m=12.9))
    walk(tracker, "CC", pose=Pose(x_m=0.0, y_m=0.0, z_m=0.0))
    (closed,) = tracker.see(verdict(3, "U", pose=Pose(x_m=3.0, y_m=4.0, z_m=12.0)))
    assert closed.closed_because is ClosedBecause.MOVED_ON


def test_a_restart_changes_nothing():
    """Saved and restored after every frame, the tracker says the same as one that ran through."""
    letters = "UCCUCXUU?UUCCCUUUC"
    through = walk(FindingTracker(QUICK), letters)
    said, state = [], TrackerState()
    for number, letter in enumerate(letters, start=1):
        tracker = FindingTracker(QUICK, msgspec.json.decode(msgspec.json.encode(state), type=TrackerState))
        said += [(number, found.state) for found in tracker.see(verdict(number, letter))]
        state = tracker.state
    assert said == through
    assert CLOSED in {state for _, state in said}


@given(st.lists(st.sampled_from("CUX?"), max_size=60))
def test_openings_and_closings_alternate(letters):
    """Whatever is seen, a finding is opened before it is closed and never twice, and memory stays bounded."""
    tracker = FindingTracker(QUICK)
    states = [state for _, state in walk(tracker, letters) if state is not UPDATED]
    assert states == [OPENED, CLOSED] * (len(states) // 2) + [OPENED] * (len(states) % 2)
    assert all(len(candidate.hits) <= QUICK.of_frames for candidate in tracker.state.candidates)


@pytest.mark.parametrize(
    "text",
    ["open_frames = 6\nof_frames = 5", "leave_confidence = 0.9", 'severities = "late"', "gap_m = 0"],
)
def test_a_configuration_that_contradicts_itself_is_refused(text):
    """More frames than the window, leaving above entering: one line each, naming the section."""
    whole = f"""
        [node]
        site = "a"
        robot = "b"
        [bundle]
        path = "default"
        [mqtt]
        hostname = "c"
        [findings]
        {text}
    """
    with pytest.raises(ConfigError) as caught:
        parse_config("\n".join(line.strip() for line in whole.splitlines()).encode(), "node.toml")
    assert str(caught.value).startswith("node.toml: [findings] ")
    assert "\n" not in str(caught.value)


def test_a_state_that_an_earlier_version_saved_is_read():
    """The time of the last message is ``said`` in the file, so that an update publishes nothing twice."""
    saved = b'{"format":1,"candidates":[{"material":"steel","form":null,"said":1766750400.0}]}'
    state = msgspec.json.decode(saved, type=TrackerState)
    assert state.candidates[0].published_s == 1766750400.0
    assert b'"said":1766750400.0' in msgspec.json.encode(state)


@pytest.mark.parametrize(
    ("letters", "is_undecided"),
    [
        ("", False),
        ("U", False),
        ("C", True),  # another one opens it
        ("CC", False),  # open, and seen
        ("CU", False),  # an odd frame
        ("CCU", True),  # two more close it
        ("CCUUU", False),
        ("CX", True),
        ("CXXX", False),  # no more can be judged here
        ("CXXXC", False),
    ],
)
def test_it_is_known_whether_more_frames_of_one_sight_may_open_or_close_a_finding(letters, is_undecided):
    """A robot that stands still judges on until then: findings open as soon as if all were judged."""
    tracker = FindingTracker(QUICK)
    walk(tracker, letters)
    assert tracker.is_undecided is is_undecided
