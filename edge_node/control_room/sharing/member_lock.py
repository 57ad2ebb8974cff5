"""Keep two processes on one machine from being the same member of a group."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from edge_node.errors import CorrosionError

if TYPE_CHECKING:
    from pathlib import Path


class MemberInUseError(CorrosionError):
    """Another process is this member."""


class MemberLock:
    """An flock on a file in the state folder, which ends with the process; a ``with`` block."""

    def __init__(self, folder: Path, group: str, number: int) -> None:
        """Take the lock.

        Raises:
            MemberInUseError: another process has it, or the folder cannot be written.
        """
        path = folder / f"member-{group}-{number}.lock"
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as err:
            raise MemberInUseError(f"{path}: {err.strerror or err}; wanted a folder to write in") from err
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as err:
            os.close(self._descriptor)
            raise MemberInUseError(
                f"member {number} of group {group} runs already; give each its own --member, and stop one"
                " before it is drained"
            ) from err

    def __enter__(self) -> MemberLock:  # noqa: PYI034  Self needs Python 3.11
        return self

    def __exit__(self, *_exception: object) -> None:
        os.close(self._descriptor)
