"""Listeners that have gone are waited for, for a while, and only if there were any."""

from __future__ import annotations

from edge_node.delivery.subscriber_grace import SubscriberGrace


def test_nobody_is_awaited_who_never_came():
    """A robot that nobody listens to does not hold its verdicts back."""
    assert not SubscriberGrace(60.0).is_awaited(0.0)


def test_those_who_were_there_are_awaited_until_the_grace_ends():
    """The time begins with the first message that nobody got, and once it is over nobody is awaited."""
    audience = SubscriberGrace(60.0)
    audience.note_received()
    assert [audience.is_awaited(now_s) for now_s in (100.0, 159.9, 160.0, 161.0)] == [
        True,
        True,
        False,
        False,
    ]


def test_whoever_comes_back_is_awaited_anew_the_next_time():
    """A second outage has a grace of its own."""
    audience = SubscriberGrace(60.0)
    audience.note_received()
    assert audience.is_awaited(0.0)
    audience.note_received()
    assert audience.is_awaited(100.0)
    assert audience.is_awaited(159.0)


def test_no_grace_waits_for_nobody():
    """A grace of 0 s is none: delivery never waits for subscribers to return."""
    audience = SubscriberGrace(0.0)
    audience.note_received()
    assert not audience.is_awaited(5.0)
