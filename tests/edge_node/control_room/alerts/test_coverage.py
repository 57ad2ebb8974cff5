"""Robots that judge too little: of live verdicts, over a whole span, while nobody paused them."""

from __future__ import annotations

from edge_node.messages.status import Part, PartState
from tests.support.watched_room import offline, status

RULES = {"dark": {"when": "coverage", "below": 0.5, "over_s": 60, "cooldown_s": 0}}
PAUSED = Part(state=PartState.PAUSED, text="by command")


def work(room, what: str, seconds: int, **options) -> list[str]:
    """Judge these letters every five seconds; return the titles of what is told."""
    told = []
    for _ in range(seconds // 5):
        room.judge(what, **options)
        told += [message.title for message in room.tell()]
        room.wait(5)
    return told


def test_a_share_below_the_rule_is_told_after_the_whole_span(watched) -> None:
    """And when it is over; uncertain and not inspectable frames were not judged."""
    room = watched(RULES)
    room.say(status())
    room.tell()
    assert work(room, "UX?X", 60) == []
    assert work(room, "UX?X", 5) == ["quay/crawler-1: judged 25% of its frames in 60 s, less than 50%"]
    assert work(room, "CCCU", 60) == ["quay/crawler-1: judged 54% of its frames in 60 s, at least 50%"]


def test_a_paused_robot_has_no_coverage(watched) -> None:
    """Nor one that is away; and what waited at a robot tells nothing of now."""
    room = watched(RULES)
    room.say(status())
    room.tell()
    work(room, "XXXX", 50)
    room.say(status(camera=PAUSED))
    assert work(room, "XX", 120) == []
    room.say(status())
    assert work(room, "XXXX", 60) == []
    room.say(offline())
    assert work(room, "XX", 120) == []
    room.say(status())
    assert work(room, "XXXX", 120, replayed=True) == []


def test_a_few_frames_are_no_share(watched) -> None:
    """A robot that sends one frame now and then."""
    room = watched(RULES)
    room.say(status())
    room.tell()
    for _ in range(5):
        assert work(room, "X", 5) == []
        room.wait(15)
