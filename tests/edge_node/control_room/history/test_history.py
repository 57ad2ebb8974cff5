"""The control room's record: once each, gaps shown and closed, searched, bounded, whole after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import msgspec
import pytest

from edge_node.control_room.history.database import NAME, HistoryError
from edge_node.control_room.history.history import History
from edge_node.control_room.history.records import (
    Delivery,
    FindingFilter,
    StoredPicture,
    StoredReview,
    VerdictFilter,
)
from edge_node.control_room.history.retention import MAX_RANGES
from edge_node.messages.finding import Finding, FindingState
from edge_node.messages.response import Response, Result
from edge_node.messages.review import ReviewJudgement
from edge_node.messages.status import Health, Presence, Status
from edge_node.messages.verdict import Pose
from tests.support.verdicts import START, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    """An empty history."""
    opened = History(tmp_path)
    yield opened
    opened.close()


def finding(**fields) -> Finding:
    """A finding that opened with verdict 3."""
    given = {
        "id": "crawler-1:epoch:f3",
        "state": FindingState.OPENED,
        "site": "quay",
        "robot": "crawler-1",
        "material": "steel",
        "first_observed_at": START + timedelta(seconds=3),
        "last_observed_at": START + timedelta(seconds=5),
        "first_verdict": "crawler-1:epoch:3",
        "last_verdict": "crawler-1:epoch:5",
        "best_verdict": "crawler-1:epoch:4",
        "frames": 3,
        "peak_confidence": 0.9,
        "peak_severity": "mid",
        **fields,
    }
    return Finding(**given)


def review(review_id: str = "review-1", **fields) -> StoredReview:
    """A person's opinion of that finding."""
    given = {
        "site": "quay",
        "robot": "crawler-1",
        "finding_id": "crawler-1:epoch:f3",
        "opinion": ReviewJudgement.DISPUTED,
        "note": "shadow of a weld",
        "reviewer": "Ada",
        "reviewed_at": START,
        "corrections": {"severity": "none"},
        **fields,
    }
    return StoredReview(review_id=review_id, **given)


def test_what_comes_twice_is_kept_once_and_counted(history: History) -> None:
    """A verdict is known by robot, epoch and number, also when another run of the room hears it again."""
    assert history.add_verdict(verdict(1, "C"))
    assert not history.add_verdict(verdict(1, "C"))
    (robot,) = history.robots()
    assert (robot.site, robot.robot, robot.verdicts, robot.duplicates) == ("quay", "crawler-1", 1, 1)
    assert history.count_verdicts() == 1
    assert history.verdict("crawler-1:epoch:1").verdict == verdict(1, "C")


@pytest.mark.parametrize("verdict_id", ["", "x", "crawler-1:epoch:2", "crawler-1:epoch:" + "9" * 30, "a:b:²"])
def test_an_id_that_is_none_finds_nothing(history: History, verdict_id: str) -> None:
    """Ids come from addresses of the page: anything can be in them."""
    history.add_verdict(verdict(1, "C"))
    assert history.verdict(verdict_id) is None


def test_gaps_are_what_is_missing_between_and_late_arrivals_close_them(history: History) -> None:
    """Numbers 1-2, 5, 8 leave 3-4 and 6-7; a backlog that brings 4, 3, 6 and 7 closes all."""
    for seq in (1, 2, 5, 8):
        history.add_verdict(verdict(seq, "U"))
    assert [(gap.first_seq, gap.last_seq, gap.missing) for gap in history.gaps()] == [(6, 7, 2), (3, 4, 2)]
    assert history.robots()[0].missing == 4
    assert history.stored_up_to("quay", "crawler-1", "epoch") == 2
    for seq in (4, 3, 6):
        assert history.add_verdict(verdict(seq, "U"), replayed=True)
    assert [(gap.first_seq, gap.last_seq) for gap in history.gaps(robot="crawler-1")] == [(7, 7)]
    assert history.gaps(robot="crawler-2") == []
    history.add_verdict(verdict(7, "U"), replayed=True)
    assert history.gaps() == []
    assert history.robots()[0].missing == 0
    assert history.stored_up_to("quay", "crawler-1", "epoch") == 8


