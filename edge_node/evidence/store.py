"""Evidence: pictures of what was found, named by their SHA-256, bounded on disk, sent when the link allows.

A picture's name is the hash of its bytes and nothing else, so no message can make a path of it. Its pixels
are the camera's, for models learn from them; what was seen in it lies beside them (``marked_picture``).
Pictures of corroded surfaces, of the rest, and those that a person reviewed lie in three folders; when the
bound is reached the rest goes first, and reviewed ones stay up to a share of it.
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
from edge_node.evidence.marked_jpeg import draw_marking, mark
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
_KINDS = (_OTHER, _CORRODED)  # in the order in which they go
_THUMBNAIL_QUALITY = 70  # some 10 kB at 320 pixels
_MAX_QUEUED = 1000  # thumbnails that wait for the link; older ones are to be had on command
_MAX_ATTEMPTS = 3  # a picture at which the link ends so often is left out


class Size(str, Enum):
    """How a picture is sent."""

    FULL = "full"  # the bytes that its name is the hash of: the camera's pixels, map and words beside them
    OVERLAY = "overlay"  # as large, with map and words drawn
    THUMBNAIL = "thumbnail"  # the same, small


@dataclass(frozen=True, slots=True)
class EvidencePicture:
    """A picture on its way to the broker.

    Attributes:
        sha256: of the full picture's bytes.
        content: JPEG; the full picture's bytes, or what was drawn from them.
        size: which.
    """

    sha256: str
    content: bytes
    size: Size


class Evidence:
    """The pictures of one node; may be used by several threads."""

    def __init__(self, folder: Path, config: EvidenceConfig) -> None:
        """Use ``folder``, made for us alone if it is not there; what lies in it counts.

        Raises:
            ConfigError: the folder cannot be used.
        """
        self._folder = folder
        self._config = config
        self._lock = threading.Lock()
        self._last_corroded_s = float("-inf")
        self._others = 0
        self._queue: deque[tuple[str, Size]] = deque()
        self._attempts: dict[str, int] = {}
        try:
            for kind in (*_KINDS, _REVIEWED):
                (folder / kind).mkdir(mode=0o700, parents=True, exist_ok=True)
            for partial in folder.glob("*/*.part"):
                partial.unlink(missing_ok=True)
            self._reviewed_bytes = sum(size for _, size in self._oldest_first(_REVIEWED))
            self._release_reviewed()  # the share may be smaller than it was
            self._bytes = sum(size for _, size in self._oldest_first(*_KINDS)) + self._reviewed_bytes
        except OSError as err:
            raise ConfigError(f"{folder}: {err.strerror or err}; see [node] state_dir") from err

    def wants(self, outcome: Outcome, now_s: float) -> bool:
        """Tell whether a picture of this outcome is to be kept now; counts it."""
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
            corroded: it goes after the others when the bound is reached.
            marking: what was seen in it; goes with it.

        Returns:
            None if the disk does not take it: the verdict matters more, and goes on without.
        """
        options = [cv2.IMWRITE_JPEG_QUALITY, self._config.jpeg_quality]
        encoded, data = cv2.imencode(".jpg", pixels, options)
        if not encoded:
            return None
        content = data.tobytes() if marking is None else mark(data.tobytes(), marking)
        sha256 = hashlib.sha256(content).hexdigest()
        try:
            with self._lock:
                if self._find(sha256) is None:
                    self._write(self._file(_CORRODED if corroded else _OTHER, sha256), content)
                self._make_room()
                if self._config.send_thumbnails:
                    self._enqueue(sha256, Size.THUMBNAIL)
        except OSError as err:
            _log.warning("evidence: %s", err.strerror or err)
            return None
        return sha256

    def request(self, sha256: str, size: Size = Size.FULL) -> bool:
        """Have a picture sent next; False if it is not kept here, or not any more."""
        if self._find(sha256) is None:
            return False
        with self._lock:
            self._attempts.pop(sha256, None)
            self._queue.appendleft((sha256, size))
        return True

    def protect(self, sha256: str) -> bool:
        """Keep a picture that a person reviewed while others go; False if it is not here, or not any more.

        Bounded: beyond its share of the disk the picture that was reviewed longest ago is one of many again.
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
        """Return the picture to send next, or None; ``sent`` or ``failed`` is called with it."""
        while True:
            with self._lock:
                if not self._queue:
                    return None
                sha256, size = self._queue.popleft()
            content = self._read(sha256)
            if content is not None and size is not Size.FULL:
                content = _drawn(content, self._config, size)
            if content is not None:
                return EvidencePicture(sha256, content, size)

    def failed(self, picture: EvidencePicture) -> None:
        """Queue a picture again whose answer did not come, but not for ever."""
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
        """Note that the broker has it."""
        with self._lock:
            self._attempts.pop(picture.sha256, None)

    def _enqueue(self, sha256: str, size: Size) -> None:
        self._queue.append((sha256, size))
        if len(self._queue) > _MAX_QUEUED:
            self._queue.popleft()

    def _write(self, file: Path, content: bytes) -> None:
        """Write whole or not at all."""
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

    def _make_room(self) -> None:
        if self._bytes <= self._config.max_mb * 1_000_000:
            return
        # Down to nine tenths, so that the folder is not read at every picture.
        for file, size in self._oldest_first(*_KINDS):
            if self._bytes <= self._config.max_mb * 900_000:
                return
            file.unlink(missing_ok=True)
            self._bytes -= size

    def _release_reviewed(self) -> None:
        """Put pictures back among the others until the reviewed ones keep to their share."""
        bound_bytes = self._config.reviewed_share * self._config.max_mb * 1_000_000
        for file, size in self._oldest_first(_REVIEWED):
            if self._reviewed_bytes <= bound_bytes:
                return
            file.replace(self._file(_CORRODED, file.stem))
            self._reviewed_bytes -= size

    def _oldest_first(self, *kinds: str) -> Iterator[tuple[Path, int]]:
        """Yield pictures in the order in which they go."""
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
        """Return a picture whose bytes are still those that it is named by."""
        file = self._find(sha256)
        try:
            content = file.read_bytes() if file else None
        except OSError:
            return None
        if content is not None and hashlib.sha256(content).hexdigest() != sha256:
            _log.warning("evidence %s changed on the disk; not sent", sha256)
            return None
        return content


def _drawn(content: bytes, config: EvidenceConfig, size: Size) -> bytes | None:
    """Return a picture with its map and words, JPEG, in the size asked for; None if it cannot be decoded."""
    is_thumbnail = size is Size.THUMBNAIL
    pixels = draw_marking(content, at_most_px=config.thumbnail_px if is_thumbnail else None)
    if pixels is None:
        return None
    quality = _THUMBNAIL_QUALITY if is_thumbnail else config.jpeg_quality
    encoded, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return data.tobytes() if encoded else None
