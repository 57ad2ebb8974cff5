"""Side messages: one in flight at a time, the first outbox first; the latest verdict; the newest health."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from edge_node.delivery.side_messages import LatestVerdict, NewestHealth, SideMessages
from edge_node.messages.topics import Kind, Topics
from edge_node.mqtt.session import Session
from edge_node.mqtt.types import Endpoint, Outgoing
from edge_node.spool.rows import Keep, Row

if TYPE_CHECKING:
    from collections.abc import Iterator

TOPICS = Topics("site", "robot")


@dataclass
class Outbox:
    """An outbox whose messages are given, and which writes down what it is told."""

    messages: list[str]
    qos: int = 1
    when_idle: bool = False
    told: list[object] = field(default_factory=list)

    def begin(self) -> None:
        """Write it down."""
        self.told.append("begin")

    def next_message(self, now_s: float, *, is_idle: bool) -> Outgoing | None:  # noqa: ARG002
        """Return the next one."""
        if not self.messages or (self.when_idle and not is_idle):
            return None
        return Outgoing(self.messages.pop(0), b"", qos=self.qos)

    def answered(self, code: int | None) -> None:
        """Write it down."""
        self.told.append(code)


class Heard:
    """A session's answers, by number, and the numbers of what was sent."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, int]] = []

    def note(self, number: int, code: int) -> None:
        """Note an answer."""
        self.answers.append((number, code))


@pytest.fixture
def heard() -> Heard:
    """The answers of the session."""
    return Heard()


@pytest.fixture
def session(mosquitto, heard: Heard) -> Iterator[Session]:
    """A connection to a real broker."""
    opened = Session(Endpoint("127.0.0.1", mosquitto.port, "side"), on_acknowledged=heard.note)
    opened.open()
    yield opened
    opened.close()


def send_and_answer(
    side: SideMessages, session: Session, heard: Heard, outbox: Outbox, *, is_idle: bool = True
) -> None:
    """Send what may be sent, and pass on the broker's answers until ``outbox`` is told of one."""
    side.send(session, 0.0, is_idle=is_idle)
    known, deadline_s = len(outbox.told), time.monotonic() + 10
    while len(outbox.told) == known:
        assert time.monotonic() < deadline_s, "no answer"
        session.poll(0.1)
        for number, code in heard.answers:
            side.answered(number, code)
        heard.answers.clear()


def test_one_at_a_time_and_the_first_outbox_first(session: Session, heard: Heard) -> None:
    """A second message waits for the answer to the first, whichever outbox has it."""
    first, second = Outbox(["a1", "a2"]), Outbox(["b1"])
    side = SideMessages([first, second])
    for _ in range(3):
        side.send(session, 0.0, is_idle=True)
    assert (first.messages, second.messages) == (["a2"], ["b1"])
    send_and_answer(side, session, heard, first)
    assert (len(first.told), second.told) == (1, [])
    send_and_answer(side, session, heard, first)
    assert (first.messages, second.messages) == ([], ["b1"])
    send_and_answer(side, session, heard, second)
    assert (len(first.told), len(second.told)) == (2, 1)


def test_unanswered_messages_go_out_beside_it_and_nobody_is_told(session: Session, heard: Heard) -> None:
    """At QoS 0 all are sent at once, even while another outbox's message is in flight."""
    one, unanswered = Outbox(["a"]), Outbox(["x", "y", "z"], qos=0)
    side = SideMessages([one, unanswered])
    send_and_answer(side, session, heard, one)
    assert unanswered.messages == []
    assert unanswered.told == []
    assert len(one.told) == 1


def test_what_wants_an_idle_link_waits_for_one(session: Session, heard: Heard) -> None:
    """Pictures wait while verdicts are on their way; others do not."""
    pictures, urgent = Outbox(["p"], when_idle=True), Outbox(["u"])
    side = SideMessages([pictures, urgent])
    send_and_answer(side, session, heard, urgent, is_idle=False)
    assert (pictures.messages, urgent.messages) == (["p"], [])
    send_and_answer(side, session, heard, pictures, is_idle=True)
    assert pictures.messages == []


def test_the_end_of_a_connection_is_told_to_whose_message_was_in_flight(session: Session) -> None:
    """None: it may have arrived or not; then the next connection begins for all."""
    flying, other = Outbox(["a"]), Outbox(["b"])
    side = SideMessages([flying, other])
    side.send(session, 0.0, is_idle=True)
    side.link_ended()
    side.link_ended()
    assert (flying.told, other.told) == ([None], [])
    side.begin()
    assert (flying.told, other.told) == ([None, "begin"], ["begin"])
    side.send(session, 0.0, is_idle=True)
    assert other.messages == []


def row(seq: int, kind: Kind = Kind.VERDICT) -> Row:
    """A row that the broker has."""
    return Row(seq, kind, seq, "epoch", Keep.NORMAL, 0.0, b"%d" % seq)


def test_only_live_verdicts_become_latest_and_at_most_one_a_second() -> None:
    """Neither findings nor what was replayed; in between the newest replaces those before it."""
    latest = LatestVerdict(TOPICS)
    latest.delivered(row(1), replayed=True)
    latest.delivered(row(2, Kind.FINDING), replayed=False)
    assert latest.next_message(0.0, is_idle=True) is None
    latest.delivered(row(3), replayed=False)
    assert latest.next_message(0.0, is_idle=False) == Outgoing(TOPICS.latest, b"3", retain=True)
    latest.delivered(row(4), replayed=False)
    latest.delivered(row(5), replayed=False)
    assert latest.next_message(0.9, is_idle=True) is None
    assert latest.next_message(1.0, is_idle=True) == Outgoing(TOPICS.latest, b"5", retain=True)
    assert latest.next_message(9.0, is_idle=True) is None


def test_the_newest_health_replaces_what_waits() -> None:
    """Of two health messages only the newest is sent, once, at QoS 0."""
    health = NewestHealth(TOPICS)
    health.put(b"1")
    health.put(b"2")
    assert health.next_message(0.0, is_idle=False) == Outgoing(TOPICS.health, b"2", qos=0)
    assert health.next_message(0.0, is_idle=False) is None