def test_epochs_count_each_for_itself(history: History) -> None:
    """A new spool begins at 1 again: that is neither a duplicate nor a gap."""
    history.add_verdict(verdict(7, "U"))
    other = msgspec.structs.replace(verdict(1, "U"), id="crawler-1:another:1")
    assert history.add_verdict(other)
    assert history.gaps() == []
    assert history.verdict("crawler-1:another:1").verdict.seq == 1


def test_verdicts_are_searched_by_all_that_filters_name(history: History) -> None:
    """Each filter alone, and pages that follow each other without a verdict twice."""
    for seq in range(1, 21):
        pose = Pose(distance_m=seq / 10)
        what = "CU?X"[seq % 4]
        severity = "late" if seq == 8 else None
        asset = "pipe" if seq <= 10 else None
        history.add_verdict(verdict(seq, what, pose=pose, severity=severity, asset=asset), replayed=seq == 3)

    def found(**fields) -> list[int]:
        return [record.verdict.seq for record in history.verdicts(VerdictFilter(**fields))]

    assert found(outcome="corroded") == [20, 16, 12, 8, 4]
    assert found(severity="late") == [8]
    assert found(asset="pipe", outcome="uncorroded") == [9, 5, 1]
    assert found(robot="crawler-2") == found(site="ship") == found(material="copper") == []
    assert found(from_m=0.45, to_m=0.7) == [7, 6, 5]
    assert found(since=START + timedelta(seconds=19)) == [20, 19]
    assert found(until=START + timedelta(seconds=2)) == [2, 1]
    assert found(replayed=True) == [3]
    assert found(with_picture=True) == []
    assert history.count_verdicts(VerdictFilter(outcome="corroded")) == 5
    first = history.verdicts(limit=12)
    second = history.verdicts(limit=12, after=first[-1])
    assert [record.verdict.seq for record in first + second] == list(range(20, 0, -1))
    assert [record.verdict.seq for record in history.newest(2)] == [20, 19]
    assert history.verdicts(oldest_first=True, limit=1)[0].verdict.seq == 1
    assert history.assets() == ["pipe"]
    assert history.words("severity") == ["late"]


def test_a_finding_is_what_its_newest_message_says(history: History) -> None:
    """An older message that comes late changes nothing; a closed finding stays closed."""
    assert history.add_finding(finding())
    assert not history.add_finding(finding())
    assert history.add_finding(finding(frames=9, peak_severity="late", seq=2))
    assert not history.add_finding(finding(frames=5, seq=1))
    assert history.finding("crawler-1:epoch:f3").finding.peak_severity == "late"
    assert history.add_finding(finding(frames=9, state=FindingState.CLOSED, seq=3))
    assert not history.add_finding(finding(frames=11, seq=4))
    (record,) = history.findings()
    assert record.finding.state is FindingState.CLOSED
    assert history.findings(FindingFilter(is_open=True)) == []
    assert history.findings(FindingFilter(robot="crawler-1", material="steel", is_open=False)) == [record]
    assert history.finding("crawler-1:epoch:f4") is None


def test_open_findings_come_first(history: History) -> None:
    """Whatever is open is what a person acts on."""
    history.add_finding(finding())
    closed = finding(
        id="crawler-1:epoch:f9", state=FindingState.CLOSED, last_observed_at=START + timedelta(9)
    )
    history.add_finding(closed)
    assert [record.finding.id[-2:] for record in history.findings()] == ["f3", "f9"]


def test_a_finding_has_the_corroded_verdicts_of_its_kind(history: History) -> None:
    """From its first to its last, and neither of other outcomes nor of other materials."""
    for seq, what in enumerate("UUCUCUC", start=1):
        history.add_verdict(verdict(seq, what))
    history.add_verdict(verdict(8, "C", material="aluminium", observed_at=START + timedelta(seconds=4)))
    best = finding(best_verdict="crawler-1:epoch:5")
    assert [record.verdict.seq for record in history.verdicts_of(best)] == [3, 5]


def test_the_newest_review_of_a_finding_counts(history: History) -> None:
    """A second opinion replaces the first, and what the robot answered is kept."""
    history.add_finding(finding())
    history.add_review(review())
    later = review("review-2", opinion=ReviewJudgement.CONFIRMED, reviewed_at=START + timedelta(seconds=1))
    history.add_review(later)
    assert history.finding("crawler-1:epoch:f3").review == later
    assert history.reviews(finding_id="crawler-1:epoch:f3") == [later, review()]
    assert history.answer_review("review-1", Delivery.DONE, "noted")
    assert not history.answer_review("review-9", Delivery.DONE, "noted")
    assert history.reviews(delivery=Delivery.DONE)[0].answer == "noted"
    with pytest.raises(HistoryError, match="review"):
        history.add_review(review())


