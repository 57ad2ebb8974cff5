"""Keep picture files in a folder, bounded by ``[evidence] max_mb`` and by the free space of the disk.

A name can only be a hash, so no message can turn it into a path. Other pictures, pictures of corroded
surfaces, those that teach and reviewed ones lie in four folders, and are deleted in this order when space is
short; the last two keep this place up to a share of the bound, and reviewed ones go last where verdicts need
their space. Of each the oldest go first: by the files' times, which only grow, whatever the clock says.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import re
import threading
import time
from enum import IntEnum
from typing import TYPE_CHECKING

from edge_node.disk_budget import Worth
from edge_node.fault_log import FaultLog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge_node.config.delivery_sections import EvidenceConfig
    from edge_node.disk_budget import DiskBudget

_log = logging.getLogger(__name__)

_NAME = re.compile(r"[0-9a-f]{64}")
_CALM_S = 10.0  # pictures are kept again when none was lost for so long
_FULL = (errno.ENOSPC, errno.EDQUOT)
_NO_ROOM = "the disk has no room for pictures beside the verdicts"


class PictureKind(IntEnum):
    """The kinds of pictures, in the order in which they are deleted."""

    OTHER = 0
    CORRODED = 1
    TEACHING = 2
    REVIEWED = 3

    @property
    def folder(self) -> str:
        """The name of its folder."""
        return self.name.lower()


_UNREVIEWED = (PictureKind.OTHER, PictureKind.CORRODED, PictureKind.TEACHING)


class PictureFolder:
    """The picture files of one node; may be used by several threads.

    A ``Holder`` of the disk's budget: pictures give way to verdicts.

    Attributes:
        fault: whether pictures are lost.
    """

    def __init__(self, folder: Path, config: EvidenceConfig, budget: DiskBudget) -> None:
        """Use ``folder``, made with mode 0700 if it is missing; its pictures count towards the bound."""
        self._folder = folder
        self._config = config
        self._budget = budget
        self._lock = threading.RLock()
        self._sizes = dict.fromkeys(PictureKind, 0)  # bytes
        self._stamp_ns = 0  # of the newest picture
        self._is_open = False
        self._is_short = False  # the free space, not max_mb, has pictures deleted
        self.fault = FaultLog("evidence", calm_s=_CALM_S)
        try:
            self._open()
        except OSError as err:
            self._fail(err)

    @property
    def held_bytes(self) -> int:
        """Size of all pictures."""
        return sum(self._sizes.values())

    def add(self, sha256: str, content: bytes, kind: PictureKind) -> bool:
        """Write a picture, and delete older ones if it needs their space; False if it cannot be kept."""
        with self._lock:
            try:
                self._open()
                if self.find(sha256) is None:
                    self._make_room(len(content))
                    self._write(kind, self._file(kind, sha256), content)
                    self._release(kind)
            except OSError as err:
                self._fail(err)
                return False
            self._note_success()
        return True

    def find(self, sha256: str) -> Path | None:
        """Return the file of a picture; None if it is not here, or not any more."""
        if not _NAME.fullmatch(sha256):
            return None
        files = (self._file(kind, sha256) for kind in reversed(PictureKind))
        try:
            return next((file for file in files if file.is_file() and not file.is_symlink()), None)
        except OSError:  # a folder that may not be searched any more
            return None

    def read(self, sha256: str) -> bytes | None:
        """Return a picture's bytes; None if they are missing or do not match the hash in their name."""
        file = self.find(sha256)
        try:
            content = file.read_bytes() if file else None
        except OSError:
            return None
        if content is not None and hashlib.sha256(content).hexdigest() != sha256:
            _log.warning("evidence %s changed on the disk; not sent", sha256)
            return None
        return content

    def protect(self, sha256: str) -> bool:
        """Keep a reviewed picture longer than others; False if it is not here, or not any more.

        Beyond their share of the bound, the pictures that were reviewed longest ago lose this protection.
        """
        return self._move_up(sha256, PictureKind.REVIEWED)

    def promote(self, sha256: str) -> bool:
        """Keep a picture as long as those that teach; False if it is not here, or not any more."""
        return self._move_up(sha256, PictureKind.TEACHING)

    def give_way(self, need_bytes: int, need_files: int) -> int:
        """Delete the oldest pictures, reviewed ones last, until so much is free; return the bytes freed."""
        with self._lock:
            freed = self._delete(need_bytes, need_files, _UNREVIEWED)
            if freed < need_bytes or not freed:
                freed += self._delete(need_bytes - freed, need_files, (PictureKind.REVIEWED,))
            if freed:
                self._note_short()
        return freed

    def look(self) -> None:
        """Make the folder anew if it is gone, keep to the floor of the free space, and notice a recovery.

        Called from time to time while no picture comes.
        """
        with self._lock:
            try:
                self._open()
                for kind in PictureKind:
                    (self._folder / kind.folder).stat()
                self._make_room(0)
                if self.fault.text:
                    self._try_writing()
            except OSError as err:
                self._fail(err)
                return
            self._note_success()

    def _open(self) -> None:
        """Unless it is done: make the folders, clear what a kill left, and count the pictures."""
        if self._is_open:
            return
        for inner in (
            ".",
            *(kind.folder for kind in PictureKind),
        ):  # the outer one first: parents get no mode
            (self._folder / inner).mkdir(mode=0o700, parents=True, exist_ok=True)
        for partial in self._folder.glob("*/*.part"):
            partial.unlink(missing_ok=True)
        for kind in PictureKind:
            found = self._oldest_first(kind)
            self._sizes[kind] = sum(size for _, _, size in found)
            self._stamp_ns = max(self._stamp_ns, found[-1][0] if found else 0)
        for kind in (PictureKind.REVIEWED, PictureKind.TEACHING):
            self._release(kind)  # the configured share may be smaller than before
        self._budget.register(Worth.PICTURE, self._folder, self)
        self._is_open = True

    def _fail(self, err: OSError) -> None:
        """Record that a picture is lost; a folder that is gone is made anew before the next."""
        self._is_short = self._is_short or err.errno in _FULL
        self._is_open = self._is_open and err.errno not in (errno.ENOENT, errno.ENOTDIR)
        self.fault.fail(f"{self._folder}: {err.strerror or err}; verdicts have no pictures")

    def _note_success(self) -> None:
        if not self._is_short:
            self.fault.succeed()

    def _note_short(self) -> None:
        self._is_short = True
        self.fault.fail(
            f"{self._folder}: the disk is short of space; the oldest pictures are deleted"
            " before [evidence] max_mb is reached"
        )

    def _make_room(self, need_bytes: int) -> None:
        """Delete pictures until ``need_bytes`` fit into the bound and into the free space.

        Raises:
            OSError: verdicts need what is left of the disk.
        """
        bound_bytes = self._config.max_mb * 1_000_000
        if self.held_bytes + need_bytes > bound_bytes:
            # Down to nine tenths, so that the folder is not listed at every picture.
            self._delete(self.held_bytes + need_bytes - bound_bytes * 9 // 10, 0, _UNREVIEWED)
        space = self._budget.space(self._folder)
        if space is None:
            return
        # A new picture takes the place of old ones before it takes from the floor of the free space.
        deficit = space.missing_bytes(Worth.PICTURE, need_bytes)
        below = max(0, space.floor_bytes // 2 - space.free_bytes)
        wanted = min(deficit, need_bytes) + below
        files = space.missing_files(Worth.PICTURE, 1 if need_bytes else 0)
        if not wanted and not files:
            if space.free_bytes > space.floor_bytes + self.held_bytes // 10 + need_bytes:
                self._is_short = False
            return
        freed = self._delete(max(wanted, self.held_bytes // 10), files, _UNREVIEWED)
        if freed:
            self._note_short()
        if freed < wanted or (files and not freed):
            raise OSError(errno.ENOSPC, _NO_ROOM)

    def _write(self, kind: PictureKind, file: Path, content: bytes) -> None:
        """Write a picture, with a second attempt where the cause can be removed."""
        stamp_ns = self._next_stamp()
        try:
            _write_whole(file, content, stamp_ns)
        except OSError as err:
            self._fail(err)
            self._open()  # if the folder was gone
            # A quota does not show in the free space.
            needed = max(len(content), self.held_bytes // 10)
            if err.errno in _FULL and not self._delete(needed, 1, _UNREVIEWED):
                raise
            _write_whole(file, content, stamp_ns)
        self._sizes[kind] += len(content)

    def _try_writing(self) -> None:
        probe = self._folder / PictureKind.OTHER.folder / "probe"
        _write_whole(probe, b"x", self._stamp_ns)
        probe.unlink()

    def _next_stamp(self) -> int:
        """Return the time of the next picture's file: later than all, also after the clock was set back."""
        self._stamp_ns = max(time.time_ns(), self._stamp_ns + 1)
        return self._stamp_ns

    def _move_up(self, sha256: str, kind: PictureKind) -> bool:
        """Move a picture to ``kind``, unless it is there or is kept longer; its age counts from now."""
        with self._lock:
            file = self.find(sha256)
            if file is None:
                return False
            before, target = PictureKind[file.parent.name.upper()], self._file(kind, sha256)
            if before > kind:
                return True
            stamp_ns = self._next_stamp()
            try:
                if before != kind:
                    file.replace(target)
                    self._count_moved(target.stat().st_size, before, kind)
                os.utime(target, ns=(stamp_ns, stamp_ns))
                self._release(kind)
            except OSError as err:
                _log.warning("evidence %s cannot be protected: %s", sha256, err.strerror or err)
                return False
        return True

    def _count_moved(self, size: int, before: PictureKind, after: PictureKind) -> None:
        self._sizes[before] -= size
        self._sizes[after] += size

    def _delete(self, need_bytes: int, need_files: int, kinds: tuple[PictureKind, ...]) -> int:
        """Delete the oldest pictures of ``kinds`` until so much is free; return the bytes that were freed."""
        freed, count = 0, 0
        try:
            for kind in kinds:
                for _, name, size in (
                    self._oldest_first(kind) if freed < need_bytes or count < need_files else ()
                ):
                    if freed >= need_bytes and count >= need_files:
                        break
                    (self._folder / kind.folder / name).unlink(missing_ok=True)
                    self._sizes[kind] -= size
                    freed, count = freed + size, count + 1
        except OSError as err:
            self.fault.fail(f"{self._folder}: {err.strerror or err}; pictures cannot be deleted")
        return freed

    def _release(self, kind: PictureKind) -> None:
        """Move the oldest pictures of ``kind`` to the corroded ones until the rest keeps to its share."""
        if kind < PictureKind.TEACHING:
            return
        share = self._config.reviewed_share
        if kind is PictureKind.TEACHING:
            share = (1 - share) * self._config.teaching_share
        bound_bytes = share * self._config.max_mb * 1_000_000
        if self._sizes[kind] <= bound_bytes:
            return
        for _, name, size in self._oldest_first(kind):
            if self._sizes[kind] <= bound_bytes:
                return
            target = self._folder / PictureKind.CORRODED.folder / name
            (self._folder / kind.folder / name).replace(target)
            self._count_moved(size, kind, PictureKind.CORRODED)

    def _in_order(self, kinds: tuple[PictureKind, ...]) -> Iterator[tuple[PictureKind, str, int]]:
        """Yield kind, name and bytes of pictures in the order in which they are deleted."""
        for kind in kinds:
            for _, name, size in self._oldest_first(kind):
                yield kind, name, size

    def _oldest_first(self, kind: PictureKind) -> list[tuple[int, str, int]]:
        """Return time, name and bytes of the pictures of a kind, in the order in which they are deleted."""
        with os.scandir(self._folder / kind.folder) as entries:
            found = [(entry.stat(follow_symlinks=False), entry.name) for entry in entries]
        return sorted((status.st_mtime_ns, name, status.st_size) for status, name in found)

    def _file(self, kind: PictureKind, sha256: str) -> Path:
        return self._folder / kind.folder / f"{sha256}.jpg"


def _write_whole(file: Path, content: bytes, stamp_ns: int) -> None:
    """Write a file as a whole or not at all; not synced, because its hash is checked when it is read."""
    partial = file.with_suffix(".part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(partial, flags, 0o600), "wb") as opened:
            opened.write(content)
        os.utime(partial, ns=(stamp_ns, stamp_ns))
        partial.replace(file)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
