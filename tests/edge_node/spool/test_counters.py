"""Counters of the spool: numbers without gaps, and lost rows by kind and worth. Pure."""

from __future__ import annotations

from edge_node.messages.topics import Kind
from edge_node.spool.counters import Counters
from edge_node.spool.rows import Keep
from edge_node.spool.transaction import Dropped


def test_a_number_is_used_up_only_when_it_was_given() -> None:
    """An encoder that fails leaves no gap; each kind counts for itself."""
    counters = Counters({"seq:verdict": 41})
    assert counters.next_seq(Kind.VERDICT) == counters.next_seq(Kind.VERDICT) == 42
    counters.gave(Kind.VERDICT, 42)
    assert counters.next_seq(Kind.VERDICT) == 43
    assert counters.next_seq(Kind.FINDING) == 1


def test_lost_rows_are_counted_by_kind_and_worth_and_outlive_the_numbers() -> None:
    """What lasts are the losses; numbers begin anew at each start."""
    counters = Counters({})
    counters.gave(Kind.VERDICT, 9)
    counters.drop([Dropped(Kind.VERDICT, Keep.LOW), Dropped(Kind.VERDICT, Keep.LOW)])
    counters.drop([Dropped(Kind.FINDING, Keep.HIGH)])
    counters.refuse()
    assert (counters.dropped, counters.refused) == (3, 1)
    assert counters.lasting() == {"dropped:verdict:low": 2, "dropped:finding:high": 1, "refused": 1}
