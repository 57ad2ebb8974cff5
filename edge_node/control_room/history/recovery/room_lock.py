"""Keep a second process from changing a control room's state folder while one uses it."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from edge_node.control_room.history.recovery.replacement import (
    finish_replacement,
    give_to_owner,
    remove_leftovers,
)
from edge_node.errors import CorrosionError

if TYPE_CHECKING:
    from pathlib import Path

LOCK_NAME = "room.lock"


class RoomInUseError(CorrosionError):
    """A control room runs on the state folder, or a command changes it."""


class RoomLock:
    """An flock on a file in the state folder; held until ``release``, or as long as the process lives."""

    def __init__(self, folder: Path, *, is_shared: bool = False) -> None:
        """Take the lock; the folder is made if it is missing.

        A replacement of the record that was killed is finished first, unless the lock ``is_shared`` with
        processes of the same room, whose history is no file.

        Raises:
            RoomInUseError: another process has it, or the folder cannot be written.
            ReplacementError: what was begun cannot be finished.
        """
        path = folder / LOCK_NAME
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as err:
            raise RoomInUseError(f"{path}: {err.strerror or err}; wanted a folder to write in") from err
        try:
            fcntl.flock(self._descriptor, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError as err:
            os.close(self._descriptor)
            raise RoomInUseError(f"{folder}: a control room runs on it; stop it first") from err
        try:
            give_to_owner(path, folder)
            if is_shared:
                return
            finish_replacement(folder)
            remove_leftovers(folder)
        except (OSError, CorrosionError):
            self.release()
            raise

    def __enter__(self) -> RoomLock:  # noqa: PYI034  Self needs Python 3.11
        return self

    def __exit__(self, *_exception: object) -> None:
        self.release()

    def release(self) -> None:
        """Release the lock; twice is no fault."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1
