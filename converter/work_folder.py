"""Make temporary work folders, and remove those that killed processes left behind."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import stat
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFIX = "corrosion-convert-"
# Locked by the owner while it lives: the kernel unlocks it however the process ends. A process id would not
# do: ids are used again, and another container that shares the folder has its own.
_LOCK_NAME = "owner.lock"
# Without a lock file: made a moment ago, killed in that moment, or left by a version that had none.
_UNLOCKED_LEFT_AFTER_S = 24 * 3600.0


@contextmanager
def work_folder() -> Iterator[Path]:
    """Make a folder for temporary files, and remove it with its content at the end.

    Before that, remove folders of this user whose owner was killed.
    """
    root = Path(tempfile.gettempdir())
    for left in root.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            _remove_if_left(left)
    made = list[Path]()
    lock = None
    try:
        lock = _make_owned_folder(root, made)
        yield made[-1]
    finally:
        for folder in made:
            shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _make_owned_folder(root: Path, made: list[Path]) -> int:
    """Make a folder and append it to ``made``; return the descriptor that locks it."""
    while True:
        # Appended before it exists: a signal may end the process between any two steps.
        folder = root / f"{_PREFIX}{secrets.token_hex(8)}"
        made.append(folder)
        folder.mkdir(mode=0o700)
        lock = os.open(folder / _LOCK_NAME, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            ours = _try_lock(lock)
        except OSError:
            ours = True  # a file system without locks, on which no other process removes folders either
        if ours and os.fstat(lock).st_nlink:
            return lock
        os.close(lock)  # another process removed the folder between making and locking


def _remove_if_left(folder: Path) -> None:
    """Remove a folder if it is this user's and its owner has ended."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        return
    try:
        lock = os.open(folder / _LOCK_NAME, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        if _find_newest_change(folder) < time.time() - _UNLOCKED_LEFT_AFTER_S:
            shutil.rmtree(folder, ignore_errors=True)
        return
    try:
        if _try_lock(lock):
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)


def _try_lock(descriptor: int) -> bool:
    """Lock a file unless another process has locked it; return whether it is ours now."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _find_newest_change(folder: Path) -> float:
    """Return the time of the last change to anything in a folder, in seconds since 1970."""
    newest = 0.0
    for path in (folder, *folder.rglob("*")):
        with suppress(OSError):
            newest = max(newest, path.lstat().st_mtime)
    return newest