def test_a_strip_adds_up_verdicts_along_the_pose(history: History) -> None:
    """Cells begin at round places; what was not judged is not taken for sound."""
    for seq, (distance_m, what, severity) in enumerate(
        [(0.1, "U", None), (1.2, "C", "mid"), (1.9, "C", "late"), (9.7, "?", None), (9.8, "U", None)], start=1
    ):
        given = {"severity": severity, "area_fraction": 0.1 * seq if what == "C" else None}
        history.add_verdict(verdict(seq, what, pose=Pose(distance_m=distance_m), **given))
    cells = history.strip(VerdictFilter(robot="crawler-1"), cells=12)
    assert [(cell.start, cell.end) for cell in cells] == [(0, 1), (1, 2), (9, 10)]
    assert [(cell.judged, cell.not_judged, cell.corroded) for cell in cells] == [
        (1, 0, 0),
        (2, 0, 2),
        (1, 1, 0),
    ]
    assert cells[1].by_severity == {"mid": 1, "late": 1}
    assert cells[1].peak_area_fraction == pytest.approx(0.3)
    by_time = history.strip(VerdictFilter(), cells=5, by_time=True)
    assert sum(cell.judged + cell.not_judged for cell in by_time) == 5
    assert by_time[0].start <= START.timestamp() + 1 < by_time[0].end
    assert history.strip(VerdictFilter(robot="crawler-2")) == []


def test_a_pose_at_the_end_of_the_world_does_not_flatten_the_strip(history: History) -> None:
    """Numbers that are no place are left out; they would make one cell of all others."""
    history.add_verdict(verdict(1, "C", pose=Pose(distance_m=1.0)))
    history.add_verdict(verdict(2, "C", pose=Pose(distance_m=1e300)))
    (cell,) = history.strip(VerdictFilter())
    assert cell.corroded == 1


def test_robots_are_as_they_said_last(history: History) -> None:
    """Status, health and by how much a clock is off."""
    then = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
    history.set_status(Status(site="quay", robot="crawler-1", since=then), received_at=then)
    offline = Status(site="quay", robot="crawler-1", since=then, presence=Presence.OFFLINE)
    history.set_status(offline, received_at=then)
    history.set_health(Health(site="quay", robot="crawler-1", at=then, uptime_s=3.0), received_at=then)
    late = verdict(1, "U", observed_at=then - timedelta(hours=2))
    history.add_verdict(late, received_at=then)
    (robot,) = history.robots()
    assert robot.status == offline
    assert robot.health.uptime_s == 3.0
    assert robot.clock_ahead_s == -7200
    assert (robot.last_heard_at, robot.last_verdict_at) == (then, then)


def test_answers_and_pictures_are_kept_once(history: History) -> None:
    """A full picture is given before its thumbnail, and neither under another robot's name."""
    answer = Response(
        id="crawler-1:epoch:r1",
        seq=1,
        site="quay",
        robot="crawler-1",
        at=START,
        verb="review",
        command_id="review-1",
        result=Result.DONE,
        code="done",
        text="noted",
    )
    assert history.add_response(answer)
    assert not history.add_response(answer)
    assert history.responses(command_id="review-1")[0].response == answer
    thumbnail = StoredPicture("quay", "crawler-1", "a" * 64, is_thumbnail=True, content=b"small")
    full = StoredPicture("quay", "crawler-1", "a" * 64, is_thumbnail=False, content=b"whole")
    assert history.add_picture(thumbnail)
    assert not history.add_picture(thumbnail)
    assert history.picture("quay", "crawler-1", "a" * 64) == thumbnail
    assert history.add_picture(full)
    assert history.picture("quay", "crawler-1", "a" * 64) == full
    assert history.picture("quay", "crawler-1", "a" * 64, full=False) == thumbnail
    assert history.picture("quay", "crawler-2", "a" * 64) is None


