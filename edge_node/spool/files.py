"""The files around the spool: who may own them, which copy is the true one, how much disk they may take."""

from __future__ import annotations

import fcntl
import os
import stat
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_node.errors import SpoolError

if TYPE_CHECKING:
    from pathlib import Path

    from edge_node.config.delivery_sections import SpoolConfig

MEGABYTE = 1_000_000
PAGE_BYTES = 4096
_ASK_EVERY_S = 1.0
_SMALLEST_SHARE_BYTES = 16 * MEGABYTE  # ten thousand verdicts; a disk without it is full, and says so


@dataclass(frozen=True, slots=True)
class Limits:
    """How large the rows may become, in bytes of pages in use.

    Attributes:
        hard: rows are given up beyond this.
        soft: the spool does not grow beyond this, but gives nothing up to get back under it: that some
            other program fills the disk is no reason to lose what was kept.
    """

    hard: int
    soft: int


@dataclass(frozen=True, slots=True)
class SpoolBudget:
    """How the spool's share of the disk is divided.

    Attributes:
        max_bytes: everything together.
        free_share: of what is free (and what the spool already has), at most this.
        reserve_bytes: a file that is given up when the disk is full, so that rows can still be deleted.
        wal_pages: the write-ahead log is folded back into the file beyond so many.
    """

    max_bytes: int
    free_share: float
    reserve_bytes: int
    wal_pages: int

    def limits(self, own_bytes: int, free_bytes: int) -> Limits:
        """Return how large the rows may become when the spool's files take ``own_bytes`` now."""
        # Two logs' worth: a transaction may run past the point where the log is folded back.
        overhead = self.reserve_bytes + 2 * self.wal_pages * PAGE_BYTES
        share = int(self.free_share * (free_bytes + own_bytes)) - overhead
        return Limits(hard=max(0, self.max_bytes - overhead), soft=max(_SMALLEST_SHARE_BYTES, share))


