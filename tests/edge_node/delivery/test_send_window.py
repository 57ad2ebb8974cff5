"""The window, pure: lanes, order, slots, holds, suspects; with invented brokers of every kind."""

from __future__ import annotations

import itertools
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from edge_node.delivery.send_window import SendWindow
from edge_node.delivery.suspects import Suspects
from edge_node.messages.topics import Kind
from edge_node.spool.rows import Keep, Row

VERDICT = Kind.VERDICT


class Shelf:
    """Rows by position, as a spool has them."""

    def __init__(self, kinds: list[Kind]) -> None:
        self.rows = [
            Row(position, kind, position, "e", Keep.NORMAL, 0.0, b"")
            for position, kind in enumerate(kinds, 1)
        ]

    def read(self, kind: Kind, after: int, up_to: int | None, limit: int) -> list[Row]:
        """As the spool's."""
        last = up_to if up_to is not None else 1 << 62
        return [row for row in self.rows if row.kind is kind and after < row.position <= last][:limit]

    def remove(self, position: int) -> None:
        """A broker has it."""
        self.rows = [row for row in self.rows if row.position != position]


def send(window: SendWindow, shelf: Shelf, numbers, now_s: float = 0.0) -> list[tuple[int, bool]]:
    """Send all that the window lets through; return position and replayed."""
    out = []
    for sent in window.next_up(shelf.read, now_s):
        window.sent(next(numbers), sent)
        out.append((sent.row.position, sent.lane.replayed))
    return out


def test_live_goes_before_the_backlog_and_answers_before_findings_before_verdicts() -> None:
    """The order of lanes: what people wait for first, and of each kind live before backlog."""
    kinds = [VERDICT, Kind.FINDING, Kind.RESPONSE] * 2
    window = SendWindow(10, 3, Suspects())
    assert send(window, Shelf(kinds), iter(range(99))) == [
        *((6, False), (5, False), (4, False)),
        *((3, True), (2, True), (1, True)),
    ]


def test_the_window_is_idle_while_the_deletion_of_a_delivered_row_waits_for_the_next_row() -> None:
    """Deletions ride with the next verdict: else no picture would be sent while verdicts come."""
    shelf, numbers, window = Shelf([VERDICT] * 3), iter(range(99)), SendWindow(2, 0, Suspects())
    assert window.is_idle
    send(window, Shelf([VERDICT]), numbers)
    assert not window.is_idle  # no answer yet
    window.delivered(window.answered(0), 7)
    assert window.is_idle
    assert not window.is_empty  # it is on disk
    window.wake()
    assert send(window, shelf, numbers) == [(2, False)]
    window.delivered(window.answered(1), 8)
    assert not window.is_idle  # the third has no slot
    window.settled(7)
    assert window.is_idle


def test_what_is_appended_is_looked_for_in_live_lanes_alone() -> None:
    """Each lane costs a query of the spool: those found empty are left alone until a row may be there."""
    shelf, numbers, asked = Shelf([VERDICT]), iter(range(99)), []

    def read(kind: Kind, after: int, up_to: int | None, limit: int) -> list[Row]:
        asked.append(up_to is None)
        return shelf.read(kind, after, up_to, limit)

    def turn() -> list[int]:
        asked.clear()
        found = []
        for sent in window.next_up(read, 0.0):
            window.sent(next(numbers), sent)
            found.append(sent.row.position)
        return found

    window = SendWindow(10, 1, Suspects())
    assert turn() == [1]
    assert turn() == []
    assert asked == []
    shelf.rows = Shelf([VERDICT] * 2).rows
    window.wake(backlog=False)
    assert turn() == [2]
    assert all(asked)
    window.wake()
    assert turn() == []
    assert not all(asked)


def test_a_slot_is_free_only_when_the_row_is_deleted_on_disk() -> None:
    """An answer alone frees nothing: a kill before the deletion would repeat the row."""
    shelf, numbers = Shelf([VERDICT] * 5), iter(range(99))
    window = SendWindow(2, 5, Suspects())
    assert send(window, shelf, numbers) == [(1, True), (2, True)]
    window.delivered(window.answered(0), ticket=1)
    assert send(window, shelf, numbers) == []
    window.settled(1)
    assert send(window, shelf, numbers) == [(3, True)]


def test_a_refused_kind_waits_and_begins_again_with_the_refused_row_others_flow() -> None:
    """A held kind sends nothing, then one row, and all again when that is taken; order is kept."""
    shelf, numbers = Shelf([VERDICT, VERDICT, VERDICT, Kind.FINDING, Kind.FINDING]), iter(range(99))
    window = SendWindow(3, 5, Suspects())
    assert send(window, shelf, numbers) == [(4, True), (5, True), (1, True)]
    window.kept(window.answered(2), now_s=0.0)
    assert send(window, shelf, numbers) == []
    for number, ticket in ((0, 1), (1, 2)):
        sent = window.answered(number)
        window.delivered(sent, ticket)
        shelf.remove(sent.row.position)
    window.settled(2)
    assert window.held
    assert window.wait_s(0.25) == 0.75
    assert send(window, shelf, numbers, now_s=0.5) == []
    assert send(window, shelf, numbers, now_s=1.0) == [(1, True)]
    window.delivered(window.answered(3), 3)
    assert not window.held
    assert send(window, shelf, numbers, now_s=1.0) == [(2, True), (3, True)]


