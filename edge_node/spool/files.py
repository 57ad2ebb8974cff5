"""Manage the spool's files: owner, lock, share of the disk."""

from __future__ import annotations

import fcntl
import logging
import os
import stat
import time
from typing import TYPE_CHECKING

from msgspec import field

from edge_node.disk_budget import DiskBudget, Worth
from edge_node.errors import SpoolError
from edge_node.messages.status import Alarm
from edge_node.plain_struct import PlainStruct
from edge_node.spool.transaction import DiskError

if TYPE_CHECKING:
    from pathlib import Path

    from edge_node.config.delivery_sections import SpoolConfig

_log = logging.getLogger(__name__)

SPOOL_NAME = "spool.sqlite"  # in the state folder
MEGABYTE = 1_000_000
PAGE_BYTES = 4096
_LIMITS_INTERVAL_S = 1.0
_MIN_SHARE_BYTES = 16 * MEGABYTE  # ten thousand verdicts; with less the disk counts as full


class Limits(PlainStruct, frozen=True):
    """Bounds on the size of all rows, in bytes of pages in use.

    Attributes:
        hard: rows are dropped beyond this.
        soft: the spool does not grow beyond this, but drops nothing to get back under it: another
            program that fills the disk is no reason to lose rows.
        reclaimable: what writers of less worth would give up; the spool may grow by so much all the same.
    """

    hard: int
    soft: int
    reclaimable: int = 0

    def bound(self, used_bytes: int) -> int:
        """Return how large the rows may become that take ``used_bytes`` now."""
        return min(self.hard, max(self.soft, used_bytes + self.reclaimable))


class SpoolBudget(PlainStruct, frozen=True):
    """The spool's share of the disk, divided among rows, reserve and write-ahead log.

    Attributes:
        max_bytes: of all its files.
        free_share: largest share of the free space plus what the spool already uses.
        reserve_bytes: size of a file that is deleted when the disk is full, so that rows can be deleted.
        wal_pages: SQLite checkpoints the write-ahead log beyond so many pages.
    """

    max_bytes: int
    free_share: float
    reserve_bytes: int
    wal_pages: int

    def limits(self, own_bytes: int, free_bytes: int, reclaimable_bytes: int = 0) -> Limits:
        """Return the bounds on the rows while the spool's files take ``own_bytes``."""
        # Twice the log: a transaction may run past the point at which SQLite checkpoints.
        overhead = self.reserve_bytes + 2 * self.wal_pages * PAGE_BYTES
        share = int(self.free_share * (free_bytes + reclaimable_bytes + own_bytes)) - overhead
        soft = max(_MIN_SHARE_BYTES, share)
        return Limits(hard=max(0, self.max_bytes - overhead), soft=soft, reclaimable=reclaimable_bytes)


