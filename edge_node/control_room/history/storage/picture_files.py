"""Keep the contents of pictures as files, each under the hash of its content, for several processes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import time
from typing import TYPE_CHECKING

from edge_node.durable_file import sync_folder, write_new_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_FRESH_S = 3600.0  # a file whose row may not be committed yet is no leftover
_HASH_DIGITS = 64


class PictureFiles:
    """A folder of pictures that the database names by their SHA-256; a picture of two robots is one file.

    A file is on the disk before the row that names it is committed, and removed after the last one is gone:
    so a row whose file is missing means that the folder was lost.
    """

    def __init__(self, folder: Path) -> None:
        """Use ``folder``, which is made with the first picture."""
        self.folder = folder

    def write(self, content: bytes) -> bytes:
        """Put a picture on the disk, and return the hash that its row names.

        Raises:
            OSError: it cannot be written.
        """
        digest = hashlib.sha256(content)
        path = self._path(digest.hexdigest())
        try:
            os.utime(path)  # fresh again: its row is not committed yet
        except FileNotFoundError:
            path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            _write_whole(path, content)
        return digest.digest()

    def read(self, digest: bytes) -> bytes | None:
        """Return a picture; None if its file is gone.

        Raises:
            OSError: it cannot be read.
        """
        try:
            return self._path(digest.hex()).read_bytes()
        except FileNotFoundError:
            return None

    def remove_unnamed(self, named: Iterable[bytes]) -> int:
        """Remove the files that no row names, but for fresh ones, and return their count."""
        kept = {digest.hex() for digest in named}
        oldest_fresh = time.time() - _FRESH_S
        gone = 0
        for path in self._files():
            if path.name in kept:
                continue
            with contextlib.suppress(OSError):  # another process removes it too
                if path.stat().st_mtime < oldest_fresh:
                    path.unlink()
                    gone += 1
        return gone

    def _path(self, name: str) -> Path:
        return self.folder / name[:2] / name

    def _files(self) -> Iterator[Path]:
        with contextlib.suppress(FileNotFoundError):
            for part in self.folder.iterdir():
                if len(part.name) == 2 and part.is_dir():
                    yield from (path for path in part.iterdir() if len(path.name) >= _HASH_DIGITS)


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file beside another process that may write the same one."""
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        write_new_file(beside, [content], mode=0o640)
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
