"""Positions of rows, and the search for rows without an index."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from edge_node.config.delivery_sections import SpoolConfig
from edge_node.messages.topics import Kind
from edge_node.spool.admin import SpoolAdmin
from edge_node.spool.positions import TAKEN_AT_ONCE, Positions
from edge_node.spool.rows import Keep, NewRow, Refusal
from edge_node.spool.schema import SCHEMA
from edge_node.spool.spool import Spool
from tests.support.processes import wait_for
from tests.support.spool_rows import fill, numbers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def file() -> Iterator[sqlite3.Connection]:
    """The tables in memory."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(SCHEMA)
    yield connection
    connection.close()


def insert(file: sqlite3.Connection, positions: Positions, *keeps: Keep, kind: Kind = Kind.VERDICT) -> range:
    """Insert rows worth ``keeps`` at the positions that they are given."""
    rows = [NewRow(kind, 1, "e", keep, 0.0, b"x") for keep in keeps]
    taken = positions.take(file.execute, rows)
    for position, row in zip(taken, rows, strict=True):
        values = (position, row.kind.value, 1, "e", int(row.keep), 0.0, 0, b"", b"x")
        file.execute("INSERT INTO message VALUES (?,?,?,?,?,?,?,?,?)", values)
    return taken


def test_no_position_is_taken_twice_after_a_kill_that_left_an_empty_queue(file: sqlite3.Connection) -> None:
    """The file says what is taken, in steps, so that a row's insertion need not write it."""
    taken = insert(file, Positions(file.execute), *[Keep.LOW] * 3)
    (mark,) = file.execute("SELECT seq FROM sqlite_sequence").fetchone()
    assert mark == taken[-1] + TAKEN_AT_ONCE
    file.execute("DELETE FROM message")
    again = insert(file, Positions(file.execute), Keep.LOW)
    assert again[0] > taken[-1]


def test_a_transaction_that_came_to_nothing_takes_no_position_twice(file: sqlite3.Connection) -> None:
    """Neither for us, nor for the program that opens the file next."""
    positions = Positions(file.execute)
    file.execute("BEGIN")
    insert(file, positions, Keep.LOW)
    file.execute("ROLLBACK")
    first = insert(file, positions, Keep.LOW)
    assert insert(file, positions, Keep.LOW)[0] > first[0]
    assert insert(file, Positions(file.execute), Keep.LOW)[0] > first[0] + 1


def test_rows_that_another_program_adds_come_before_those_that_follow(file: sqlite3.Connection) -> None:
    """As `spool requeue` does it, and every program up to 0.7.0: SQLite counts them itself."""
    positions = Positions(file.execute)
    insert(file, positions, Keep.LOW)
    file.execute("INSERT INTO message VALUES (NULL, 'finding', 1, 'e', 0, 0.0, 0, x'', x'')")
    (theirs,) = file.execute("SELECT max(position) FROM message").fetchone()
    assert insert(file, positions, Keep.LOW)[0] > theirs
    assert positions.may_follow(Kind.FINDING, theirs - 1)
    assert not positions.may_follow(Kind.FINDING, theirs)
    assert not positions.may_follow(Kind.RESPONSE, 0)


def test_the_worst_are_found_oldest_first_and_a_row_is_looked_at_once(file: sqlite3.Connection) -> None:
    """The order is that of worth, then of age; a search goes on where the last one ended."""
    positions = Positions(file.execute)
    insert(file, positions, *[Keep.HIGH] * 20, *[Keep.LOW] * 20, Keep.LEAST, Keep.NORMAL)
    order = []
    while found := positions.take_worst(file.execute, Keep.NORMAL):
        order += found
        file.executemany("DELETE FROM message WHERE position = ?", [(row[0],) for row in found])
    assert [row[2] for row in order] == [Keep.LEAST, *[Keep.LOW] * 20, Keep.NORMAL]
    assert [row[0] for row in order[1:21]] == list(range(21, 41))
    insert(file, positions, Keep.LOW)
    steps: list[int] = []
    file.set_progress_handler(lambda: steps.append(1), 1)
    assert len(positions.take_worst(file.execute, Keep.NORMAL)) == 1
    assert len(steps) < 60, "it looked at the 20 rows before that are worth more"


def test_what_was_to_be_given_up_in_a_failed_transaction_is_found_again(file: sqlite3.Connection) -> None:
    """The rows are still there, and go first the next time."""
    positions = Positions(file.execute)
    insert(file, positions, *[Keep.LOW] * 20)
    found = positions.take_worst(file.execute, Keep.LOW)
    positions.undo()
    assert positions.take_worst(file.execute, Keep.LOW) == found


def test_requeued_rows_reach_a_node_that_runs_and_come_before_what_follows(tmp_path: Path) -> None:
    """`edge-node spool requeue` beside it: both write one file, and neither counts over the other's rows."""
    path = tmp_path / "spool.sqlite"
    with Spool.open(path, SpoolConfig()) as spool:
        fill(spool, 5)
        for row in spool.rows(Kind.VERDICT)[:2]:
            ticket = spool.refuse(Refusal(row.position, 0x95, "too large"))
        wait_for(lambda: spool.settled >= ticket, what="quarantine")
        before, last = spool.arrivals, spool.rows(Kind.VERDICT)[-1].position
        with SpoolAdmin(path) as admin:
            assert admin.requeue() == 2
        wait_for(lambda: spool.arrivals > before, what="notice")
        assert [row.seq for row in spool.rows(Kind.VERDICT, after=last)] == [1, 2]
        assert (spool.depth().waiting, spool.depth().quarantined) == (5, 0)
        fill(spool, 1)
        assert numbers(spool) == [3, 4, 5, 1, 2, 6]