def test_a_row_that_was_read_again_while_it_was_in_flight_is_not_sent_twice() -> None:
    """One row is refused and read again with those behind it, which the broker takes meanwhile."""
    shelf, numbers = Shelf([VERDICT] * 4), iter(range(99))
    window = SendWindow(3, 4, Suspects())
    assert send(window, shelf, numbers) == [(1, True), (2, True), (3, True)]
    window.kept(window.answered(0), now_s=0.0)
    assert send(window, shelf, numbers, now_s=1.0) == []  # rows 2 and 3 are in flight
    window.delivered(window.answered(1), 1)
    assert send(window, shelf, numbers, now_s=1.0) == [(1, True)]  # 2 is not deleted yet, and was read again
    shelf.remove(2)
    window.settled(1)
    window.delivered(window.answered(2), 2)
    window.delivered(window.answered(3), 2)
    shelf.remove(1)
    shelf.remove(3)
    window.settled(2)
    assert send(window, shelf, numbers, now_s=1.0) == [(4, True)]


def test_a_kind_that_may_have_no_subscriber_yet_begins_with_one_row() -> None:
    """The answer to the first row tells whether the others may follow; other kinds do not wait."""
    shelf, numbers = Shelf([VERDICT, VERDICT, Kind.FINDING, Kind.FINDING]), iter(range(99))
    window = SendWindow(9, 4, Suspects(), alone_first=[VERDICT])
    assert send(window, shelf, numbers) == [(3, True), (4, True), (1, True)]
    window.delivered(window.answered(2), 1)
    shelf.remove(1)
    assert send(window, shelf, numbers) == [(2, True)]


class Link:
    """A broker and a link that do what dice say: take, refuse, lose answers, cut; and cut at one row."""

    def __init__(self, shelf: Shelf, seed: int, poison: int | None) -> None:
        self.shelf = shelf
        self.dice = random.Random(seed)  # noqa: S311  a test's dice
        self.poison = poison
        self.received: list[int] = []
        self.now_s = 0.0

    def connect(self, window: SendWindow, size: int) -> bool:
        """Talk until the link is cut (True), or nothing is left to be sent (False)."""
        numbers = itertools.count()
        while True:
            self.now_s += 1.0
            window.wake()
            sent_now = []
            for sent in window.next_up(self.shelf.read, self.now_s):
                sent_now.append(next(numbers))
                window.sent(sent_now[-1], sent)
                assert len(window.on_the_way) <= size
                if sent.row.position == self.poison:
                    return True
                self.received.append(sent.row.position)
            if self.dice.random() < 0.05:
                return True
            if not sent_now and not window.held:
                return False
            for number in sent_now:
                self.answer(window, number)

    def answer(self, window: SendWindow, number: int) -> None:
        """Take or refuse one row."""
        sent = window.answered(number)
        if self.dice.random() < 0.1:
            self.received.remove(sent.row.position)
            window.kept(sent, self.now_s)
        else:
            self.shelf.remove(sent.row.position)
            window.delivered(sent, number)
            window.settled(number)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from([VERDICT, VERDICT, VERDICT, Kind.FINDING]), min_size=1, max_size=60),
    st.integers(1, 8),
    st.integers(0, 2**32),
    st.booleans(),
)
def test_every_row_gets_through_and_a_disconnect_repeats_at_most_one_window(
    kinds: list[Kind], size: int, seed: int, with_poison: bool
) -> None:
    """Refusals, lost answers, cuts, a row that always cuts: nothing is lost, nothing is blocked."""
    suspects, poison = Suspects(), seed % len(kinds) + 1 if with_poison else None
    link = Link(Shelf(kinds), seed, poison)
    disconnects = 0
    while disconnects < 400:
        window = SendWindow(size, len(kinds) if disconnects else len(kinds) // 2, suspects)
        if not link.connect(window, size):
            break
        disconnects += 1
        suspects.link_ended(window.on_the_way, link.now_s, blamed=False)
    assert {row.position for row in link.shelf.rows} == ({poison} if poison else set())
    assert set(link.received) - {poison} == set(range(1, len(kinds) + 1)) - {poison}
    assert len(link.received) - len(set(link.received)) <= size * disconnects


def test_a_row_that_the_broker_blames_is_found_by_sending_one_at_a_time() -> None:
    """DISCONNECT with packet too large: all on the way are suspects, then the culprit is known."""
    suspects, shelf = Suspects(), Shelf([VERDICT] * 3)
    assert suspects.link_ended(shelf.rows, 0.0, blamed=True) is None
    window = SendWindow(3, 3, suspects)
    assert send(window, shelf, iter(range(9))) == [(1, True)]
    assert suspects.link_ended(shelf.rows[:1], 1.0, blamed=True) == shelf.rows[0]
