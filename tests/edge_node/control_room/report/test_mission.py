"""The mission report: what was covered and what not."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import msgspec
import pytest

from edge_node.control_room.history.history import History
from edge_node.control_room.report.mission import Selection, collect_mission, seen_at
from edge_node.control_room.report.report_text import describe_coverage
from edge_node.errors import CorrosionError
from edge_node.messages.verdict import EpochEnd
from tests.support.missions import WHO, finding
from tests.support.verdicts import START, verdict


def test_a_mission_says_what_was_covered_and_what_not(history):
    """Counted by hand: 30 came of 40, 25 judged, 5 in the dark, 10 missing, a metre not judged."""
    mission = collect_mission(history, WHO)
    assert (mission.frames, mission.judged, mission.missing) == (30, 25, 10)
    assert mission.outcomes == {"uncorroded": 22, "corroded": 3, "not_inspectable": 5}
    assert mission.reasons == (("dark", "too dark", 5),)
    assert mission.replayed == 10
    assert mission.time_quality == {"synchronized": 30}
    assert mission.assets == ("pipe 7",)
    assert [(gap.first_seq, gap.last_seq) for gap in mission.gaps] == [(20, 29)]
    assert mission.hole_m == pytest.approx(0.5)  # five times the usual tenth of a metre
    stretches = [(stretch.from_m, stretch.to_m) for stretch in mission.unjudged]
    assert stretches == [(1.9, 3.0)]
    assert [found.finding.id for found in mission.findings] == ["crawler-1:epoch:f5"]


def test_a_mission_can_be_part_of_a_history(history):
    """A time window counts its own frames and findings, and no gap outside it."""
    late = Selection("quay", "crawler-1", since=START + timedelta(seconds=31))
    mission = collect_mission(history, late)
    assert (mission.frames, mission.missing, mission.findings) == (10, 0, ())
    early = Selection("quay", "crawler-1", until=START + timedelta(seconds=10))
    assert (collect_mission(history, early).frames, len(collect_mission(history, early).findings)) == (10, 1)


def test_what_arrived_in_a_day_with_dates_of_another_is_told_in_its_report(tmp_path):
    """A robot that never got the time that day had its findings in no report of it, and nobody knew."""
    opened, day = History(tmp_path), Selection("quay", "crawler-1", START, START + timedelta(days=1))
    came = START + timedelta(hours=2)
    for seq, at in enumerate(
        [datetime(1970, 1, 1, 0, 5, tzinfo=timezone.utc), came + timedelta(days=400)], 1
    ):
        opened.add_verdict(verdict(seq, "C", observed_at=at), received_at=came)
    with pytest.raises(CorrosionError, match=r"no verdict in that time; .* 2 that arrived in that"):
        collect_mission(opened, day)
    waited = verdict(3, "C", observed_at=START - timedelta(hours=8))  # at the broker, for this room
    opened.add_verdict(waited, received_at=came)
    opened.add_verdict(verdict(4, "C", observed_at=came), received_at=came)
    mission = collect_mission(opened, day)
    assert (mission.frames, mission.misdated.count) == (1, 2)
    assert "1970-01-01 00:05 to 2027-04-05 14:00" in dict(describe_coverage(mission))["Dated elsewhere"]
    whole = collect_mission(opened, Selection("quay", "crawler-1"))
    assert (whole.frames, whole.misdated) == (4, None)
    opened.close()


@pytest.mark.parametrize("wrong_days", [400, -400])
def test_what_is_missing_between_two_epochs_is_missing_whatever_the_clock_said(tmp_path, wrong_days):
    """Epochs follow each other as they arrived, not as they are dated."""
    opened = History(tmp_path)
    for seq in range(1, 5):
        at = START + timedelta(days=wrong_days, seconds=seq)
        opened.add_verdict(verdict(seq, "U", id=f"crawler-1:first:{seq}", observed_at=at))
    before = EpochEnd(epoch="first", seq=6, sha256=None)
    for seq in (3, 4):
        opened.add_verdict(verdict(seq, "U", id=f"crawler-1:next:{seq}", previous_epoch=before))
    found = collect_mission(opened, Selection("quay", "crawler-1")).gaps
    assert {(gap.epoch, gap.first_seq, gap.last_seq) for gap in found} == {("first", 5, 6), ("next", 1, 2)}
    opened.close()


@pytest.mark.parametrize("wrong_days", [400, -400])
def test_a_finding_over_which_the_clock_was_set_is_in_the_report_of_its_day(tmp_path, wrong_days):
    """As an earlier version dates it, also last before first: chosen by its verdicts, with all of them."""
    opened, wrong = History(tmp_path), timedelta(days=wrong_days)
    for seq in range(1, 31):
        at = START + timedelta(seconds=seq) + (wrong if seq <= 14 else timedelta())
        opened.add_verdict(verdict(seq, "C" if seq > 3 else "U", observed_at=at))
    opened.add_finding(
        finding(
            4,
            asset=None,
            first_observed_at=START + timedelta(seconds=4) + wrong,
            last_observed_at=START + timedelta(seconds=30),
            last_verdict="crawler-1:epoch:30",
        )
    )
    day = Selection("quay", "crawler-1", since=START, until=START + timedelta(days=1))
    mission = collect_mission(opened, day)
    assert (mission.frames, len(mission.findings)) == (16, 1)
    (found,) = mission.findings
    assert [record.verdict.seq for record in opened.verdicts_of(found.finding)] == list(range(4, 31))
    first_at, last_at = seen_at(found.finding)
    assert first_at < last_at
    wrong_day = Selection("quay", "crawler-1", since=START + wrong, until=START + wrong + timedelta(days=1))
    assert len(collect_mission(opened, wrong_day).findings) == 1
    whole = collect_mission(opened, Selection("quay", "crawler-1"))
    assert (len(whole.findings), round(whole.lasted_s)) == (1, 29)
    between = START + wrong / 2
    opened.add_verdict(verdict(31, "U", observed_at=between))
    other = Selection("quay", "crawler-1", since=between, until=between + timedelta(days=1))
    assert collect_mission(opened, other).findings == ()
    opened.close()


def test_a_finding_whose_verdicts_are_deleted_is_chosen_by_its_dates(history):
    """Findings outlive their verdicts; dates in the wrong order are read as a stretch all the same."""
    for number, (first_s, last_s) in enumerate([(1, 9), (9, 1), (90, 99)], start=1):
        history.add_finding(
            finding(
                100 + number,
                first_observed_at=START + timedelta(seconds=first_s),
                last_observed_at=START + timedelta(seconds=last_s),
                first_verdict="crawler-1:deleted:1",
                last_verdict="crawler-1:deleted:9",
            )
        )
    numbers = {found.finding.id.rsplit(":f", 1)[1] for found in collect_mission(history, WHO).findings}
    assert numbers == {"5", "101", "102"}


def test_without_anything_to_report_it_says_what_there_is(history):
    """An unknown robot and an empty time: one sentence that helps."""
    with pytest.raises(CorrosionError, match="never heard of it; known are quay/crawler-1"):
        collect_mission(history, Selection("quay", "crawler-2"))
    with pytest.raises(CorrosionError, match="no verdict in that time; the last one came at"):
        collect_mission(history, Selection("quay", "crawler-1", since=START + timedelta(days=9)))


def test_what_is_missing_between_two_starts_of_a_robot_is_missing_in_its_mission(tmp_path):
    """The end of an epoch, the beginning of the next and a whole epoch; not what lies before and after."""
    history = History(tmp_path)
    numbers = [("a", 3, None), ("a", 4, None), ("c", 1, ("b", 2))]
    numbers += [("d", 2, None), ("d", 1, ("c", 3)), ("e", 1, ("d", 9))]
    for second, (epoch, seq, before) in enumerate(numbers):
        end = EpochEnd(epoch=before[0], seq=before[1], sha256=None) if before else None
        said = verdict(seq, "U", observed_at=START + timedelta(seconds=second), previous_epoch=end)
        history.add_verdict(msgspec.structs.replace(said, id=f"crawler-1:{epoch}:{seq}"))

    def missing(first_s: int, last_s: int) -> set[tuple[str, int, int]]:
        span = [START + timedelta(seconds=moment) for moment in (first_s, last_s)]
        mission = collect_mission(history, Selection("quay", "crawler-1", since=span[0], until=span[1]))
        return {(gap.epoch, gap.first_seq, gap.last_seq) for gap in mission.gaps}

    assert missing(0, 5) == {("b", 1, 2), ("c", 2, 3), ("d", 3, 9)}
    assert missing(0, 1) == missing(2, 2) == missing(5, 5) == set()
    assert missing(2, 4) == {("c", 2, 3)}
    history.close()


def test_frames_that_showed_nothing_new_are_told_apart_from_those_passed_over(tmp_path):
    """A robot that stood judged what it saw: nothing was lost, and nothing else was to be judged."""
    history = History(tmp_path)
    history.add_verdict(msgspec.structs.replace(verdict(1, "U"), frames_dropped=2))
    before = dict(describe_coverage(collect_mission(history, WHO)))
    history.add_verdict(msgspec.structs.replace(verdict(2, "U"), frames_unchanged=300))
    after = dict(describe_coverage(collect_mission(history, WHO)))
    history.close()
    assert "Unchanged" not in before
    assert after["Dropped"].startswith("2 camera frames")
    assert after["Unchanged"] == "300 camera frames that showed nothing new since the frame judged before"
