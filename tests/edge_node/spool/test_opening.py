"""Opening a spool: an old copy is noticed, what is no spool is set aside."""

from __future__ import annotations

import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest

from edge_node.config.delivery_sections import SpoolConfig
from edge_node.errors import SpoolError
from edge_node.messages.topics import Kind
from edge_node.spool.spool import Spool
from tests.support.spool_rows import fill

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("in_place", [True, False], ids=["written over", "replaced"])
def test_an_old_copy_that_is_put_back_is_noticed(tmp_path: Path, in_place: bool) -> None:
    """A restored backup gets a new epoch and an alarm, so that its numbers do not pass for duplicates."""
    path = tmp_path / "spool.sqlite"
    spool = Spool.open(path, SpoolConfig())
    fill(spool, 3)
    epoch = spool.epoch
    spool.close()
    shutil.copy(path, tmp_path / "backup")
    spool = Spool.open(path, SpoolConfig())
    assert spool.epoch == epoch
    fill(spool, 3)
    spool.close()
    if in_place:
        path.write_bytes((tmp_path / "backup").read_bytes())
    else:
        shutil.move(tmp_path / "backup", path)
    spool = Spool.open(path, SpoolConfig())
    assert spool.epoch != epoch
    assert [alarm.code for alarm in spool.alarms] == ["spool_restored"]
    assert spool.append(Kind.VERDICT, lambda seq: b"%d" % seq) == b"1"
    assert spool.flush(5)
    assert [(row.epoch, row.seq) for row in spool.rows(Kind.VERDICT)] == [
        (epoch, 1),
        (epoch, 2),
        (epoch, 3),
        (spool.epoch, 1),
    ]
    spool.close()


def test_a_file_that_is_no_spool_is_set_aside(tmp_path: Path) -> None:
    """Garbage and a foreign database are kept for the operator, and the node starts anew with an alarm."""
    for name, content in (("garbage", b"garbage" * 1000), ("foreign", None)):
        path = tmp_path / name / "spool.sqlite"
        path.parent.mkdir()
        if content:
            path.write_bytes(content)
        else:
            with sqlite3.connect(path) as connection:
                connection.execute("CREATE TABLE other (x)")
            connection.close()
        before = path.read_bytes()
        spool = Spool.open(path, SpoolConfig())
        assert [alarm.code for alarm in spool.alarms] == ["spool_damaged"]
        assert path.with_name("spool.sqlite.damaged-1").read_bytes() == before
        fill(spool, 1)
        spool.close()


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    """A state folder that is a file, or missing under a file, is told by its name."""
    (tmp_path / "file").touch()
    with pytest.raises(SpoolError, match=r"file/spool\.sqlite.*state_dir"):
        Spool.open(tmp_path / "file" / "spool.sqlite", SpoolConfig())


def test_a_spool_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    """A downgrade must not set the queue of the newer version aside."""
    path = tmp_path / "spool.sqlite"
    Spool.open(path, SpoolConfig()).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(SpoolError, match="format 99, this version reads 1"):
        Spool.open(path, SpoolConfig())
    assert not list(tmp_path.glob("*.damaged*"))
