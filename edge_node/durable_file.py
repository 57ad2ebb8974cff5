"""Write files that survive a power cut: after it a file has its old content or its new one, never a part."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def replace_file(path: Path, pieces: Iterable[bytes], *, mode: int = 0o600) -> None:
    """Replace ``path`` by a file with the content ``pieces``; returns once it is on disk.

    The content is written to ``.NAME.new`` in the same folder, synced, renamed over ``path``, and the folder
    is synced. The temporary name is fixed: what a crash left is overwritten, so it cannot accumulate. One
    writer at a time.

    Args:
        path: a link there is replaced, not followed.
        pieces: of the whole file, in order; what making them raises is passed on.
        mode: permissions of the new file, whatever the umask.

    Raises:
        OSError: ``path`` is as it was, unless only the sync of the folder failed.
    """
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    try:
        write_new_file(temporary, pieces, mode=mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_new_file(path: Path, pieces: Iterable[bytes], *, mode: int = 0o600) -> None:
    """Write ``pieces`` to a file that does not exist yet and sync it; its folder is the caller's to sync.

    Raises:
        OSError: the file exists (links count), or the disk does not take it; a part may be left.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, mode), "wb") as file:
        os.fchmod(file.fileno(), mode)
        for piece in pieces:
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Wait until the names in the folder ``path`` are on disk.

    Raises:
        OSError: it is no folder, or the disk failed.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
