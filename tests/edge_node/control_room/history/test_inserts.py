"""Messages are inserted once each: what comes twice is counted, the newest of a finding counts."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.history.records import (
    FindingFilter,
    StoredPicture,
)
from edge_node.control_room.report.collected_reviews import collect_newest_reviews
from edge_node.messages.finding import FindingState
from edge_node.messages.response import Response, Result
from edge_node.messages.review import ReviewJudgement
from edge_node.messages.status import Health, SpoolDepth
from tests.support.room_records import finding, review
from tests.support.verdicts import START, verdict

if TYPE_CHECKING:
    from edge_node.control_room.history.history import History
from edge_node.control_room.history.records import Delivery


def test_what_comes_twice_is_kept_once_and_counted(history: History) -> None:
    """A verdict is known by robot, epoch and number, also when another run of the room hears it again."""
    assert history.add_verdict(verdict(1, "C"))
    assert not history.add_verdict(verdict(1, "C"))
    (robot,) = history.robots()
    assert (robot.site, robot.robot, robot.verdicts, robot.duplicates) == ("quay", "crawler-1", 1, 1)
    assert history.count_verdicts() == 1
    assert history.verdict("crawler-1:epoch:1").verdict == verdict(1, "C")


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


@pytest.mark.parametrize("step", [-timedelta(hours=1), -timedelta(days=400), timedelta()], ids=str)
def test_the_later_of_two_reviews_counts_whatever_the_clock_said(history: History, step: timedelta) -> None:
    """In the room and in its report, also if the robot recorded one by a clock that begins in 1970."""
    history.add_review(review("review-1"))
    history.add_review(
        review("review-2", opinion=ReviewJudgement.CONFIRMED, reviewed_at=START + step, corrections={})
    )
    history.add_finding(finding())
    assert history.finding("crawler-1:epoch:f3").review.review_id == "review-2"
    history.add_response(
        Response(
            id="crawler-1:epoch:r2",
            seq=2,
            site="quay",
            robot="crawler-1",
            at=datetime(1970, 1, 1, tzinfo=timezone.utc),
            verb="review",
            command_id="review-2",
            result=Result.DONE,
            code="ok",
            text="noted",
            data={
                "subject": "crawler-1:epoch:f3",
                "judgement": "confirmed",
                "by": "Ada",
                "at": "1970-01-01T00:00:09Z",
            },
        )
    )
    assert history.answer_review("review-2", Delivery.DONE, "noted")
    (newest,) = collect_newest_reviews(history)
    assert (newest.command_id, newest.is_recorded) == ("review-2", True)


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


def test_unreadable_messages_are_counted_by_what_was_wrong(history: History) -> None:
    """And never more kinds of them than people can read."""
    for number in range(300):
        history.note_refused(f"reason {number}", "topic", "text")
        history.note_refused("not JSON", f"corrosion/v1/a/b/verdict/{number}", "x" * 10_000)
    refused = history.refused()
    assert len(refused) == 100
    assert (refused[1].reason, refused[1].count) == ("other reasons", 202)
    assert (refused[0].reason, refused[0].count, len(refused[0].last_text)) == ("not JSON", 300, 200)


def test_health_that_another_process_stored_late_does_not_replace_what_a_robot_said_after_it(
    history: History,
) -> None:
    """Within a run the larger uptime counts, whatever comes last; a new run begins with a small one."""
    history.add_verdict(verdict(1, "C"))

    def hear(at_s: float, uptime_s: float) -> float:
        history.set_health(health(START + timedelta(seconds=at_s), uptime_s))
        (robot,) = history.robots()
        return robot.health.uptime_s

    assert hear(100, 100) == 100
    assert hear(90, 90) == (100 if history.database.is_shared else 90)  # one process alone hears in order
    assert hear(111, 110) == 110  # its clock was corrected by a second
    assert hear(130, 5) == 5  # the robot was started again
    assert hear(140, 15) == 15


def health(at: datetime, uptime_s: float) -> Health:
    """How a robot is."""
    depth = SpoolDepth(
        waiting=0, in_memory=0, oldest_age_s=0.0, disk_bytes=0, dropped=0, refused=0, quarantined=0
    )
    return Health(
        site="quay",
        robot="crawler-1",
        at=at,
        uptime_s=uptime_s,
        frames_per_s=10.0,
        verdicts_per_s=10.0,
        frame_age_ms=40.0,
        inference_ms=30.0,
        frames=1,
        frames_dropped=0,
        frames_unchanged=0,
        verdicts=1,
        spool=depth,
        temperature_c=60.0,
        memory_mb=180.0,
        alarms=(),
    )