def test_nothing_of_a_transaction_that_fails_is_kept(history: History) -> None:
    """The broker is told to forget only what was committed."""

    def broken() -> None:
        with history.transaction():
            history.add_verdict(verdict(1, "C"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    assert history.count_verdicts() == 0
    assert history.add_verdict(verdict(1, "C"))


def test_bounds_cost_the_oldest_verdicts_and_no_gap(history: History, tmp_path: Path) -> None:
    """What was given up for room is known to have come: it is neither a gap nor new when it comes again."""
    with history.transaction():
        for seq in range(1, 5001):
            history.add_verdict(verdict(seq, "U"))
        for number in range(50):
            sha256 = f"{number:064x}"
            history.add_picture(
                StoredPicture("quay", "crawler-1", sha256, is_thumbnail=False, content=b"x" * 10_000)
            )
    history.trim(max_bytes=2_000_000, max_picture_bytes=200_000)
    usage = history.usage()
    assert usage.picture_bytes <= 200_000
    assert usage.database_bytes <= 2_000_000 + 200_000 + 100_000
    assert 0 < usage.verdicts < 5000
    assert history.newest(1)[0].verdict.seq == 5000
    assert history.verdict("crawler-1:epoch:1") is None
    assert history.gaps() == []
    assert not history.add_verdict(verdict(1, "U"))
    assert history.trim(max_bytes=10**9, max_picture_bytes=10**9, days=1e-9) >= usage.verdicts
    assert history.usage().verdicts == 0


def test_a_robot_that_sends_each_second_number_does_not_wear_the_history_out(history: History) -> None:
    """Its oldest gaps are forgotten; what came is still known."""
    with history.transaction():
        for seq in range(1, 2 * MAX_RANGES + 200, 2):
            history.add_verdict(verdict(seq, "U"))
    history.trim(max_bytes=10**9, max_picture_bytes=0)
    assert MAX_RANGES // 2 - 10 < len(history.gaps(limit=10**6)) <= MAX_RANGES // 2
    assert not history.add_verdict(verdict(1, "U"))
    assert not history.add_verdict(verdict(2 * MAX_RANGES + 199, "U"))


def test_unreadable_messages_are_counted_by_what_was_wrong(history: History) -> None:
    """And never more kinds of them than people can read."""
    for number in range(300):
        history.note_refused(f"reason {number}", "topic", "text")
        history.note_refused("not JSON", f"corrosion/v1/a/b/verdict/{number}", "x" * 10_000)
    refused = history.refused()
    assert len(refused) == 100
    assert (refused[0].reason, refused[0].count, len(refused[0].last_text)) == ("not JSON", 300, 200)


@pytest.mark.parametrize("content", [b"", b"not a database" * 100])
def test_a_file_that_is_no_history_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    """An empty file is taken for a new history; anything else is not overwritten."""
    (tmp_path / NAME).write_bytes(content)
    if not content:
        History(tmp_path).close()
        return
    with pytest.raises(HistoryError, match="not a database"):
        History(tmp_path)
    assert (tmp_path / NAME).read_bytes() == content


def test_other_programs_read_beside_a_running_control_room(history: History, tmp_path: Path) -> None:
    """Reports are made while verdicts come in; a reader never writes, and never makes a history."""
    history.add_verdict(verdict(1, "C"))
    reader = History(tmp_path, read_only=True)
    history.add_verdict(verdict(2, "C"))
    assert [record.verdict.seq for record in reader.verdicts()] == [2, 1]
    with pytest.raises(HistoryError, match="reading only"):
        reader.add_verdict(verdict(3, "C"))
    reader.close()
    with pytest.raises(HistoryError, match="not there"):
        History(tmp_path / "elsewhere", read_only=True)
    assert not (tmp_path / "elsewhere").exists()


_WRITER = """
import sys
from pathlib import Path
from edge_node.control_room.history.history import History
from tests.support.verdicts import verdict
history = History(Path(sys.argv[1]))
for seq in range(1, 1_000_000):
    history.add_verdict(verdict(seq, "U"))
    print(seq, flush=True)
"""


def test_what_was_committed_survives_a_kill(tmp_path: Path) -> None:
    """Every number that the killed writer reported is there, and the file opens without repair."""
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    deadline_s = time.monotonic() + 30
    reported = 0
    while reported < 200 and time.monotonic() < deadline_s:
        reported = int(writer.stdout.readline())
    os.kill(writer.pid, signal.SIGKILL)
    reported = max([reported, *(int(line) for line in writer.stdout.read().split())])
    writer.wait()
    history = History(tmp_path)
    assert history.count_verdicts() >= reported >= 200
    assert history.gaps() == []
    history.close()
