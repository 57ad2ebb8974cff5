"""Folders for temporary files go with their owner, however it ends; nobody else's are touched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from converter.work_folder import work_folder

OWNER = """
import time
from converter.work_folder import work_folder
with work_folder() as folder:
    (folder / "graph.pb").touch()
    print(folder, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def temporary(tmp_path, monkeypatch) -> Path:
    """A folder of the test's own for temporary files."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def use_once() -> None:
    """Do what every conversion does first."""
    with work_folder() as folder:
        assert folder.is_dir()


def test_a_folder_lives_as_long_as_it_is_used(temporary):
    """Also while other conversions of the same user begin and end; errors leave none behind."""
    with work_folder() as folder:
        (folder / "graph.pb").touch()
        use_once()
        assert (folder / "graph.pb").exists()
    with pytest.raises(ValueError, match="no matter"), work_folder():
        raise ValueError("no matter")
    assert list(temporary.iterdir()) == []


def test_what_a_killed_process_left_goes_with_the_next_one(temporary):
    """While its owner runs a folder is left alone; once that was killed outright, it is removed."""
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True) as owner:
        folder = Path(owner.stdout.readline().strip())
        use_once()
        assert (folder / "graph.pb").exists()
        owner.send_signal(signal.SIGKILL)
    assert folder.exists()
    use_once()
    assert list(temporary.iterdir()) == []


def test_without_a_lock_a_folder_is_left_for_a_day(temporary):
    """It may have been made this very moment; after a day without a change nobody works in it."""
    young, old, used = (temporary / f"corrosion-convert-{name}" for name in ("young", "old", "used"))
    yesterday = time.time() - 25 * 3600
    for folder in (young, old, used):
        folder.mkdir()
        (folder / "graph.pb").touch()
    for path in (old / "graph.pb", old, used):
        os.utime(path, (yesterday, yesterday))
    use_once()
    assert {path.name for path in temporary.iterdir()} == {young.name, used.name}


def test_what_is_no_folder_of_ours_is_left_alone(temporary):
    """A link, a file, another's name; what a link leads to stays too."""
    kept = temporary / "kept"
    kept.mkdir()
    (kept / "owner.lock").touch()
    (temporary / "corrosion-convert-link").symlink_to(kept)
    (temporary / "corrosion-convert-file").touch()
    (temporary / "corrosion-zoo").mkdir()
    before = set(temporary.rglob("*"))
    use_once()
    assert set(temporary.rglob("*")) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's folder")
def test_another_users_folder_is_left_alone(temporary):
    """Even root's conversion tidies up after root alone."""
    others = temporary / "corrosion-convert-others"
    others.mkdir()
    (others / "owner.lock").touch()
    os.chown(others, 65534, 65534)
    use_once()
    assert (others / "owner.lock").exists()