def divide_budget(config: SpoolConfig) -> SpoolBudget:
    """Return the budget for the bound in ``config``."""
    whole = config.max_mb * MEGABYTE
    wal_pages = min(500, max(16, whole // 16 // PAGE_BYTES))
    return SpoolBudget(whole, config.free_share, min(config.reserve_mb * MEGABYTE, whole // 8), wal_pages)


def prepare_file(path: Path) -> bool:
    """Make sure that ``path`` is a file that only this user can read; return whether it is empty.

    Raises:
        SpoolError: it is a link, no file, another user's, or cannot be made.
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
            os.fchmod(file.fileno(), 0o600)  # made with a wider umask
        return status.st_size == 0


def sibling_file(path: Path, suffix: str) -> Path:
    """Return the path in the same folder whose name is that of ``path`` plus ``suffix``."""
    return path.with_name(path.name + suffix)


def own_bytes(path: Path) -> int:
    """Return the size of the spool's files."""
    return sum(_size(sibling_file(path, suffix)) for suffix in ("", "-wal", "-reserve"))


def free_bytes(path: Path) -> int:
    """Return the free space of the disk that an unprivileged user may use."""
    status = os.statvfs(path.parent)
    return status.f_bavail * status.f_frsize


def move_damaged(path: Path) -> Path:
    """Rename the spool's files to ``.damaged-N`` and return the new path of the database."""
    number = 1
    while sibling_file(path, f".damaged-{number}").exists():
        number += 1
    damaged = sibling_file(path, f".damaged-{number}")
    for suffix in ("", "-wal", "-shm"):
        side = sibling_file(path, suffix)
        if side.exists():
            side.rename(sibling_file(damaged, suffix))
    return damaged


def restore_damaged(damaged: Path, path: Path) -> None:
    """Undo ``move_damaged``, because the new file could not be written."""
    for suffix in ("", "-wal", "-shm"):
        sibling_file(path, suffix).unlink(missing_ok=True)
        if sibling_file(damaged, suffix).exists():
            sibling_file(damaged, suffix).rename(sibling_file(path, suffix))


class SpoolLock:
    """An flock that keeps a second node out of the state folder; held as long as the process lives.

    A node takes it before it changes anything, so that a second start beside a running node has no effect.
    """

    def __init__(self, path: Path) -> None:
        """Take the lock of the spool at ``path``, whose folder is made if it is missing.

        Raises:
            SpoolError: another process has it.
        """
        lock = sibling_file(path, "-lock")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not _is_held(lock):  # whoever runs it, its files are not to be removed
                _check_owner(lock)
            self._descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as err:
            raise SpoolError(
                f"{lock}: {err.strerror or err}; the spool needs a folder to write in ([node] state_dir)"
            ) from err
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as err:
            os.close(self._descriptor)
            raise SpoolError(f"{path}: another edge-node uses this spool; one robot, one node") from err

    def __enter__(self) -> SpoolLock:  # noqa: PYI034  Self needs Python 3.11
        return self

    def __exit__(self, *_exception: object) -> None:
        self.release()

    def release(self) -> None:
        """Release the lock; twice is no fault."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1


class SharedDisk(PlainStruct, frozen=True):
    """What a node hands to its spool.

    Attributes:
        lock: of the spool, if it is held already.
        budget: of the disk; others on it give way to rows.
    """

    lock: SpoolLock | None = None
    budget: DiskBudget = field(default_factory=DiskBudget)


class Reserve:
    """A file of zeros that is deleted when the disk is full, so that SQLite can write."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        self._file = sibling_file(path, "-reserve")
        self._path = path
        self._size_bytes = size_bytes

    def hold(self) -> bool:
        """Allocate the reserve if twice its size is free; return whether it is held."""
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
        """Delete the reserve; return whether there was one."""
        try:
            self._file.unlink()
        except OSError:
            return False
        return True


class DiskSpace:
    """Track how much of the disk the rows may take, and whether it can be written.

    Used by the writer thread alone, but any thread may read ``failure``.

    Attributes:
        is_short: the disk was full and has had no space for the reserve since: the file must not grow.
        failure: the alarm while the disk cannot be written.
    """

    def __init__(self, path: Path, division: SpoolBudget, budget: DiskBudget) -> None:
        self._path = path
        self._division = division
        self._budget = budget
        self._reserve = Reserve(path, division.reserve_bytes)
        self._limits_s = float("-inf")
        self._limits = Limits(0, 0)
        self.is_short = False
        self.failure: Alarm | None = None
        self._reserve.hold()

    def limits(self) -> Limits:
        """Return the bounds on the rows; the free space is read once a second."""
        now_s = time.monotonic()
        if now_s - self._limits_s >= _LIMITS_INTERVAL_S:
            self._limits_s = now_s
            reclaimable = self._budget.reclaimable_bytes(Worth.RECORD, self._path.parent)
            self._limits = self._division.limits(own_bytes(self._path), free_bytes(self._path), reclaimable)
        return self._limits

    def note_failure(self, err: Exception) -> bool:
        """Raise the alarm that the rows could not be written.

        Return whether others of less worth gave way to a disk that is full instead. If none does, the reserve
        is deleted, and the disk is short until there is space for it again.
        """
        is_full = isinstance(err, DiskError) and err.full
        if is_full:
            if self._budget.free_some(Worth.RECORD, self._path.parent):
                self._limits_s = float("-inf")
                return True
            self.is_short = True
            self._reserve.release()
        if self.failure is None:
            code = "disk_full" if is_full else "disk_failing"
            self.failure = Alarm(code=code, text=f"{self._path}: {err}; verdicts wait in memory")
            _log.error("%s", self.failure.text)
        return False

    def note_written(self) -> None:
        """End the alarm: the rows could be written."""
        if self.failure is not None:
            _log.warning("%s: the disk can be written again", self._path)
        self.failure = None

    def refill(self) -> None:
        """Allocate the reserve again if the disk has space for it."""
        held = self._reserve.hold()
        self.is_short = self.is_short and not held

    def close(self) -> None:
        """Delete the reserve: other programs may use its space while the node is stopped."""
        self._reserve.release()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _check_owner(path: Path) -> None:
    """Raise SpoolError unless ``path`` is missing, or a regular file of this user with one hard link."""
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


def _is_held(lock: Path) -> bool:
    """Tell whether a process has the lock, as far as this user may see it."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
