"""What the rules have in common: what is raised is kept, whatever becomes of the rules."""

from __future__ import annotations

from edge_node.messages.status import Part, PartState
from tests.support.watched_room import WatchedRoom, status

FAILING = Part(state=PartState.FAILING, text="no frame")


def test_a_rule_that_tells_of_something_else_now_ends_quietly_what_it_had_raised(watched) -> None:
    """A name is not a kind; a part that the rule no longer names is not well, but no longer told."""
    room = watched({"one": {"when": "silent"}, "two": {"when": "part", "after_s": 1}})
    room.say(status(camera=FAILING, clock=FAILING))
    room.look()
    room.wait(61)
    assert len(room.look()) == 3
    other = WatchedRoom(
        room.folder, {"one": {"when": "coverage", "below": 0.5}, "two": {"when": "part", "parts": ["clock"]}}
    )
    other.now = room.now
    assert not other.look()
    assert (list(other.events.raised("one")), list(other.events.raised("two"))) == (
        [],
        ["part:quay/crawler-1 clock"],
    )
    other.close()


def test_no_end_is_told_where_the_rule_does_not_want_it(watched) -> None:
    """It is over all the same, and may be raised again."""
    room = watched({"quiet": {"when": "silent", "recovery": False}})
    room.say(status())
    room.look()
    for _ in range(2):
        room.wait(61)
        assert len(room.look()) == 1
        room.say(status())
        assert not room.look()
        assert not room.events.raised("quiet")
