"""Divide the free disk space among the node's writers by worth: verdicts before pictures and downloads.

Every writer asks before it writes. A writer of little worth keeps away from the last of the free space; one
of more worth may have those below it delete what they hold. Folders may lie on different file systems: only
what lies on the same one is compared.
"""

from __future__ import annotations

import errno
import os
import threading
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol

from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_MAX_FLOOR_BYTES = 64_000_000  # hours of verdicts without a link, and room for a bundle
_FLOOR_SHARE = 8  # of a small file system one part in so many
_FLOOR_FILES = 64  # names that a small file system has left: write-ahead log, reserve, state files


class Worth(IntEnum):
    """What a writer's files are worth; those of less give way to those of more."""

    DOWNLOAD = 0  # a bundle that is being fetched or unpacked: it can be sent again
    PICTURE = 1  # evidence
    AUDIT = 2  # commands and reviews
    RECORD = 3  # verdicts, findings, and what they need over a restart


class FileSystem(PlainStruct, frozen=True):
    """The space of the file system that holds a folder.

    Attributes:
        device: its number; folders with equal numbers share the space.
        total_bytes: its size.
        free_bytes: what an unprivileged user may still write.
        free_files: names that it has left; None where it has no bound.
    """

    device: int
    total_bytes: int
    free_bytes: int
    free_files: int | None

    @property
    def floor_bytes(self) -> int:
        """Free space below which no picture is added; below half of it pictures are deleted."""
        return min(_MAX_FLOOR_BYTES, self.total_bytes // _FLOOR_SHARE)

    def missing_bytes(self, worth: Worth, need_bytes: int) -> int:
        """Return how much must be freed before a writer of ``worth`` may add ``need_bytes``."""
        # A download may use the upper half of the floor: it is begun only where it displaces no picture.
        kept = {Worth.PICTURE: self.floor_bytes, Worth.DOWNLOAD: self.floor_bytes // 2}.get(worth, 0)
        return max(0, need_bytes + kept - self.free_bytes)

    def missing_files(self, worth: Worth, need_files: int) -> int:
        """Return how many names must be freed before a writer of ``worth`` may add ``need_files``."""
        if self.free_files is None:
            return 0
        return max(0, need_files + (_FLOOR_FILES if worth < Worth.AUDIT else 0) - self.free_files)


def measure(folder: Path) -> FileSystem:
    """Return the space of the file system that holds ``folder``.

    Raises:
        OSError: the folder is missing, or the disk does not answer.
    """
    found = os.statvfs(folder)
    if not found.f_blocks:
        raise OSError(errno.ENOSYS, "the file system does not say how much space it has")
    return FileSystem(
        device=folder.stat().st_dev,
        total_bytes=found.f_blocks * found.f_frsize,
        free_bytes=found.f_bavail * found.f_frsize,
        free_files=found.f_favail if found.f_files else None,  # Btrfs counts no files
    )


class Holder(Protocol):
    """A writer that can delete some of its files when others of more worth need the space."""

    @property
    def held_bytes(self) -> int:
        """Size of what it could delete."""

    def give_way(self, need_bytes: int, need_files: int) -> int:
        """Delete its least valuable files until so much is free; return how many bytes were freed."""


class _Held(PlainStruct, frozen=True):
    worth: Worth
    device: int
    holder: Holder


class DiskBudget:
    """Answer writers whether they may write, and have others give way; may be called from any thread."""

    def __init__(self, measure: Callable[[Path], FileSystem] = measure) -> None:
        self._measure = measure
        self._lock = threading.Lock()
        self._held: dict[int, _Held] = {}

    def register(self, worth: Worth, folder: Path, holder: Holder) -> None:
        """Let ``holder``, whose files lie in ``folder``, give way to writers of more worth.

        Again after the folder was made anew: it may lie on another file system now.
        """
        space = self.space(folder)
        with self._lock:
            if space is not None:
                self._held[id(holder)] = _Held(worth, space.device, holder)

    def space(self, folder: Path) -> FileSystem | None:
        """Return the space of the file system that holds ``folder``; None if it does not say."""
        try:
            return self._measure(folder)
        except OSError:
            return None

    def allows(self, worth: Worth, folder: Path, need_bytes: int, need_files: int = 1) -> bool:
        """Tell whether a writer of ``worth`` may add so much without anyone giving way.

        True where the file system does not say: writing it will show.
        """
        space = self.space(folder)
        if space is None:
            return True
        return not (space.missing_bytes(worth, need_bytes) or space.missing_files(worth, need_files))

    def make_room(self, worth: Worth, folder: Path, need_bytes: int, need_files: int = 1) -> None:
        """Have writers of less worth give way until ``need_bytes`` are free, as far as they can."""
        space = self.space(folder)
        if space is None:
            return
        missing_bytes = space.missing_bytes(worth, need_bytes)
        missing_files = space.missing_files(worth, need_files)
        if missing_bytes or missing_files:
            self._free(worth, space.device, missing_bytes, missing_files)

    def free_some(self, worth: Worth, folder: Path) -> bool:
        """Have writers of less worth give way although the file system says that it has space.

        For a disk that refused to write: a quota does not show in its free space. Returns whether anything
        was freed, so that it is worth trying again.
        """
        space = self.space(folder)
        return space is not None and self._free(worth, space.device, space.floor_bytes // 2, 1)

    def reclaimable_bytes(self, worth: Worth, folder: Path) -> int:
        """Return how much writers of less worth hold on the file system of ``folder``."""
        space = self.space(folder)
        if space is None:
            return 0
        return sum(held.holder.held_bytes for held in self._below(worth, space.device))

    def _free(self, worth: Worth, device: int, need_bytes: int, need_files: int) -> bool:
        freed_any = False
        for held in self._below(worth, device):
            freed = held.holder.give_way(max(0, need_bytes), max(0, need_files))
            if freed > 0:
                freed_any = True
                need_bytes -= freed
                need_files = 0
            if need_bytes <= 0 and need_files <= 0:
                break
        return freed_any

    def _below(self, worth: Worth, device: int) -> list[_Held]:
        """Return the holders of less worth on a file system, the least first."""
        with self._lock:
            found = [held for held in self._held.values() if held.worth < worth and held.device == device]
        return sorted(found, key=lambda held: held.worth)
