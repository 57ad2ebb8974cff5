"""Epochs of a robot: one for each start, each naming the end of the one before."""

from __future__ import annotations

import random
import sqlite3
from typing import TYPE_CHECKING

import msgspec
import pytest

from edge_node.control_room.history.database import NAME
from edge_node.control_room.history.epochs import MAX_EMPTY_EPOCHS
from edge_node.control_room.history.history import History
from edge_node.messages.verdict import EpochEnd
from tests.support.older_histories import make_older
from tests.support.postgres import ON_SQLITE
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from pathlib import Path

    from edge_node.messages.verdict import Verdict


def said(epoch: str, seq: int, before: tuple[str, int] | None = None) -> Verdict:
    """A verdict of an epoch; ``before`` is the end of the one before it."""
    end = EpochEnd(epoch=before[0], seq=before[1], sha256=None) if before else None
    return msgspec.structs.replace(
        verdict(seq, "U"),
        id=f"crawler-1:{epoch}:{seq}",
        previous_epoch=end,
        observed_at=verdict(1, "U").observed_at,
    )


def gaps(history: History) -> set[tuple[str, int, int]]:
    """What is missing."""
    found = {(gap.epoch, gap.first_seq, gap.last_seq) for gap in history.gaps()}
    assert sum(last - first + 1 for _, first, last in found) == sum(one.missing for one in history.robots())
    return found


def test_numbers_missing_at_the_end_or_the_beginning_of_an_epoch_are_gaps(history: History) -> None:
    """The next epoch names the end; a later epoch is expected from its number 1; arrivals close both."""
    for seq in (1, 2, 3):
        history.add_verdict(said("a", seq))
    history.add_verdict(said("b", 3))
    assert gaps(history) == {("b", 1, 2)}
    history.add_verdict(said("b", 1, before=("a", 5)))
    assert gaps(history) == {("b", 2, 2), ("a", 4, 5)}
    assert {gap.epoch: gap.next_epoch for gap in history.gaps()} == {"a": "b", "b": None}
    for one in (said("a", 5), said("b", 2), said("a", 4)):
        history.add_verdict(one, replayed=True)
    assert gaps(history) == set()


def test_an_epoch_of_which_nothing_came_is_a_gap(history: History) -> None:
    """Its successor says how long it was."""
    history.add_verdict(said("a", 1))
    history.add_verdict(said("c", 1, before=("b", 7)))
    assert gaps(history) == {("b", 1, 7)}
    history.add_verdict(said("b", 7))
    history.add_verdict(said("b", 1, before=("a", 1)))
    assert gaps(history) == {("b", 2, 6)}


def test_what_was_said_before_this_room_listened_is_no_gap(history: History) -> None:
    """The first epoch heard, and those before it, need not begin at 1, whatever order they come in."""
    history.add_verdict(said("c", 40))
    history.add_verdict(said("b", 500), replayed=True)
    assert gaps(history) == {("b", 1, 499)}
    history.add_verdict(said("b", 502), replayed=True)
    history.add_verdict(said("c", 1, before=("b", 502)), replayed=True)
    assert gaps(history) == {("b", 501, 501), ("c", 2, 39)}
    history.add_verdict(said("b", 1, before=("a", 9)), replayed=True)
    assert gaps(history) == {("b", 2, 499), ("b", 501, 501), ("c", 2, 39)}
    history.add_verdict(said("a", 8), replayed=True)
    assert gaps(history) == {("a", 9, 9), ("b", 2, 499), ("b", 501, 501), ("c", 2, 39)}


@pytest.mark.parametrize("seed", range(8))
def test_whatever_comes_in_whatever_order_the_count_is_that_of_the_gaps(history: History, seed: int) -> None:
    """Five epochs of eight, some lost, the rest shuffled: what is told missing is what was lost."""
    generator = random.Random(seed)  # noqa: S311  an order, no secret
    numbers = [(epoch, seq) for epoch in range(5) for seq in range(1, 9)]
    lost = {one for one in numbers if generator.random() < 0.2 and one[1] > 1}
    first, *rest = [one for one in numbers if one not in lost]
    generator.shuffle(rest)
    for epoch, seq in (first, *rest):
        before = (f"e{epoch - 1}", 8) if epoch and seq == 1 else None
        history.add_verdict(said(f"e{epoch}", seq, before), replayed=True)
        told = {(name, number) for name, low, high in gaps(history) for number in range(low, high + 1)}
    last = max(seq for epoch, seq in (first, *rest) if epoch == 4)
    assert told == {(f"e{epoch}", seq) for epoch, seq in lost if epoch < 4 or seq < last}


def test_an_epoch_that_names_itself_or_a_circle_is_endured(history: History) -> None:
    """A forged message must not hang the room."""
    history.add_verdict(said("a", 1, before=("a", 3)))
    history.add_verdict(said("b", 1, before=("c", 3)))
    history.add_verdict(said("c", 1, before=("b", 2**53)))
    assert history.robots()[0].missing >= 2**53


@ON_SQLITE
def test_a_robot_in_a_crash_loop_does_not_slow_the_room_nor_fill_it(history: History, tmp_path: Path) -> None:
    """Thousands of epochs: gaps and counts read only those that lack something; empty ones are forgotten."""
    count = 3000
    with history.transaction():
        for number in range(count):
            before = (f"e{number - 1}", 1) if number else None
            history.add_verdict(said(f"e{number}", 1, before))
        history.add_verdict(said("last", 1, before=(f"e{count - 1}", 3)))
    assert gaps(history) == {(f"e{count - 1}", 2, 3)}
    plan = sqlite3.connect(tmp_path / NAME)
    query = "EXPLAIN QUERY PLAN SELECT robot_key, sum(missing) FROM epoch_state WHERE missing > 0"
    assert "epoch_with_gaps" in str(plan.execute(query).fetchall())
    assert history.trim(max_bytes=10**9, max_picture_bytes=10**9, days=1e-9) == count + 1
    for table in ("epoch", "epoch_state", "arrived"):
        assert plan.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == MAX_EMPTY_EPOCHS  # noqa: S608
    plan.close()
    assert not history.add_verdict(said("last", 1, before=(f"e{count - 1}", 3))), "it is still known"


@pytest.mark.parametrize("read_only", [False, True], ids=["opened by the room", "read beside an older room"])
def test_a_history_of_an_older_version_goes_on(tmp_path: Path, read_only: bool) -> None:
    """Its gaps are there; the next epoch of a robot that was updated names the end of the old one."""
    history = History(tmp_path)
    for seq in (3, 5):
        history.add_verdict(said("old", seq))
    history.close()
    make_older(tmp_path)
    history = History(tmp_path, read_only=read_only)
    assert gaps(history) == {("old", 4, 4)}
    if not read_only:
        history.add_verdict(said("new", 1, before=("old", 6)))
        assert gaps(history) == {("old", 4, 4), ("old", 6, 6)}
        assert not history.add_verdict(said("old", 5))
        assert (history.robots()[0].duplicates, history.robots()[0].conflicts) == (1, 0)
    history.close()
