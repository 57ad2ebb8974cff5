"""Parts of robots that fail: states of the status, alarms, poses that no longer come."""

from __future__ import annotations

import pytest

from edge_node.control_room.history.alerts.event_book import Happening
from edge_node.messages.status import Alarm, Health, Part, PartState, SpoolDepth
from edge_node.messages.verdict import Pose
from tests.support.watched_room import BEGAN, offline, status

RULES = {"part": {"when": "part", "after_s": 10, "cooldown_s": 0}}
FAILING = Part(state=PartState.FAILING, text="no frame for 2000 ms")
ABSENT = Part(state=PartState.ABSENT, text="no such device")


def health(*codes: str, robot: str = "crawler-1") -> Health:
    """A health message with alarms."""
    alarms = tuple(Alarm(code=code, text=f"{code}!") for code in codes)
    return Health(site="quay", robot=robot, at=BEGAN, uptime_s=1.0, alarms=alarms)


def spool(*codes: str) -> SpoolDepth:
    """A spool's depth with alarms."""
    alarms = tuple(Alarm(code=code, text=f"{code}!") for code in codes)
    none = dict.fromkeys(("waiting", "in_memory", "disk_bytes", "dropped", "refused", "quarantined"), 0)
    return SpoolDepth(oldest_age_s=None, alarms=alarms, **none)


def found(room) -> list[str]:
    """The parts that an alert was raised for after the time that they must last."""
    room.look()
    room.wait(11)
    return [event.subject.rpartition(" ")[2] for event in room.look() if event.kind is Happening.RAISED]


@pytest.mark.parametrize(
    ("messages", "parts"),
    [
        ([status(camera=FAILING)], ["camera"]),
        ([status(camera=ABSENT)], ["camera"]),
        ([status(camera=Part(state=PartState.PAUSED, text="by command"))], []),
        ([status(camera=Part(state=PartState.STARTING))], []),
        ([status(clock=FAILING, model=FAILING)], ["model", "clock"]),
        ([status(shadow=FAILING, evidence=FAILING, scale=FAILING)], ["shadow", "evidence", "scale"]),
        ([status(shadow=ABSENT)], []),
        ([status(spool=spool("disk_full", "spool_damaged"))], ["spool"]),
        ([status(), health("evidence_lost", "audit_failing")], ["evidence", "audit"]),
        ([status(), health("findings_unsaved")], ["findings"]),
        ([status(), health("client_id_taken")], ["link"]),
        ([status()], []),
        ([offline()], []),
    ],
)  # fmt: skip
def test_what_a_robot_says_of_its_parts(watched, messages, parts) -> None:
    """A part that is paused, starting or absent by configuration does not fail; nor does what is offline."""
    room = watched(RULES)
    room.say(*messages)
    assert found(room) == parts


def test_a_failure_is_told_once_it_lasts_and_when_it_is_over(watched) -> None:
    """One that is over before is not told; the robot's own words are."""
    room = watched(RULES)
    room.say(status(camera=FAILING))
    room.tell()
    room.wait(5)
    room.say(status())
    assert not room.tell()
    room.say(status(camera=FAILING))
    room.tell()
    room.wait(10)
    (told,) = room.tell()
    assert told.title == "quay/crawler-1: camera failing for 10 s: no frame for 2000 ms"
    room.restart()
    assert not room.tell()
    room.say(offline())
    assert not room.tell()
    room.say(status())
    assert [one.title for one in room.tell()] == ["quay/crawler-1: camera no longer failing"]


def test_a_rule_names_its_parts(watched) -> None:
    """Others may fail."""
    room = watched({"part": {"when": "part", "parts": ["clock"], "after_s": 10}})
    room.say(status(clock=FAILING, camera=FAILING))
    assert found(room) == ["clock"]


def test_a_pose_that_no_longer_comes_fails(watched) -> None:
    """One that never came does not; after a restart it is not known until one comes."""
    room = watched(RULES)
    room.say(status(), status("crawler-2"))
    room.look()
    room.judge("U", "crawler-2")
    room.judge("U", pose=Pose(x_m=1.0))
    assert found(room) == []
    room.judge("U", "crawler-2", pose=Pose(range_mm=80.0))
    room.judge("U", pose=Pose(range_mm=80.0))
    assert found(room) == ["pose"]
    room.restart()
    room.judge("U")
    assert not room.look()
    room.judge("U", pose=Pose(distance_m=1.0))
    assert [event.text for event in room.look()] == ["quay/crawler-1: pose no longer failing"]


def test_what_a_robot_says_cannot_write_a_second_line(watched) -> None:
    """Line breaks and escapes in a part's text stay visible as such, and a long text is cut."""
    room = watched(RULES)
    room.say(status(camera=Part(state=PartState.FAILING, text="a\n- forged: all well\x1b[2J" + "x" * 500)))
    room.look()
    room.wait(11)
    (told,) = room.tell()
    assert told.text.splitlines()[0].startswith("- quay/crawler-1: camera failing")
    assert not any(line.startswith("- forged") for line in told.text.splitlines())
    assert "\x1b" not in told.text
    assert len(told.text) < 500
