"""Opening a spool: each start is an epoch that names the one before; what is no spool is set aside."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from edge_node.config.delivery_sections import SpoolConfig
from edge_node.errors import SpoolError
from edge_node.messages.topics import Kind
from edge_node.messages.verdict import EpochEnd
from edge_node.spool.spool import Spool
from tests.support.spool_rows import PADDING, fill, settle_all


def test_no_copy_of_the_state_folder_can_give_two_verdicts_one_id(tmp_path: Path) -> None:
    """Whatever a backup is put back with, ids are new; the chain shows that two epochs follow one end."""
    folder, copy = tmp_path / "state", tmp_path / "copy"
    ids: list[tuple[str, int]] = []

    def live() -> tuple[str, EpochEnd | None]:
        """Start, say ten verdicts, stop; return the epoch and what it names before it."""
        spool = Spool.open(folder / "spool.sqlite", SpoolConfig())
        fill(spool, 10)
        ids.extend((row.epoch, row.seq) for row in spool.rows(Kind.VERDICT) if row.epoch == spool.epoch)
        settle_all(spool)
        spool.close()
        assert spool.alarms == ()
        return spool.epoch, spool.chain.before

    first, before = live()
    assert before is None
    shutil.copytree(folder, copy)
    _, before_second = live()
    over = f"cp -a {copy}/. {folder}"
    packed = f"tar c -C {copy} . | tar x -C {folder}"
    for restore in (
        over,
        packed,
        f"rm -r {folder}; cp -a {copy} {folder}",
        f"rm -r {folder}; mv {copy} {folder}",
    ):
        subprocess.run(restore, shell=True, check=True)  # noqa: S602  paths of our own
        _, before_copy = live()
        assert (before_copy.epoch, before_copy.seq) == (first, 10)
        assert before_copy == before_second
    assert len(set(ids)) == len(ids) == 60


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


def test_an_epoch_names_the_last_verdict_before_it_though_none_waits_any_more(tmp_path: Path) -> None:
    """Starts without a verdict in between leave no trace; the hash is that of the payload's bytes."""
    path = tmp_path / "spool.sqlite"
    spool = Spool.open(path, SpoolConfig())
    assert spool.chain.link == (None, None)
    fill(spool, 3)
    settle_all(spool)
    spool.close()
    for _ in range(2):
        Spool.open(path, SpoolConfig()).close()
    again = Spool.open(path, SpoolConfig())
    sha256 = hashlib.sha256(b"3 " + PADDING).hexdigest()
    assert again.chain.link.previous_sha256 is None
    assert again.chain.link.previous_epoch == EpochEnd(epoch=spool.epoch, seq=3, sha256=sha256)
    fill(again, 1)
    assert again.chain.link == (hashlib.sha256(b"1 " + PADDING).hexdigest(), None)
    again.close()


OLDER = Path(__file__).parent / "older_spool.sql"
OLD_EPOCH = "cb8f8456-a09b-4b94-a3cd-e89263a2340b"


@pytest.mark.parametrize("delivered", [False, True], ids=["rows wait", "all delivered"])
def test_a_spool_of_an_older_version_goes_on_with_its_rows_under_their_epoch(
    tmp_path: Path, delivered: bool
) -> None:
    """Its rows keep their ids; the new epoch names its last number, and its hash if the row is there."""
    path = tmp_path / "spool.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(OLDER.read_text())
        if delivered:
            connection.execute("DELETE FROM message")
    connection.close()
    path.with_name("spool.sqlite-generation").write_text("0" * 32)
    spool = Spool.open(path, SpoolConfig())
    rows = spool.rows(Kind.VERDICT)
    assert [(row.epoch, row.seq) for row in rows] == (
        [] if delivered else [(OLD_EPOCH, n) for n in (3, 4, 5)]
    )
    sha256 = None if delivered else hashlib.sha256(rows[-1].payload).hexdigest()
    assert spool.chain.before == EpochEnd(epoch=OLD_EPOCH, seq=5, sha256=sha256)
    assert spool.depth().dropped == 7
    spool.close()
    again = Spool.open(path, SpoolConfig())
    assert again.chain.before == spool.chain.before, "a start without a verdict changed what came before"
    again.close()
    assert not path.with_name("spool.sqlite-generation").exists()
