"""Keep two processes from being the same member of a group, on one machine and on two."""

from __future__ import annotations

import fcntl
import os
import time
from typing import TYPE_CHECKING

from edge_node.control_room.history.processes.roll import read_beat
from edge_node.errors import CorrosionError

if TYPE_CHECKING:
    from pathlib import Path

    from edge_node.control_room.history.database import Database

_PATIENCE_S = 5.0  # a process notes every 2 s that it runs
_LOOK_S = 0.5


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


def refuse_member_elsewhere(
    database: Database, name: str, host: str, *, patience_s: float = _PATIENCE_S
) -> None:
    """Refuse to be a member that runs on another machine: each would take the other's session at the broker.

    Of this machine the ``MemberLock`` tells at once.

    Raises:
        MemberInUseError: it runs there.
        HistoryError: the history cannot be read.
    """
    first = read_beat(database, name)
    if first is None or first.place.rpartition(":")[0] == host:
        return
    deadline_s = time.monotonic() + patience_s
    while time.monotonic() < deadline_s:
        time.sleep(min(_LOOK_S, patience_s))
        found = read_beat(database, name)
        if found is None:
            return
        if found != first:
            raise MemberInUseError(
                f"{name} runs already, at {found.place}; give each member of the group its own --member"
            )
