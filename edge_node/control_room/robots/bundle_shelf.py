"""List the signed bundles that operators may send from the page, and take in those that they upload."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_node.errors import CorrosionError, UpdateError
from edge_node.update.transport_file import SUFFIX, UNSIGNED, check_size, read_head

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from typing import IO, BinaryIO

MAX_UPLOAD_BYTES = 256 * 1024 * 1024
_MAX_UPLOADS = 8  # the oldest gives way
_MAX_LISTED = 200
_UPLOADED = "uploaded/"
_PART, _PART_AGE_S = ".part-", 86_400.0


@dataclass(frozen=True, slots=True)
class ShelvedBundle:
    """A bundle that may be sent.

    Attributes:
        file: by which the page names it: that of a file in the folder, or ``uploaded/...``.
        label: name and version.
        problem: why it cannot be sent; "" if it can.
    """

    file: str
    label: str
    size_bytes: int
    issued_at: datetime | None
    problem: str = ""


class BundleShelf:
    """The bundles of a folder that the configuration names, and uploaded ones; used from any thread."""

    def __init__(self, folder: str | None, uploads: Path) -> None:
        self._folder = Path(folder) if folder else None
        self._uploads = uploads

    def bundles(self) -> list[ShelvedBundle]:
        """Return all bundles by name, those of the folder first; what is no bundle is told as such."""
        found = [(path.name, path) for path in _list(self._folder)]
        found += [(_UPLOADED + path.name, path) for path in _list(self._uploads)]
        return [_describe(name, path) for name, path in found[:_MAX_LISTED]]

    def open(self, file: str) -> BinaryIO:
        """Open a bundle for sending.

        Raises:
            CorrosionError: there is none of this name, or it cannot be sent.
        """
        for folder, prefix in ((self._folder, ""), (self._uploads, _UPLOADED)):
            path = next((path for path in _list(folder) if prefix + path.name == file), None)
            if path is None:
                continue
            if problem := _describe(file, path).problem:
                raise CorrosionError(problem)
            try:
                return path.open("rb")
            except OSError as err:
                raise CorrosionError(f"{path}: {err.strerror or err}") from err
        raise CorrosionError("no such bundle; load the page again to see which there are")

    @contextlib.contextmanager
    def receive(self) -> Iterator[IO[bytes]]:
        """Open a file for an upload, which is gone again unless ``keep`` takes it.

        Raises:
            OSError: it cannot be written.
        """
        self._uploads.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in self._uploads.glob(f"{_PART}*"):  # of a process that was killed
            if time.time() - old.stat().st_mtime > _PART_AGE_S:
                old.unlink(missing_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._uploads, prefix=_PART) as part:
            yield part.file

    def keep(self, part: IO[bytes]) -> ShelvedBundle:
        """Keep what was uploaded, if it is a signed bundle.

        Raises:
            UpdateError: it is none, is incomplete, or not signed.
            OSError: it cannot be written.
        """
        part.flush()
        size_bytes = part.seek(0, os.SEEK_END)
        part.seek(0)
        label = _check(part, "the file", size_bytes)
        part.seek(0)
        digest = hashlib.sha256()
        while content := part.read(1 << 20):
            digest.update(content)
        target = self._uploads / f"{label}-{digest.hexdigest()[:8]}{SUFFIX}"
        target.unlink(missing_ok=True)
        os.link(part.name, target)
        for old in sorted(_list(self._uploads), key=lambda path: path.stat().st_mtime)[:-_MAX_UPLOADS]:
            old.unlink(missing_ok=True)
        return _describe(_UPLOADED + target.name, target)


def _list(folder: Path | None) -> list[Path]:
    try:
        found = [] if folder is None else sorted(folder.glob(f"*{SUFFIX}"))
        return [path for path in found if path.is_file()]  # to open a named pipe would wait for its writer
    except OSError:
        return []


def _describe(file: str, path: Path) -> ShelvedBundle:
    try:
        size_bytes = path.stat().st_size
        with path.open("rb") as opened:
            head = read_head(opened, path.name)
            opened.seek(0)
            label = _check(opened, path.name, size_bytes)
    except (OSError, UpdateError) as err:
        said = err.strerror or str(err) if isinstance(err, OSError) else str(err)
        return ShelvedBundle(file, path.name, 0, None, said)
    return ShelvedBundle(file, label, size_bytes, head.statement.issued_at)


def _check(opened: IO[bytes], where: str, size_bytes: int) -> str:
    head = read_head(opened, where)
    check_size(head, size_bytes, where)
    if head.signed == UNSIGNED:
        raise UpdateError(f"{where}: not signed: no robot takes it; `converter bundle sign` signs it")
    return head.statement.label
