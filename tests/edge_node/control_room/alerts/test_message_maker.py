"""Which messages are made of events: gathered, after a cool-down, without what is muted."""

from __future__ import annotations

from datetime import datetime, timedelta

from edge_node.control_room.history.alerts.event_book import Fate
from edge_node.control_room.history.alerts.message_book import DeliveryState
from tests.support.room_records import finding
from tests.support.watched_room import WatchedRoom, status


def find(room: WatchedRoom, number: int) -> None:
    """Let a finding come."""
    seen = {"first_observed_at": room.now, "last_observed_at": room.now}
    room.say(finding(id=f"crawler-1:epoch:f{number}", peak_severity="late", **seen))


def test_what_happens_within_the_gathering_is_one_message_and_then_the_rule_cools_down(watched) -> None:
    """What follows is not lost: it is the next message; a restart shortens nothing."""
    room = watched({"rust": {"when": "finding", "cooldown_s": 600}}, gather_s=30.0)
    made = []
    for number in range(90):  # one every 20 s
        find(room, number)
        made += [(room.now_s - 1000.0, message.events) for message in room.tell()]
        if number == 50:
            room.restart()
        room.wait(20)
    # after 30 s, and then each ten minutes; after the restart by the wall clock
    assert made == [(40, 3), (640, 30), (1240, 30)]


def test_a_message_goes_to_the_channels_of_its_rule_and_nowhere_without_one(watched) -> None:
    """All channels if the rule names none; the history has it even if there is none."""
    rules = {
        "all": {"when": "finding", "cooldown_s": 0},
        "some": {"when": "finding", "cooldown_s": 0, "channels": ["night"]},
    }
    room = watched(rules, channels=("duty", "night"))
    find(room, 1)
    room.tell()
    sent = {message.rule: [one.channel for one in to] for message, to in room.messages.messages(9)}
    assert sent == {"all": ["duty", "night"], "some": ["night"]}
    alone = watched({"all": {"when": "finding"}}, channels=())
    find(alone, 1)
    assert len(alone.tell()) == 1
    assert alone.messages.messages(9)[0][1] == []


def test_a_muted_rule_lists_and_tells_nobody_until_the_time_is_over(watched) -> None:
    """What it found meanwhile is not told afterwards."""
    room = watched({"rust": {"when": "finding", "cooldown_s": 0}})
    room.events.mute("rust", room.now + timedelta(hours=1), "ada")
    find(room, 1)
    assert not room.tell()
    assert [event.fate for event in room.events.events(9)] == [Fate.MUTED]
    room.wait(3601)
    find(room, 2)
    assert len(room.tell()) == 1
    assert room.messages.due("duty")[0][1].events == 1


def test_a_finding_of_a_muted_defect_is_not_told(watched) -> None:
    """It is asked for when the message is made: the finding belongs to a defect a little later."""

    class Muted:
        """Defects of which some are muted."""

        def growing(self, _now: datetime) -> list[object]:
            """None grows."""
            return []

        def muted(self, findings: list[tuple[str, str]], _now: datetime) -> set[tuple[str, str]]:
            """Those of even numbers."""
            return {one for one in findings if int(one[1].rpartition("f")[2]) % 2 == 0}

    room = watched({"rust": {"when": "finding"}}, defects=Muted())
    for number in range(4):
        find(room, number)
    (told,) = room.tell()
    assert told.events == 2
    fates = {event.subject.split(" ")[1][-2:]: event.fate for event in room.events.events(9)}
    assert fates == {"f0": Fate.MUTED, "f1": Fate.TOLD, "f2": Fate.MUTED, "f3": Fate.TOLD}


def test_events_of_a_rule_that_is_gone_are_dropped(watched) -> None:
    """They wait for no message, and what it had raised is forgotten."""
    room = watched({"rust": {"when": "finding"}, "quiet": {"when": "silent"}}, gather_s=60.0)
    room.say(status())
    find(room, 1)
    room.look()
    gone = WatchedRoom(room.folder, {"quiet": {"when": "silent"}})
    assert not gone.tell()
    assert [event.fate for event in gone.events.events(9)] == [Fate.DROPPED]
    assert not gone.events.raised("rust")
    gone.close()


def test_a_message_that_waits_is_there_after_a_restart(watched) -> None:
    """So are events that were being gathered."""
    room = watched({"rust": {"when": "finding"}}, gather_s=60.0)
    find(room, 1)
    room.look()
    room.restart()
    room.tell()
    room.wait(61)
    assert len(room.tell()) == 1
    assert room.messages.messages(9)[0][1][0].state is DeliveryState.WAITING
