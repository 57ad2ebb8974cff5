"""Findings and rollbacks: each told once, late ones as late, those that are too old not at all."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy import delete

from edge_node.control_room.history.alerts.event_book import Fate
from edge_node.control_room.history.storage.alert_tables import alert_rule
from edge_node.messages.finding import FindingState
from edge_node.messages.response import Response, Result
from edge_node.messages.verdict import Pose
from tests.support.room_records import finding
from tests.support.watched_room import BEGAN, status

DELETE_RULES = delete(alert_rule)
RULES = {"rust": {"when": "finding", "severity": "mid", "cooldown_s": 0}}


def seen(at: datetime = BEGAN, number: int = 1, **fields):
    """A finding that the robot saw then."""
    given = {"id": f"crawler-1:epoch:f{number}", "last_observed_at": at, "frames": 3, **fields}
    return finding(first_observed_at=at, **given)


def rollback(number: int = 1, at: datetime = BEGAN, code: str = "rolled_back") -> Response:
    """What a robot says of a bundle."""
    return Response(
        id=f"crawler-1:epoch:r{number}",
        seq=number,
        site="quay",
        robot="crawler-1",
        at=at,
        verb="update",
        command_id=None,
        result=Result.FAILED,
        code=code,
        text="the golden probe does not hold",
        data={"bundle": "steel-2"},
    )


@pytest.mark.parametrize(
    ("wanted", "told"),
    [("none", 4), ("mid", 3), ("late", 2), (None, 5)],
)
def test_a_severity_or_a_worse_one(watched, wanted, told) -> None:
    """In the room's order; a word that it does not order may be the worst, no word is none."""
    rule = {"when": "finding", **({"severity": wanted} if wanted else {})}
    room = watched({"rust": rule})
    for number, severity in enumerate(("none", "mid", "late", "heavy", None)):
        room.say(seen(number=number, peak_severity=severity))
    assert len(room.look()) == told
    assert not room.look()


def test_what_came_while_nobody_looked_is_as_old_as_it_is(watched) -> None:
    """A rule that stands in the file again after two days tells of today, and lists the rest."""
    room = watched(RULES)
    room.look()
    room.say(seen(number=1, peak_severity="late"))
    room.wait(2 * 86_400)
    room.say(seen(room.now, number=2, peak_severity="late"))
    room.restart()
    assert {event.subject[-7:]: event.fate for event in room.look()} == {
        "f1 late": Fate.TOO_OLD,
        "f2 late": Fate.WAITING,
    }


def test_a_finding_is_told_once_and_again_when_it_gets_worse(watched) -> None:
    """Not with each of its messages, also not after a restart, and not what stood there before the rule."""
    room = watched(RULES)
    room.say(seen(number=9))
    room.wait(3600)
    room.events.forget_states("rust")
    room.history.database.write(DELETE_RULES)
    room.restart()
    assert not room.look()
    for frames, severity, told in ((3, "mid", 1), (5, "mid", 0), (8, "late", 1), (9, "late", 0)):
        room.say(seen(room.now, frames=frames, peak_severity=severity))
        assert len(room.tell()) == told
        room.restart()
        assert not room.look()
    room.say(seen(room.now, frames=9, peak_severity="late", state=FindingState.CLOSED))
    assert not room.look()


def test_the_text_says_what_and_where(watched) -> None:
    """Severity, material, asset, place, time with its zone."""
    room = watched(RULES)
    room.say(seen(asset="pipe L-7", from_pose=Pose(distance_m=12.3), peak_severity="late", form="pitting"))
    (told,) = room.tell()
    what = "late pitting corrosion of steel on pipe L-7 at 12.30 m"
    assert told.text.splitlines()[0] == f"- quay/crawler-1: {what}, seen 2026-12-01 12:00:00 +00:00"


def test_what_comes_late_is_told_as_late_or_listed_only(watched) -> None:
    """By the robot's clock, corrected by how far it was ahead; a clock of 1970 tells nothing."""
    room = watched(RULES, too_old_h=24.0)
    room.say(status())
    room.judge("U", observed_at=BEGAN + timedelta(hours=100))  # live: this clock is 100 h ahead
    room.say(
        seen(BEGAN + timedelta(hours=100), 1),
        seen(BEGAN + timedelta(hours=97), 2),
        seen(BEGAN + timedelta(hours=75), 3),
        seen(datetime(1970, 1, 2, tzinfo=timezone.utc), 4),
    )
    texts = {event.subject.split(" ")[1][-2:]: event for event in room.look()}
    assert "late" not in texts["f1"].text.partition("seen")[2]
    assert texts["f2"].text.endswith("; late: it came 3 h after it was seen")
    assert texts["f3"].fate is Fate.TOO_OLD
    assert texts["f4"].text.endswith("it is not known when it was seen")
    (told,) = room.tell()
    assert told.events == 3


def test_a_bundle_that_was_rolled_back_is_told_once(watched) -> None:
    """Of all that robots answer."""
    room = watched({"bundle": {"when": "rolled_back", "cooldown_s": 0}})
    room.say(rollback(1, code="confirmed"), rollback(2))
    (told,) = room.tell()
    assert told.title == "quay/crawler-1: steel-2 rolled back: the golden probe does not hold"
    room.restart()
    assert not room.tell()
    room.wait(200_000)
    room.say(rollback(3, room.now), rollback(4))
    assert [event.fate for event in sorted(room.look(), key=lambda one: one.subject)] == [
        Fate.WAITING,
        Fate.TOO_OLD,
    ]


def test_a_clock_that_is_set_back_hides_nothing(watched) -> None:
    """A finding that comes then is told, and so is the next."""
    room = watched(RULES)
    room.say(seen(number=1))
    assert len(room.look()) == 1
    room.now -= timedelta(days=2)
    room.say(seen(room.now, number=2))
    assert len(room.look()) == 1
    room.wait(1)
    room.say(seen(room.now, number=3))
    assert len(room.look()) == 1
