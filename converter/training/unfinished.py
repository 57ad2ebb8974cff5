"""Hold the folder of a training that is not finished, from which the same command goes on after a kill."""

from __future__ import annotations

import fcntl
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from converter.training.member_worker import CHECKPOINT_NAME, TRAINED_NAME
from edge_node.errors import DestinationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UNFINISHED_NAME, BOTTLENECKS_NAME = "unfinished", "bottlenecks"
_LOCK_NAME = "lock"


@contextmanager
def open_unfinished(folder: Path) -> Iterator[Path]:
    """Make or reopen the folder of a training, and remove it when the training has finished.

    Where the training fails, the folder stays, unless nothing is in it.

    Raises:
        DestinationError: it cannot be made, or another process trains into it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / _LOCK_NAME).open("w")
    except OSError as err:
        raise DestinationError(f"{folder}: cannot be made ({err.strerror or err})") from err
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DestinationError(
                f"{folder}: another training goes on there; wait for it, or name another output folder"
            ) from None
        try:
            yield folder
        except BaseException:
            if {path.name for path in folder.iterdir()} <= {_LOCK_NAME}:
                shutil.rmtree(folder, ignore_errors=True)
                with suppress(OSError):  # the folder of the graphs, if that was made for this one
                    folder.parent.rmdir()
            raise
        shutil.rmtree(folder, ignore_errors=True)


def count_kept(folder: Path) -> int:
    """Return the number of trainings that were finished, or kept on the way, before."""
    names = (CHECKPOINT_NAME, TRAINED_NAME)
    return sum(any((member / name).exists() for name in names) for member in folder.glob("member-*"))
