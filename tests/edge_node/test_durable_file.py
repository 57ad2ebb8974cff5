"""Files that are replaced as a whole: content, mode, leftovers of a crash, and a disk that is full."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from edge_node.durable_file import replace_file, sync_folder, write_new_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_OLD, _NEW = b"old", b"new" * 100_000


@contextmanager
def file_size_limit(limit_bytes: int) -> Iterator[None]:
    """Let the kernel refuse to write files beyond ``limit_bytes``, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_the_file_has_the_new_content_and_the_mode_whatever_the_umask(tmp_path: Path, mode: int) -> None:
    """A file is replaced as a whole, has the mode asked for, and nothing is left beside it."""
    path = tmp_path / "state.json"
    path.write_bytes(_OLD)
    before = os.umask(0o077)
    try:
        replace_file(path, [_NEW], mode=mode)
    finally:
        os.umask(before)
    assert path.read_bytes() == _NEW
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_crash_left_is_overwritten(tmp_path: Path) -> None:
    """A temporary file of a process that was killed neither stops the next write nor stays."""
    path = tmp_path / "state.json"
    (tmp_path / ".state.json.new").write_bytes(b"a part")
    replace_file(path, [_NEW])
    assert path.read_bytes() == _NEW
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_replaced_and_never_followed(tmp_path: Path) -> None:
    """Neither a link at the path nor one at the temporary name leads the write to another file."""
    victim, path = tmp_path / "victim", tmp_path / "state.json"
    victim.write_bytes(_OLD)
    path.symlink_to(victim)
    (tmp_path / ".state.json.new").symlink_to(victim)
    replace_file(path, [_NEW])
    assert victim.read_bytes() == _OLD
    assert not path.is_symlink()
    assert path.read_bytes() == _NEW


def test_a_full_disk_is_an_os_error_and_leaves_the_old_file(tmp_path: Path) -> None:
    """Where the disk does not take the new content, the old stays, and no temporary file takes its space."""
    path = tmp_path / "state.json"
    path.write_bytes(_OLD)
    with file_size_limit(1000), pytest.raises(OSError, match="large"):
        replace_file(path, [_NEW])
    assert path.read_bytes() == _OLD
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_gone_is_an_os_error(tmp_path: Path) -> None:
    """A missing folder is reported as such, by the write and by the sync."""
    with pytest.raises(FileNotFoundError):
        replace_file(tmp_path / "gone" / "state.json", [_NEW])
    with pytest.raises(FileNotFoundError):
        sync_folder(tmp_path / "gone")


def test_a_new_file_is_never_written_over_another(tmp_path: Path) -> None:
    """``write_new_file`` refuses a file that exists, and leaves it as it was."""
    path = tmp_path / "model.tflite"
    write_new_file(path, [b"a", b"b"])
    assert path.read_bytes() == b"ab"
    with pytest.raises(FileExistsError):
        write_new_file(path, [b"c"])
    assert path.read_bytes() == b"ab"


def test_a_kill_at_any_moment_leaves_the_old_content_or_the_new(tmp_path: Path) -> None:
    """A reader never finds a part of a file, however often the writer is killed."""
    path = tmp_path / "state.json"
    contents = {bytes([letter]) * 200_000 for letter in b"ab"}
    path.write_bytes(min(contents))
    writer = (
        "import pathlib, sys; from edge_node.durable_file import replace_file\n"
        "path = pathlib.Path(sys.argv[1]); print('begun', flush=True)\n"
        "while True:\n"
        "    for letter in b'ab': replace_file(path, [bytes([letter]) * 200_000])\n"
    )
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", writer, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        process.stdout.readline()
        for _ in range(200):
            assert path.read_bytes() in contents
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    assert path.read_bytes() in contents
