"""A check finds what cannot be read, and a message that is not what its row says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, update

from edge_node.control_room.history.database import Database
from edge_node.control_room.history.history import History
from edge_node.control_room.history.recovery.history_check import check_history
from edge_node.control_room.history.storage import tables
from tests.support.room_records import finding
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from pathlib import Path


def _quietly(_kind: str, _rows: int) -> None:
    """Take progress, and tell nobody."""


def test_a_whole_history_has_no_problem_while_a_room_writes(tmp_path: Path) -> None:
    """A check reads beside a running room."""
    history = History(tmp_path)
    history.add_verdict(verdict(1, "C"))
    history.add_finding(finding())
    done = check_history(tmp_path, _quietly)
    history.close()
    assert (done.problems, done.checked) == ([], {"verdicts": 1, "findings": 1, "pictures": 0})


def test_a_message_that_is_not_its_rows_is_named(tmp_path: Path) -> None:
    """Pages can be sound, and what stands in them wrong."""
    history = History(tmp_path)
    for seq in (1, 2, 3):
        history.add_verdict(verdict(seq, "C"))
    history.close()
    database = Database(tmp_path)
    change = update(tables.verdict_message).where(tables.verdict_message.c.position == bindparam("at"))
    for position, payload in ((1, b"{"), (2, b'{"seq":9}')):
        database.write(change.values(payload=bindparam("new")), {"at": position, "new": payload})
    database.write(
        update(tables.verdict).where(tables.verdict.c.position == bindparam("at")).values(seq=bindparam("n")),
        {"at": 3, "n": 77},
    )
    database.close()
    problems = check_history(tmp_path, _quietly).problems
    assert [problem.partition(":")[0] for problem in problems] == ["verdicts"] * 3
    assert "number 77, its message says 3" in problems[2]


def test_what_is_no_history_is_said_in_a_sentence(tmp_path: Path) -> None:
    """A missing file, and a file of something else."""
    assert "not there" in check_history(tmp_path, _quietly).problems[0]
    (tmp_path / "history.db").write_bytes(b"something else" * 1000)
    assert "not a database" in check_history(tmp_path, _quietly).problems[0]
