"""The spool's files: for the owner alone, and nobody else's."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from edge_node.config.delivery_sections import SpoolConfig
from edge_node.errors import SpoolError
from edge_node.spool.files import SpoolLock
from edge_node.spool.spool import Spool
from tests.support.spool_rows import fill

if TYPE_CHECKING:
    from pathlib import Path


def test_all_files_are_for_the_owner_alone(tmp_path: Path) -> None:
    """Whatever the umask, the spool's files have mode 0600; an older, wider mode is tightened."""
    path = tmp_path / "spool.sqlite"
    path.touch()
    path.chmod(0o644)
    before = os.umask(0)
    try:
        spool = Spool.open(path, SpoolConfig())
        fill(spool, 1)
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
        spool.close()
    finally:
        os.umask(before)
    assert len(modes) >= 5
    assert set(modes.values()) == {0o600}, modes


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-lock"])
def test_a_symbolic_link_is_refused(tmp_path: Path, suffix: str) -> None:
    """No file of the spool may be a link, or somebody else chooses what we write to."""
    target = tmp_path / "target"
    target.touch()
    (tmp_path / f"spool.sqlite{suffix}").symlink_to(target)
    with pytest.raises(SpoolError, match="symbolic link"):
        Spool.open(tmp_path / "spool.sqlite", SpoolConfig())
    assert target.stat().st_size == 0


def test_a_hard_link_and_a_folder_are_refused(tmp_path: Path) -> None:
    """The spool is a plain file that nobody else has a name for."""
    (tmp_path / "other").touch()
    (tmp_path / "spool.sqlite").hardlink_to(tmp_path / "other")
    with pytest.raises(SpoolError, match="plain file"):
        Spool.open(tmp_path / "spool.sqlite", SpoolConfig())
    (tmp_path / "folder").mkdir()
    with pytest.raises(SpoolError, match="plain file"):
        Spool.open(tmp_path / "folder", SpoolConfig())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    """A spool that somebody else put there is not believed."""
    path = tmp_path / "spool.sqlite"
    path.touch()
    os.chown(path, 12345, 12345)
    with pytest.raises(SpoolError, match="belongs to user 12345"):
        Spool.open(path, SpoolConfig())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_root_beside_the_node_of_another_user_is_not_told_to_remove_its_files(
    spool: Spool, tmp_path: Path
) -> None:
    """The lock is held, so the sentence is that of a second node."""
    os.chown(tmp_path / "spool.sqlite-lock", 12345, 12345)
    with pytest.raises(SpoolError, match="another edge-node uses this spool"):
        SpoolLock(tmp_path / "spool.sqlite")


def test_a_second_node_on_the_same_spool_is_refused(spool: Spool, tmp_path: Path) -> None:
    """Two nodes would send every row twice."""
    with pytest.raises(SpoolError, match="another edge-node uses this spool"):
        Spool.open(tmp_path / "spool.sqlite", SpoolConfig())
