"""The history's file: transactions, foreign files, readers beside a running control room."""

from __future__ import annotations

import os
import stat
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import bindparam, insert, select

from edge_node.control_room.history.database import NAME, Database, HistoryError
from edge_node.control_room.history.history import History
from edge_node.control_room.history.storage.tables import retired
from tests.support.postgres import ON_SQLITE
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from pathlib import Path


def test_nothing_of_a_transaction_that_fails_is_kept(history: History) -> None:
    """The broker is told to forget only what was committed."""

    def broken() -> None:
        with history.transaction():
            history.add_verdict(verdict(1, "C"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    assert history.count_verdicts() == 0
    assert history.add_verdict(verdict(1, "C"))


def test_a_history_is_for_its_owner_alone_from_the_first_moment(tmp_path: Path) -> None:
    """File, log and index, also in a folder that others can enter, whatever the umask."""
    tmp_path.chmod(0o755)
    before = os.umask(0)
    try:
        with closing(History(tmp_path)) as history:
            history.add_verdict(verdict(1, "C"))
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys((NAME, f"{NAME}-wal", f"{NAME}-shm"), 0o600)


@pytest.mark.parametrize("content", [b"", b"not a database" * 100])
def test_a_file_that_is_no_history_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    """An empty file is taken for a new history; anything else is not overwritten."""
    (tmp_path / NAME).write_bytes(content)
    if not content:
        History(tmp_path).close()
        return
    with pytest.raises(HistoryError, match="not a database"):
        History(tmp_path)
    assert (tmp_path / NAME).read_bytes() == content


def test_other_programs_read_beside_a_running_control_room(history: History, tmp_path: Path, place) -> None:
    """Reports are made while verdicts come in; a reader never writes, and never makes a history."""
    history.add_verdict(verdict(1, "C"))
    reader = History(tmp_path, read_only=True, place=place)
    history.add_verdict(verdict(2, "C"))
    assert [record.verdict.seq for record in reader.verdicts()] == [2, 1]
    with pytest.raises(HistoryError, match="reading only"):
        reader.add_verdict(verdict(3, "C"))
    reader.close()
    with pytest.raises(HistoryError, match="not there"):
        History(tmp_path / "elsewhere", read_only=True)
    assert not (tmp_path / "elsewhere").exists()


def test_rows_are_written_all_or_none(tmp_path: Path, place) -> None:
    """A row that the table refuses takes back those before it."""
    database = Database(tmp_path, place=place)
    add = insert(retired).values({name: bindparam(name) for name in ("robot_key", "retired_us")})
    with pytest.raises(HistoryError, match=r"(?i)not.null"):
        database.write_all(add, [{"robot_key": 1, "retired_us": 1}, {"robot_key": 2, "retired_us": None}])
    assert database.rows(select(retired)) == []
    database.write_all(add, [{"robot_key": key, "retired_us": key} for key in (1, 2)])
    assert database.rows(select(retired)) == [(1, 1), (2, 2)]
    database.close()


@ON_SQLITE
@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_nothing_is_written_to_a_file_that_lost_its_name(history: History, tmp_path: Path, how: str) -> None:
    """It would be acknowledged to the broker, and gone at the end; put back, all goes on."""
    history.add_verdict(verdict(1, "C"))
    (path := tmp_path / NAME).rename(tmp_path / "moved")
    if how == "replaced":
        path.write_bytes((tmp_path / "moved").read_bytes())
    with pytest.raises(HistoryError, match="removed or replaced"):
        history.add_verdict(verdict(2, "C"))
    (tmp_path / "moved").replace(path)
    assert history.add_verdict(verdict(2, "C"))
    assert history.count_verdicts() == 2
