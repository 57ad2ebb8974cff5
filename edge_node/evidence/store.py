"""Keep evidence pictures on disk, bounded in size and named by their SHA-256, and queue them for sending.

A name can only be a hash, so no message can turn it into a path. The pixels are the camera's, because models
are trained on them; map and text are embedded beside them (``marked_jpeg``). Pictures of corroded surfaces,
other pictures and reviewed ones lie in three folders. When the bound is reached the others are deleted
first, and reviewed pictures are kept up to a share of the bound.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import threading
from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import cv2

from edge_node.errors import ConfigError
from edge_node.evidence.marked_jpeg import draw_marking, embed_marking
from edge_node.messages.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from edge_node.config.delivery_sections import EvidenceConfig
    from edge_node.inspection.overlay import Marking

_log = logging.getLogger(__name__)

_NAME = re.compile(r"[0-9a-f]{64}")
_OTHER, _CORRODED, _REVIEWED = "other", "corroded", "reviewed"
_KINDS = (_OTHER, _CORRODED)  # in the order in which they are deleted
_THUMBNAIL_QUALITY = 70  # about 10 kB at 320 pixels
_MAX_QUEUED = 1000  # thumbnails that wait for the link; older ones can be requested by command
_MAX_ATTEMPTS = 3  # a picture during which the link ends so often is skipped


class PictureSize(str, Enum):
    """The form in which a picture is sent."""

    FULL = "full"  # the original JPEG; its SHA-256 is the file name
    OVERLAY = "overlay"  # as large, with map and text drawn
    THUMBNAIL = "thumbnail"  # the overlay, small


@dataclass(frozen=True, slots=True)
class EvidencePicture:
    """A picture to be sent.

    Attributes:
        sha256: of the full picture's bytes.
        content: JPEG; the full picture's bytes, or an overlay drawn from them.
        size: the form of ``content``.
    """

    sha256: str
    content: bytes
    size: PictureSize


class EvidenceStore:
    """Keep the pictures of one node; may be used by several threads."""

    def __init__(self, folder: Path, config: EvidenceConfig) -> None:
        """Use ``folder``, made with mode 0700 if it is missing; its pictures count towards the bound.

        Raises:
            ConfigError: the folder cannot be used.
        """
        self._folder = folder
        self._config = config
        self._lock = threading.Lock()
        self._last_corroded_s = float("-inf")
        self._others = 0
        self._queue: deque[tuple[str, PictureSize]] = deque()
        self._attempts: dict[str, int] = {}
        try:
            for kind in (*_KINDS, _REVIEWED):
                (folder / kind).mkdir(mode=0o700, parents=True, exist_ok=True)
            for partial in folder.glob("*/*.part"):
                partial.unlink(missing_ok=True)
            self._reviewed_bytes = sum(size for _, size in self._oldest_first(_REVIEWED))
            self._release_reviewed()  # the configured share may be smaller than before
            self._bytes = sum(size for _, size in self._oldest_first(*_KINDS)) + self._reviewed_bytes
        except OSError as err:
            raise ConfigError(f"{folder}: {err.strerror or err}; see [node] state_dir") from err

    def wants(self, outcome: Outcome, now_s: float) -> bool:
        """Tell whether to keep a picture of this outcome, and count it."""
        if not self._config.keep:
            return False
        if outcome is Outcome.CORRODED:
            if now_s - self._last_corroded_s < self._config.min_interval_s:
                return False
            self._last_corroded_s = now_s
            return True
        self._others += 1
        return self._config.sample_every > 0 and (self._others - 1) % self._config.sample_every == 0

    def keep(
        self, pixels: NDArray[np.uint8], *, corroded: bool, marking: Marking | None = None
    ) -> str | None:
        """Write a picture and return its name.

        Args:
            pixels: uint8 ``(height, width, 3)``, blue, green, red, as the camera gave them.
            corroded: it is deleted after the others when the bound is reached.
            marking: map and text to embed.

        Returns:
            None if the disk does not take it: the verdict is spooled without.
        """
        options = [cv2.IMWRITE_JPEG_QUALITY, self._config.jpeg_quality]
        encoded, data = cv2.imencode(".jpg", pixels, options)
        if not encoded:
            return None
        content = data.tobytes() if marking is None else embed_marking(data.tobytes(), marking)
        sha256 = hashlib.sha256(content).hexdigest()
        try:
            with self._lock:
                if self._find(sha256) is None:
                    self._write(self._file(_CORRODED if corroded else _OTHER, sha256), content)
                self._delete_oldest()
                if self._config.send_thumbnails:
                    self._enqueue(sha256, PictureSize.THUMBNAIL)
        except OSError as err:
            _log.warning("evidence: %s", err.strerror or err)
            return None
        return sha256

    def request(self, sha256: str, size: PictureSize = PictureSize.FULL) -> bool:
        """Queue a picture to be sent next; False if it is not here, or not any more."""
        if self._find(sha256) is None:
            return False
        with self._lock:
            self._attempts.pop(sha256, None)
            self._queue.appendleft((sha256, size))
        return True

    def protect(self, sha256: str) -> bool:
        """Keep a reviewed picture longer than others; False if it is not here, or not any more.

        Beyond their share of the bound, the pictures that were reviewed longest ago lose this protection.
        """
        with self._lock:
            file = self._find(sha256)
            if file is None:
                return False
            target = self._file(_REVIEWED, sha256)
            try:
                if file != target:
                    file.replace(target)
                    self._reviewed_bytes += target.stat().st_size
                os.utime(target)  # its age counts from the review
                self._release_reviewed()
            except OSError as err:
                _log.warning("evidence %s cannot be protected: %s", sha256, err.strerror or err)
                return False
        return True

    def next_picture(self) -> EvidencePicture | None:
        """Return the picture to send next, or None; the caller then calls ``sent`` or ``failed`` with it."""
        while True:
            with self._lock:
                if not self._queue:
                    return None
                sha256, size = self._queue.popleft()
            content = self._read(sha256)
            if content is not None and size is not PictureSize.FULL:
                content = _draw(content, self._config, size)
            if content is not None:
                return EvidencePicture(sha256, content, size)

    def failed(self, picture: EvidencePicture) -> None:
        """Queue a picture again that was not acknowledged, up to ``_MAX_ATTEMPTS`` times."""
        with self._lock:
            attempts = self._attempts.get(picture.sha256, 0) + 1
            self._attempts[picture.sha256] = attempts
            if attempts < _MAX_ATTEMPTS:
                self._queue.appendleft((picture.sha256, picture.size))
            else:
                self._attempts.pop(picture.sha256)
                _log.warning(
                    "evidence %s: the link ended %d times while it was sent", picture.sha256, attempts
                )

    def sent(self, picture: EvidencePicture) -> None:
        """Record that the broker has the picture."""
        with self._lock:
            self._attempts.pop(picture.sha256, None)

    def _enqueue(self, sha256: str, size: PictureSize) -> None:
        self._queue.append((sha256, size))
        if len(self._queue) > _MAX_QUEUED:
            self._queue.popleft()

    def _write(self, file: Path, content: bytes) -> None:
        """Write a file as a whole or not at all; not synced, because its hash is checked when it is read."""
        partial = file.with_suffix(".part")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with os.fdopen(os.open(partial, flags, 0o600), "wb") as opened:
                opened.write(content)
            partial.replace(file)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
        self._bytes += len(content)

    def _delete_oldest(self) -> None:
        """Delete pictures until the rest fits into the bound."""
        if self._bytes <= self._config.max_mb * 1_000_000:
            return
        # Down to nine tenths, so that the folder is not listed at every picture.
        for file, size in self._oldest_first(*_KINDS):
            if self._bytes <= self._config.max_mb * 900_000:
                return
            file.unlink(missing_ok=True)
            self._bytes -= size

    def _release_reviewed(self) -> None:
        """Move the pictures reviewed longest ago to the corroded ones until the rest keeps to its share."""
        bound_bytes = self._config.reviewed_share * self._config.max_mb * 1_000_000
        for file, size in self._oldest_first(_REVIEWED):
            if self._reviewed_bytes <= bound_bytes:
                return
            file.replace(self._file(_CORRODED, file.stem))
            self._reviewed_bytes -= size

    def _oldest_first(self, *kinds: str) -> Iterator[tuple[Path, int]]:
        """Yield pictures with their sizes, in bytes, in the order in which they are deleted."""
        for kind in kinds:
            found = []
            for entry in os.scandir(self._folder / kind):
                status = entry.stat(follow_symlinks=False)
                found.append((status.st_mtime_ns, entry.name, status.st_size))
            for _, name, size in sorted(found):
                yield self._folder / kind / name, size

    def _file(self, kind: str, sha256: str) -> Path:
        return self._folder / kind / f"{sha256}.jpg"

    def _find(self, sha256: str) -> Path | None:
        if not _NAME.fullmatch(sha256):
            return None
        files = (self._file(kind, sha256) for kind in (_REVIEWED, *reversed(_KINDS)))
        return next((file for file in files if file.is_file() and not file.is_symlink()), None)

    def _read(self, sha256: str) -> bytes | None:
        """Return a picture's bytes; None if they are missing or do not match the hash in their name."""
        file = self._find(sha256)
        try:
            content = file.read_bytes() if file else None
        except OSError:
            return None
        if content is not None and hashlib.sha256(content).hexdigest() != sha256:
            _log.warning("evidence %s changed on the disk; not sent", sha256)
            return None
        return content


def _draw(content: bytes, config: EvidenceConfig, size: PictureSize) -> bytes | None:
    """Return a picture with map and text drawn, as JPEG; None if it cannot be decoded."""
    is_thumbnail = size is PictureSize.THUMBNAIL
    pixels = draw_marking(content, at_most_px=config.thumbnail_px if is_thumbnail else None)
    if pixels is None:
        return None
    quality = _THUMBNAIL_QUALITY if is_thumbnail else config.jpeg_quality
    encoded, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return data.tobytes() if encoded else None
