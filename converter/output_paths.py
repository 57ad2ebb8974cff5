"""Check that results can be written before the work that makes them, and write them."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

from edge_node.errors import DestinationError

if TYPE_CHECKING:
    from pathlib import Path


def refuse_unwritable_file(path: Path | None) -> None:
    """Refuse a path where no file can be written; nothing of the trial stays. None means nothing to write.

    Raises:
        DestinationError: no file can be written there.
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
    """Refuse a folder, existing or not, into which no files can be written; nothing of the trial stays.

    Raises:
        DestinationError: no files can be written there.
    """
    if path is None:
        return
    if path.exists() and not path.is_dir():
        raise DestinationError(f"{path}: exists and is no folder; name another")
    _try_writing(_find_existing(path.absolute()), path)


def refuse_unwritable_place(path: Path) -> None:
    """Refuse a path where nothing new can be made, missing parent folders included.

    Raises:
        DestinationError: nothing can be made there.
    """
    _try_writing(_find_existing(path.absolute().parent), path)


def write_file(path: Path, content: bytes) -> None:
    """Write a file, and make the folders above it that are missing.

    Raises:
        DestinationError: the disk refuses.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as err:
        raise DestinationError(f"{path}: cannot be written ({err.strerror or err})") from err


def _find_existing(path: Path) -> Path:
    """Return ``path``, or the nearest folder above it that exists."""
    return next(place for place in (path, *path.parents) if os.path.lexists(place))


def _try_writing(folder: Path, path: Path) -> None:
    """Make a folder in ``folder`` and a file in that, and remove both; errors name ``path``.

    Permissions are not enough to know: root has all of them, and still can make nothing below /proc.
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
