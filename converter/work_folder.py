"""Folders for what a conversion needs on the way; what a killed process left goes with the next one."""

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
# Locked by the owner for as long as it lives: the kernel lets go of it however the process ends. A process id
# would not do: it comes again, and another container that shares the folder counts its own.
_LOCK_NAME = "owner.lock"
# Without a lock file: made this very moment, killed within it, or left by a version that had none.
_UNLOCKED_LEFT_AFTER_S = 24 * 3600.0


@contextmanager
def work_folder() -> Iterator[Path]:
    """Make a folder for temporary files, and remove it with all that is in it at the end.

    Before that, folders of this user whose owner was killed outright are removed.
    """
    root = Path(tempfile.gettempdir())
    for left in root.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            _remove_if_left(left)
    made = list[Path]()
    lock = None
    try:
        lock = _owned_folder(root, made)
        yield made[-1]
    finally:
        for folder in made:
            shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _owned_folder(root: Path, made: list[Path]) -> int:
    """Make a folder, the last one of ``made``; return the descriptor that locks it."""
    while True:
        # Named before it is there: a signal that ends the process may come between any two steps.
        folder = root / f"{_PREFIX}{secrets.token_hex(8)}"
        made.append(folder)
        folder.mkdir(mode=0o700)
        lock = os.open(folder / _LOCK_NAME, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            ours = _locked(lock)
        except OSError:
            ours = True  # a file system without locks, on which nobody tidies up either
        if ours and os.fstat(lock).st_nlink:
            return lock
        os.close(lock)  # another conversion, which tidies up, came between making and locking


def _remove_if_left(folder: Path) -> None:
    """Remove a folder if it is this user's and nobody works in it any more."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        return
    try:
        lock = os.open(folder / _LOCK_NAME, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        if _newest_change(folder) < time.time() - _UNLOCKED_LEFT_AFTER_S:
            shutil.rmtree(folder, ignore_errors=True)
        return
    try:
        if _locked(lock):
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)


def _locked(descriptor: int) -> bool:
    """Lock a file unless somebody else has; return whether it is ours now."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _newest_change(folder: Path) -> float:
    """Return the time of the last change to anything in a folder, as seconds since 1970."""
    newest = 0.0
    for path in (folder, *folder.rglob("*")):
        with suppress(OSError):
            newest = max(newest, path.lstat().st_mtime)
    return newest
