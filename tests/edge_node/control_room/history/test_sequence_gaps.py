"""Gaps in the numbers of verdicts: shown, closed by late arrivals, counted per epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from edge_node.control_room.history.history import History


def test_gaps_are_what_is_missing_between_and_late_arrivals_close_them(history: History) -> None:
    """Numbers 1-2, 5, 8 leave 3-4 and 6-7; a backlog that brings 4, 3, 6 and 7 closes all."""
    for seq in (1, 2, 5, 8):
        history.add_verdict(verdict(seq, "U"))
    assert [(gap.first_seq, gap.last_seq, gap.missing) for gap in history.gaps()] == [(6, 7, 2), (3, 4, 2)]
    assert history.robots()[0].missing == 4
    assert history.stored_up_to("quay", "crawler-1", "epoch") == 2
    for seq in (4, 3, 6):
        assert history.add_verdict(verdict(seq, "U"), replayed=True)
    assert [(gap.first_seq, gap.last_seq) for gap in history.gaps(robot="crawler-1")] == [(7, 7)]
    assert history.gaps(robot="crawler-2") == []
    history.add_verdict(verdict(7, "U"), replayed=True)
    assert history.gaps() == []
    assert history.robots()[0].missing == 0
    assert history.stored_up_to("quay", "crawler-1", "epoch") == 8


def test_epochs_count_each_for_itself(history: History) -> None:
    """A new spool begins at 1 again: that is neither a duplicate nor a gap."""
    history.add_verdict(verdict(7, "U"))
    other = msgspec.structs.replace(verdict(1, "U"), id="crawler-1:another:1")
    assert history.add_verdict(other)
    assert history.gaps() == []
    assert history.verdict("crawler-1:another:1").verdict.seq == 1