def divide_budget(config: SpoolConfig) -> SpoolBudget:
    """Return the division of the bound that ``config`` sets."""
    whole = config.max_mb * MEGABYTE
    wal_pages = min(500, max(16, whole // 16 // PAGE_BYTES))
    return SpoolBudget(whole, config.free_share, min(config.reserve_mb * MEGABYTE, whole // 8), wal_pages)


def prepare_file(path: Path) -> bool:
    """Make sure that ``path`` is a file that only we can read; return whether it was made now.

    Raises:
        SpoolError: it is a link, no file, not ours, or cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for side in (path, sibling_file(path, "-wal"), sibling_file(path, "-shm")):
            _check_owner(side)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as err:
        raise SpoolError(
            f"{path}: {err.strerror or err}; the spool needs a folder that it can write ([node] state_dir)"
        ) from err
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if stat.S_IMODE(status.st_mode) != 0o600:
            os.fchmod(file.fileno(), 0o600)  # an older umask; it is ours, so it can be tightened
        return status.st_size == 0


def sibling_file(path: Path, suffix: str) -> Path:
    """Return the file beside ``path`` whose name has ``suffix`` at its end."""
    return path.with_name(path.name + suffix)


def own_bytes(path: Path) -> int:
    """Return what the spool's files take on the disk."""
    return sum(_size(sibling_file(path, suffix)) for suffix in ("", "-wal", "-reserve"))


def free_bytes(path: Path) -> int:
    """Return what the disk has left for us."""
    status = os.statvfs(path.parent)
    return status.f_bavail * status.f_frsize


def move_damaged(path: Path) -> Path:
    """Rename the spool's files out of the way and return the new name of the database."""
    number = 1
    while sibling_file(path, f".damaged-{number}").exists():
        number += 1
    aside = sibling_file(path, f".damaged-{number}")
    for suffix in ("", "-wal", "-shm"):
        side = sibling_file(path, suffix)
        if side.exists():
            side.rename(sibling_file(aside, suffix))
    return aside


def restore_damaged(aside: Path, path: Path) -> None:
    """Undo ``move_damaged``: its successor could not be written."""
    for suffix in ("", "-wal", "-shm"):
        sibling_file(path, suffix).unlink(missing_ok=True)
        if sibling_file(aside, suffix).exists():
            sibling_file(aside, suffix).rename(sibling_file(path, suffix))


class SpoolLock:
    """Keeps a second node from sending the same rows; held as long as the process lives."""

    def __init__(self, path: Path) -> None:
        """Take the lock of the spool at ``path``.

        Raises:
            SpoolError: another process has it.
        """
        lock = sibling_file(path, "-lock")
        try:
            _check_owner(lock)
            self._descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as err:
            raise SpoolError(f"{lock}: {err.strerror or err}; the spool needs a folder it can write") from err
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as err:
            os.close(self._descriptor)
            raise SpoolError(f"{path}: another edge-node uses this spool; one robot, one node") from err

    def release(self) -> None:
        """Let another process have it."""
        os.close(self._descriptor)


class Generation:
    """Tells whether the spool is the one that was closed last, or an old copy that was put back.

    A token that changes at every start is kept in the database and in a file beside it; a copy that comes
    back alone brings an old token. The inode notices a copy of the whole folder. An image of the whole
    disk that is put back is noticed by neither.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = sibling_file(path, "-generation")

    def is_current(self, token: str | None, inode: int | None) -> bool:
        """Tell whether the database that holds ``token`` and ``inode`` is the one we knew last."""
        try:
            known = self._file.read_text("ascii").split()
        except (OSError, UnicodeDecodeError):
            known = []
        return token in known and inode == self.inode()

    def announce(self, old: str | None) -> str:
        """Make a new token, and write it down beside ``old`` before the database has it."""
        token = uuid.uuid4().hex
        self._write([token, *([old] if old else [])])
        return token

    def confirm(self, token: str) -> None:
        """Forget every token but ``token``, which the database now holds."""
        self._write([token])

    def inode(self) -> int:
        """Return the number that tells the database from a copy of it."""
        return self._path.stat().st_ino

    def _write(self, tokens: list[str]) -> None:
        fresh = sibling_file(self._file, ".new")
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(" ".join(tokens) + "\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._file)


class Reserve:
    """A file of zeros that is given up when the disk is full."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        self._file = sibling_file(path, "-reserve")
        self._path = path
        self._size_bytes = size_bytes

    def hold(self) -> bool:
        """Take the reserve if the disk has room for it twice; return whether it is held now."""
        if self._size_bytes == 0 or _size(self._file) == self._size_bytes:
            return True
        if free_bytes(self._path) < 2 * self._size_bytes:
            return False
        try:
            _check_owner(self._file)
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(self._file, flags, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, self._size_bytes)
            finally:
                os.close(descriptor)
        except (OSError, SpoolError):
            self.release()
            return False
        return True

    def release(self) -> bool:
        """Give the reserve up; return whether there was one."""
        try:
            self._file.unlink()
        except OSError:
            return False
        return True


class DiskSpace:
    """How much of the disk the rows may take now; belongs to the thread that writes.

    Attributes:
        is_short: the disk was full, and has not had room for the reserve since: the file must not grow.
    """

    def __init__(self, path: Path, division: SpoolBudget) -> None:
        self._path = path
        self._division = division
        self._reserve = Reserve(path, division.reserve_bytes)
        self._asked_s = float("-inf")
        self._limits = Limits(0, 0)
        self.is_short = False
        self._reserve.hold()

    def limits(self) -> Limits:
        """Return how large the rows may become; the disk is asked once a second."""
        now_s = time.monotonic()
        if now_s - self._asked_s >= _ASK_EVERY_S:
            self._asked_s = now_s
            self._limits = self._division.limits(own_bytes(self._path), free_bytes(self._path))
        return self._limits

    def give_reserve(self) -> None:
        """Note that the disk is full, and give up the reserve."""
        self.is_short = True
        self._reserve.release()

    def look(self) -> None:
        """Take the reserve again if there is room for it."""
        held = self._reserve.hold()
        self.is_short = self.is_short and not held

    def close(self) -> None:
        """Leave the reserve to others while we are away."""
        self._reserve.release()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _check_owner(path: Path) -> None:
    """Raise SpoolError unless ``path`` is missing, or a plain file of ours with one name."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if stat.S_ISLNK(status.st_mode):
        raise SpoolError(f"{path}: is a symbolic link, wanted a file of our own; remove it")
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        raise SpoolError(f"{path}: wanted a plain file with one name; remove it")
    if status.st_uid != os.geteuid():
        raise SpoolError(f"{path}: belongs to user {status.st_uid}, we are user {os.geteuid()}; remove it")
