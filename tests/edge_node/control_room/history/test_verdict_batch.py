"""Several processes store verdicts at once on PostgreSQL, and leave what one would have left."""

from __future__ import annotations

import random
import threading
from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import msgspec
import pytest
from sqlalchemy import select

from edge_node.control_room.history.history import History
from edge_node.control_room.history.record_proof.robot_proofs import read_proofs
from edge_node.control_room.history.storage.tables import chain_range, epoch, robot
from edge_node.control_room.history.verdict_batch import (
    MAX_COLUMN,
    NewVerdict,
    find_robot_key,
    make_row,
    measure_ahead,
)
from edge_node.control_room.ingest.batch_store import store
from edge_node.messages.topics import Topics
from edge_node.messages.verdict import encode
from edge_node.mqtt.types import Incoming
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edge_node.control_room.database_address import DatabasePlace

_RANGES = (
    select(robot.c.robot, chain_range.c.first_seq, chain_range.c.last_seq, chain_range.c.kind)
    .join(epoch, epoch.c.robot_key == robot.c.robot_key)
    .join(chain_range, chain_range.c.epoch_key == epoch.c.epoch_key)
    .order_by(robot.c.robot, chain_range.c.first_seq)
)
WEDNESDAY = datetime(2026, 11, 25, 23, 59, 59, tzinfo=timezone.utc)
CLOCKS = [datetime(year, 1, 1, tzinfo=timezone.utc) for year in (1970, 2028)]


def said(name: str, seq: int, outcome: str = "U") -> Incoming:
    """A verdict of a robot, as the broker delivers it."""
    made = verdict(seq, outcome, robot=name, id=f"{name}:epoch:{seq}")
    return Incoming(f"{Topics('quay', name).base}/verdict", encode(made), is_retained=False)


def left(history: History) -> object:
    """What robots, gaps and chains are told to be."""
    counts = [
        (one.robot, one.verdicts, one.duplicates, one.conflicts, one.missing) for one in history.robots()
    ]
    gaps = sorted((gap.robot, gap.epoch, gap.first_seq, gap.last_seq) for gap in history.gaps())
    ranges = history.database.rows(_RANGES)
    return counts, gaps, ranges, [one.epochs for one in read_proofs(history.database)]


def store_at_once(folder: Path, place: DatabasePlace, works: Sequence[Sequence[Sequence[Incoming]]]) -> None:
    """Store batches by several ingests, each with connections of its own."""
    faults: list[BaseException] = []

    def run(batches: Sequence[Sequence[Incoming]]) -> None:
        try:
            with closing(History(folder, place=place)) as history:
                for batch in batches:
                    store(history, batch)
        except BaseException as err:  # noqa: BLE001  # told by the test's thread
            faults.append(err)

    threads = [threading.Thread(target=run, args=(batches,)) for batches in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults, faults[0]


def test_what_is_redelivered_to_another_process_is_stored_once(
    tmp_path: Path, postgres_place: DatabasePlace
) -> None:
    """Each verdict comes to two of four processes, in other orders; then one to all with other content."""
    chance = random.Random(7)  # noqa: S311
    robots = [f"r{number}" for number in range(6)]
    messages = [said(name, seq) for name in robots for seq in range(1, 31) if (name, seq) != ("r2", 17)]
    works = []
    for half in range(4):
        given = messages[half % 2 :: 2]
        chance.shuffle(given)
        works.append([given[first : first + 20] for first in range(0, len(given), 20)])
    others = [[[said("r1", 5, "C")]]] * len(works)  # which of two contents is first is chance while both race
    store_at_once(tmp_path, postgres_place, works)
    store_at_once(tmp_path, postgres_place, others)
    with closing(History(tmp_path, place=postgres_place)) as history:
        several = left(history)
        assert history.count_verdicts() == len(messages)
    with closing(History(tmp_path)) as history:
        for batch in (batch for batches in (*works, *others) for batch in batches):
            store(history, batch)
        assert several == left(history)
        assert history.gaps()[0].first_seq == 17


@pytest.mark.parametrize("later", [WEDNESDAY + timedelta(days=1), *CLOCKS], ids=["next week", "1970", "2028"])
def test_a_partitions_edge_lets_no_verdict_in_twice(
    tmp_path: Path, postgres_place: DatabasePlace, later: datetime
) -> None:
    """The set of an epoch's numbers stops it, which has no partition; a clock of any year has one."""
    with closing(History(tmp_path, place=postgres_place)) as history:
        assert store(history, [said("r1", 1)], WEDNESDAY)[0].is_news
    with closing(History(tmp_path, place=postgres_place)) as history:
        again = store(history, [said("r1", 1), said("r1", 2)], later)
        assert [one.is_news for one in again] == [False, True]
        assert (history.count_verdicts(), history.robots()[0].duplicates) == (2, 1)
        assert history.newest(1)[0].received_at == later


def test_a_number_beyond_the_column_costs_only_its_message(
    tmp_path: Path, postgres_place: DatabasePlace
) -> None:
    """The server refuses it; its neighbours are stored, and it is counted as one that cannot be kept."""
    large = msgspec.structs.replace(verdict(2, "U", robot="r1", id="r1:epoch:2"), seq=2**70)
    with closing(History(tmp_path, place=postgres_place)) as history:
        database = history.database
        with pytest.raises(ValueError, match="out of range"), database.transaction():
            history.add_verdict(large)
        assert history.add_verdict(verdict(1, "U", asset="a\0b"))
        assert history.count_verdicts() == 1


def test_a_long_text_is_searched_by_its_beginning() -> None:
    """The message itself is stored whole; how far a clock is ahead is told of fresh verdicts alone."""
    made = verdict(3, "C", asset="p" * 900)
    fresh = NewVerdict(made, b"", b"hash", 0, replayed=False)
    row = make_row(fresh, 7, 8)
    assert (row["robot_key"], row["epoch_key"], row["seq"], row["asset"]) == (7, 8, 3, "p" * MAX_COLUMN)
    assert measure_ahead(fresh) == row["observed_us"]
    assert measure_ahead(fresh._replace(replayed=True)) is None


def test_a_robot_has_one_row(history: History) -> None:
    """Whoever asks; the same name at another site is another robot."""
    with history.transaction():
        keys = [find_robot_key(history.database, site, "crawler-1", 5) for site in ("quay", "dock", "quay")]
    assert keys[0] == keys[2] != keys[1]
    assert [record.first_heard_at.microsecond for record in history.robots()] == [5, 5]
