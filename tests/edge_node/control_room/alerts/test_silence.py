"""Robots that are silent: by their will, by a stop, or by nothing at all; by monotonic time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from edge_node.control_room.history.alerts.event_book import Happening
from edge_node.messages.status import OfflineReason
from tests.support.watched_room import offline, status

RULES = {"quiet": {"when": "silent", "after_s": 60, "cooldown_s": 0}}


@pytest.mark.parametrize(
    ("last", "word"),
    [
        (status(), "last heard 2026-12-01 12:00:00 +00:00"),
        (offline(), "its link was lost"),
        (offline(reason=OfflineReason.STOPPED), "it was stopped"),
    ],
    ids=["online", "will", "stopped"],
)
def test_a_robot_is_silent_after_the_time_whatever_it_said_last(watched, last, word) -> None:
    """Not a second earlier, and only once; then it is heard again."""
    room = watched(RULES)
    room.say(last)
    assert not room.tell()
    room.wait(59)
    assert not room.tell()
    room.wait(1)
    (told,) = room.tell()
    assert told.title.startswith("quay/crawler-1: silent for 60 s")
    assert word in told.text
    room.wait(600)
    assert not room.tell()
    room.say(status())
    (told,) = room.tell()
    assert (told.kind, told.title) == ("over", "quay/crawler-1: heard again")


def test_a_clock_that_is_set_makes_no_robot_silent(watched) -> None:
    """Neither forward nor back: how long a silence lasts is monotonic."""
    room = watched(RULES)
    for hours in (5, -9):
        room.say(status())
        room.tell()
        room.now += timedelta(hours=hours)
        room.wait(30)
        assert not room.tell()


def test_a_will_that_comes_after_the_alert_is_no_sign_of_life(watched) -> None:
    """The broker sends it when the robot's keep-alive has run out."""
    room = watched(RULES)
    room.say(status())
    room.tell()
    room.wait(61)
    assert len(room.tell()) == 1
    room.say(offline())
    assert not room.look()
    room.wait(61)
    assert not room.look()


def test_a_retired_robot_is_not_silent(watched) -> None:
    """Nor is its end told; once it is heard again, it may be silent again."""
    room = watched(RULES)
    room.say(status())
    room.tell()
    room.wait(61)
    assert [event.kind for event in room.look()] == [Happening.RAISED]
    room.history.retire("quay", "crawler-1")
    assert not room.look()
    assert not room.events.raised("quiet")
    room.say(status())
    assert not room.look()
    room.wait(61)
    assert [event.kind for event in room.look()] == [Happening.RAISED]


def test_a_hundred_robots_that_a_broker_silences_are_one_message(watched) -> None:
    """With their number, the first few, and what the room knows of its own link."""
    room = watched({"quiet": {"when": "silent", "after_s": 60}}, gather_s=30.0)
    for number in range(100):
        room.say(status(f"crawler-{number:02}"))
        room.look()
        room.wait(0.1)
    room.link = "This control room has no connection to the broker (refused)."
    messages = []
    for _ in range(24):
        room.wait(5)
        messages += room.tell()
    (told,) = messages
    assert (told.title, told.events) == ("100 robots silent", 100)
    assert "- and 95 more" in told.text
    assert told.text.count("silent for 60 s") == 5
    assert "no connection to the broker" in told.text


def test_a_restart_tells_nothing_again_and_gives_robots_time_to_speak(watched) -> None:
    """What was raised stays raised; what is silent since the restart counts from the restart."""
    room = watched(RULES)
    room.say(status(), status("crawler-2"))
    room.tell()
    for _ in range(4):
        room.wait(20)
        room.say(status("crawler-2"))
        room.tell()
    assert list(room.events.raised("quiet")) == ["silent:quay/crawler-1"]
    room.wait(3600)
    room.restart()
    assert not room.tell()
    room.wait(30)
    room.say(status("crawler-2"))
    room.wait(31)
    assert not room.tell()


def test_a_rule_for_some_robots_says_nothing_of_others(watched) -> None:
    """By name, by SITE/ROBOT, and by site."""
    room = watched(
        {
            "one": {"when": "silent", "robots": ["crawler-2"]},
            "two": {"when": "silent", "robots": ["quay/crawler-1"]},
            "three": {"when": "silent", "sites": ["hall"]},
        }
    )
    room.say(status(), status("crawler-2"))
    room.look()
    room.wait(61)
    assert sorted((event.rule, event.robot) for event in room.look()) == [
        ("one", "crawler-2"),
        ("two", "crawler-1"),
    ]
