"""Files of older versions are upgraded in place, whole or not at all, and older programs go on with them."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from edge_node.control_room.history.database import NAME, HistoryError
from edge_node.control_room.history.history import History
from edge_node.control_room.history.storage import migration, sqlite
from edge_node.messages.verdict import encode
from tests.support.older_histories import VERSIONS, make_older, store_as_0_5_0
from tests.support.room_records import review
from tests.support.verdicts import verdict

ROOT = Path(__file__).resolve().parents[5]
_KILLED = """
import os, signal, sys
from pathlib import Path
from alembic.runtime.migration import MigrationContext
from edge_node.control_room.history.history import History
stamp = MigrationContext.stamp
def die(self, steps, number):
    stamp(self, steps, number)
    if number == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
MigrationContext.stamp = die
History(Path(sys.argv[1]))
"""


def fill(folder: Path, version: str) -> None:
    """Make a history of ``version`` with twenty verdicts, of which two are missing, and a review."""
    with closing(History(folder)) as history:
        for seq in range(1, 23):
            if seq not in (7, 8):
                history.add_verdict(verdict(seq, "CU"[seq % 2]))
        history.add_review(review())
    make_older(folder, version)


def read_number(folder: Path) -> str | None:
    """Return the number of the step that the file has seen."""
    with sqlite.make_engine(folder / NAME).connect() as connection:
        return migration.read_revision(connection)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_older_file_is_upgraded_with_all_that_it_holds(tmp_path: Path, version: str) -> None:
    """And once: the next start finds the number of the last step."""
    fill(tmp_path, version)
    assert read_number(tmp_path) is None
    for _ in range(2):
        with closing(History(tmp_path)) as history:
            assert history.count_verdicts() == 20
            assert [(gap.first_seq, gap.last_seq) for gap in history.gaps()] == [(7, 8)]
            assert [one.origin for one in history.reviews()] == ["typed"]
        assert read_number(tmp_path) == migration.find_newest()


def test_an_older_program_goes_on_with_an_upgraded_file(tmp_path: Path) -> None:
    """The way back needs nothing: what 0.5.0 stores meanwhile is there afterwards, with its gap."""
    fill(tmp_path, "0.5.0")
    History(tmp_path).close()
    store_as_0_5_0(tmp_path, 25, encode(verdict(25, "C")))
    with closing(History(tmp_path)) as history:
        assert history.newest(1)[0].verdict.seq == 25
        assert {(gap.first_seq, gap.last_seq) for gap in history.gaps()} == {(7, 8), (23, 24)}
        assert {one.review_id: one.origin for one in history.reviews()} == {
            "review-1": "typed",
            "review 25": "",
        }
        assert history.refused()[0].reason == "not JSON"


def test_a_file_of_a_newer_program_is_left_as_it_is(tmp_path: Path) -> None:
    """As older programs leave ours: its additions do not concern this one."""
    History(tmp_path).close()
    with sqlite.make_engine(tmp_path / NAME).connect() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9000'")
    History(tmp_path).close()
    assert read_number(tmp_path) == "9000"
    with sqlite.make_engine(tmp_path / NAME).connect() as connection:
        sqlite.mark(connection, 2)
    with pytest.raises(HistoryError, match="version 2, this program reads 1; use the program that wrote it"):
        History(tmp_path)


def test_a_program_that_is_killed_amid_an_upgrade_leaves_the_old_file(tmp_path: Path) -> None:
    """After its last step but before the commit: the next start upgrades it from the beginning."""
    fill(tmp_path, "0.5.0")
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, tmp_path, migration.find_newest()], cwd=ROOT, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert read_number(tmp_path) is None
    for read_only in (True, False):
        with closing(History(tmp_path, read_only=read_only)) as history:
            assert history.count_verdicts() == 20
    assert read_number(tmp_path) == migration.find_newest()
