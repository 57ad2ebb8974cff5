"""The state folder: what a user can use, what is said where not, and what is suggested instead."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from edge_node.errors import ConfigError
from edge_node.state_folder import SERVICE_FOLDER, find_problem, make_state_folder, suggest_folder

NOBODY = 65534


@pytest.fixture
def as_nobody():
    """Run the test as a user who owns nothing, where the tests run as root."""
    if os.geteuid() != 0:
        pytest.skip("needs root to become another user")
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    yield
    os.seteuid(0)
    os.setegid(0)


@pytest.fixture
def open_path(tmp_path: Path) -> Path:
    """Return a folder that every user can reach."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.name.startswith(("pytest", "popen")) or folder == tmp_path:
            folder.chmod(folder.stat().st_mode | 0o055)
    return tmp_path


def test_a_folder_that_can_be_made_is_made_with_mode_0700(tmp_path: Path) -> None:
    """With its parents; to ask beforehand makes nothing."""
    folder = tmp_path / "a" / "b"
    assert find_problem(folder) is None
    assert list(tmp_path.iterdir()) == []
    assert make_state_folder(folder).stat().st_mode & 0o777 == 0o700
    assert find_problem(folder) is None


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    """Itself or above; nothing is made."""
    (tmp_path / "file").touch()
    for path, said in (
        (tmp_path / "file", "is a file"),
        (tmp_path / "file" / "x", f"{tmp_path}/file is a file"),
    ):
        problem = find_problem(path)
        assert problem is not None
        assert said in problem
        with pytest.raises(ConfigError, match=r"\[node\] state_dir = .*choose another \[node\] state_dir"):
            make_state_folder(path)
    assert "is no place for files" in str(find_problem(Path("/proc/state")))
    (tmp_path / "circle").symlink_to("circle")
    assert "choose another" in str(find_problem(tmp_path / "circle" / "x"))


def test_a_folder_of_other_users_is_refused_with_what_to_do(open_path: Path, as_nobody: None) -> None:
    """The same sentence before and at the start; the user is named."""
    for path, said in ((open_path / "new", "cannot make a folder in"), (open_path, "cannot write there")):
        problem = find_problem(path)
        assert problem is not None
        assert said in problem
        assert "choose another [node] state_dir that the user who runs this can write" in problem
        with pytest.raises(ConfigError) as caught:
            make_state_folder(path)
        assert str(caught.value) == problem


def test_a_disk_that_was_mounted_read_only_is_called_so(tmp_path: Path) -> None:
    """A card that fails is: not who runs it, and no other folder, is the matter."""
    options = ["-t", "tmpfs", "-o", "ro", "tmpfs", str(tmp_path)]
    if os.geteuid() != 0 or subprocess.run(["mount", *options], check=False).returncode:
        pytest.skip("needs root to mount a disk")
    try:
        assert "mounted read-only" in str(find_problem(tmp_path / "state"))
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def test_files_of_a_start_by_another_user_are_told(open_path: Path) -> None:
    """A first try with sudo leaves a spool that the user's own start could not open."""
    if os.geteuid() != 0:
        pytest.skip("needs root to become another user")
    (open_path / "state").mkdir(mode=0o777)
    (open_path / "state").chmod(0o777)
    (open_path / "state" / "spool.sqlite").touch()
    assert find_problem(open_path / "state") is None
    os.seteuid(NOBODY)
    try:
        problem = find_problem(open_path / "state")
    finally:
        os.seteuid(0)
    assert problem is not None
    assert "spool.sqlite in it is another user's" in problem


def test_a_user_is_offered_a_folder_of_their_own(
    open_path: Path, monkeypatch: pytest.MonkeyPatch, as_nobody: None
) -> None:
    """In the home if that can be written, else beside the configuration; two robots have two folders."""
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/nonexistent")
    assert suggest_folder("quay", "a", beside=open_path) == open_path / "a-state"
    os.seteuid(0)
    (open_path / "home").mkdir()
    os.chown(open_path / "home", NOBODY, NOBODY)
    os.seteuid(NOBODY)
    monkeypatch.setenv("HOME", str(open_path / "home"))
    found = suggest_folder("quay", "a", beside=open_path)
    assert found == open_path / "home/.local/state/corrosion-edge/quay/a"
    assert found != suggest_folder("quay", "b", beside=open_path)
    assert suggest_folder("a-b", "c", beside=open_path) != suggest_folder("a", "b-c", beside=open_path)
    assert find_problem(found) is None


def test_root_keeps_its_state_where_the_service_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what root writes is what the unit reads."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert suggest_folder("quay", "a", beside=tmp_path) == SERVICE_FOLDER
