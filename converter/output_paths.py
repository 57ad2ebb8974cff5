"""Where results go: tried before the work that makes them, so that no work is done for nothing."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

from edge_node.errors import DestinationError

if TYPE_CHECKING:
    from pathlib import Path


def refuse_unwritable_file(path: Path | None) -> None:
    """Try whether a file can be written at ``path``; nothing of the trial stays. None is nothing to write.

    Raises:
        DestinationError: it cannot.
    """
    if path is None:
        return
    if path.is_dir():
        raise DestinationError(f"{path}: is a folder, wanted the name of a file")
    if not path.exists():
        refuse_unwritable_place(path)
    elif not os.access(path, os.W_OK):
        raise DestinationError(f"{path}: exists and cannot be written; name another file")


def refuse_unwritable_folder(path: Path | None) -> None:
    """Try whether files can be written into a folder that is there or will be made; nothing of it stays.

    Raises:
        DestinationError: they cannot.
    """
    if path is None:
        return
    if path.exists() and not path.is_dir():
        raise DestinationError(f"{path}: exists and is no folder; name another")
    _try(_nearest_existing(path.absolute()), path)


def refuse_unwritable_place(path: Path) -> None:
    """Try whether something new can be made at ``path``, with the folders above it that are missing.

    Raises:
        DestinationError: it cannot.
    """
    _try(_nearest_existing(path.absolute().parent), path)


def write_file(path: Path, content: bytes) -> None:
    """Write a file, and the folders above it where they are missing.

    Raises:
        DestinationError: the disk refuses.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as err:
        raise DestinationError(f"{path}: cannot be written ({err.strerror or err})") from err


def _nearest_existing(path: Path) -> Path:
    """Return ``path``, or the first of the folders above it that is there."""
    return next(place for place in (path, *path.parents) if os.path.lexists(place))


def _try(folder: Path, path: Path) -> None:
    """Make a folder in ``folder`` and a file in that, and remove both; errors name ``path``.

    Permissions alone do not tell: root may do anything, and still nothing can be made below /proc.
    """
    try:
        with (
            tempfile.TemporaryDirectory(prefix=".corrosion-trial-", dir=folder) as trial,
            tempfile.TemporaryFile(dir=trial) as file,
        ):
            file.write(b"\0")
            file.flush()
    except OSError as err:
        raise DestinationError(
            f"{path}: nothing can be written in {folder} ({err.strerror or err}); name another place"
        ) from err
