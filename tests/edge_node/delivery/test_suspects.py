"""Rows that may be why connections end: blamed, left for later, and cleared. Pure."""

from __future__ import annotations

from edge_node.delivery.suspects import Suspects
from edge_node.messages.topics import Kind
from edge_node.spool.rows import Keep, Row


def rows(*positions: int) -> list[Row]:
    """Return verdicts at these positions."""
    return [Row(at, Kind.VERDICT, at, "epoch", Keep.NORMAL, 0.0, b"") for at in positions]


def test_a_row_that_was_blamed_while_alone_is_the_reason() -> None:
    """The broker said that a message was the reason, and only one was on its way."""
    (row,) = rows(7)
    assert Suspects().link_ended([row], 0.0, blamed=True) is row


def test_all_rows_on_the_way_are_suspect_when_one_of_several_was_blamed() -> None:
    """The broker does not say which; an answer to one clears that one."""
    suspects = Suspects()
    assert suspects.link_ended(rows(3, 4, 5), 0.0, blamed=True) is None
    assert suspects.positions == {3, 4, 5}
    suspects.clear(4)
    assert suspects.positions == {3, 5}


def test_an_end_without_rows_on_the_way_accuses_none() -> None:
    """A bad link ends idle connections too."""
    suspects = Suspects()
    assert suspects.link_ended([], 0.0, blamed=True) is None
    assert suspects.positions == set()


def test_the_third_end_at_one_row_makes_it_suspect_and_three_more_alone_leave_it_for_later() -> None:
    """It is tried again after ten minutes; an answer to it ends that at once."""
    suspects = Suspects()
    for _ in range(2):
        suspects.link_ended(rows(1, 2), 0.0, blamed=False)
    assert suspects.positions == set()
    suspects.link_ended(rows(1, 2), 0.0, blamed=False)
    assert suspects.positions == {1, 2}
    for _ in range(3):
        assert suspects.link_ended(rows(1), 100.0, blamed=False) is None
    assert (suspects.deferred, suspects.positions) == (1, {2})
    assert suspects.is_deferred(1, 699.0)
    assert not suspects.is_deferred(1, 700.0)
    suspects.clear(1)
    assert suspects.deferred == 0


def test_ends_at_different_rows_are_a_bad_link() -> None:
    """Only ends at the same oldest row in a row count against it."""
    suspects = Suspects()
    for at in (1, 2, 1, 2, 1, 2):
        suspects.link_ended(rows(at), 0.0, blamed=False)
    assert (suspects.positions, suspects.deferred) == (set(), 0)
