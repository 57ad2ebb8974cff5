"""Read a folder of pictures and videos, one picture or a video as if it were a camera; recordings end."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

from edge_node.camera.backends.video_file import VideoFile
from edge_node.camera.frame import Frame, frame_now
from edge_node.camera.media_kind import MediaKind, media_kind
from edge_node.camera.picture import read_picture
from edge_node.errors import CameraError, UnreadablePictureError

if TYPE_CHECKING:
    import threading
    from collections.abc import Generator, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from edge_node.config.sections import CameraConfig

DEFAULT_FPS = 10.0  # of a folder: pictures have no frame rate

_log = logging.getLogger(__name__)


class Recording:
    """Read a folder, a picture or a video as a camera; satisfies ``Camera``.

    Attributes:
        source: the path as the operator wrote it.
        skipped: pictures that could not be read, and videos that are cut off or damaged.
    """

    live = False

    def __init__(self, config: CameraConfig, *, stop: threading.Event, first_frame_id: int = 0) -> None:
        """Find the files; pictures and videos are read one by one later, but one video is opened now.

        Raises:
            CameraError: the recording does not exist, or holds no picture and no video.
        """
        self.source = config.source
        self.skipped = 0
        self._stop = stop
        self._next_frame_id = first_frame_id
        self._config = config
        self._files = _find_files(Path(config.source))
        self._opened: VideoFile | None = None
        if not Path(config.source).is_dir() and media_kind(self._files[0]) is MediaKind.VIDEO:
            self._opened = VideoFile(self._files[0])
        self._interval_s = 0.0
        self._due_s = time.monotonic()
        self._pictures = self._iter_passes()
        self._read = 0
        self._incomplete: dict[Path, str] = {}

    def read(self) -> Frame | None:
        """Return the next picture when it is due, or None at the end or when stopped.

        Raises:
            CameraError: behind the last picture: a video is cut off or damaged. With ``loop`` only if not one
                picture can be read.
        """
        pixels = next(self._pictures, None)
        if pixels is None:
            return None
        if self._wait_until_due():
            return None
        frame = frame_now(pixels, self._next_frame_id, self.source)
        self._next_frame_id += 1
        return frame

    def skip(self) -> bool:
        """Read a picture and discard it; capturing never calls this, because a held recording waits."""
        return self.read() is not None

    def close(self) -> None:
        """Release the video file."""
        self._pictures.close()
        if self._opened is not None:
            self._opened.close()

    def _wait_until_due(self) -> bool:
        """Wait for the next picture's time; True when stopped meanwhile.

        A reader that was late does not catch up: pictures are never read in a burst.
        """
        now_s = time.monotonic()
        self._due_s = max(self._due_s, now_s - self._interval_s)
        stopped = self._stop.wait(max(0.0, self._due_s - now_s))
        self._due_s += self._interval_s
        return stopped

    def _iter_passes(self) -> Generator[NDArray[np.uint8], None, None]:
        while True:
            read_before = self._read
            yield from self._iter_files()
            if self._incomplete and (not self._config.loop or self._read == read_before):
                text, *others = self._incomplete.values()
                raise CameraError(text + (f" (and {len(others)} more files)" if others else ""))
            if self._read == read_before:
                raise CameraError(f"{self.source}: not one picture in it can be read")
            if not self._config.loop:
                return

    def _iter_files(self) -> Generator[NDArray[np.uint8], None, None]:
        """Yield the pictures of every file; after one that is cut off or damaged the next file comes."""
        for path in self._files:
            try:
                for pixels in self._iter_file(path):
                    self._read += 1
                    yield pixels
            except UnreadablePictureError as err:
                self.skipped += 1
                _log.warning("%s; skipped", err)
            except CameraError as err:
                if path in self._incomplete:  # told in an earlier pass
                    continue
                self.skipped += 1
                self._incomplete[path] = str(err)
                if self._config.loop or len(self._files) > 1:  # else it is raised now
                    _log.warning("%s", err)

    def _iter_file(self, path: Path) -> Generator[NDArray[np.uint8], None, None]:
        if media_kind(path) is not MediaKind.VIDEO:
            self._set_pace(None)
            yield read_picture(path)
            return
        video, self._opened = self._opened or VideoFile(path), None
        try:
            self._set_pace(video.fps)
            yield from video
        finally:
            video.close()

    def _set_pace(self, fps: float | None) -> None:
        self._interval_s = (
            0.0 if self._config.pace == "fast" else 1.0 / (self._config.fps or fps or DEFAULT_FPS)
        )


def iter_video(path: Path) -> Iterator[NDArray[np.uint8]]:
    """Yield every picture of a video; as ``VideoFile``, which it opens and closes.

    Raises:
        CameraError: as ``VideoFile`` and its iteration.
    """
    video = VideoFile(path)
    try:
        yield from video
    finally:
        video.close()


def _find_files(path: Path) -> list[Path]:
    """Return the files in a folder and below it, sorted by name, or the one file that ``path`` is."""
    if not path.is_dir():
        if not path.is_file():
            raise CameraError(
                f"{path}: no such file or folder; wanted a video, a picture or a folder of them"
            )
        if media_kind(path) is MediaKind.OTHER:
            found = (
                "its content is that of no video and no picture" if path.stat().st_size else "empty: no video"
            )
            raise CameraError(f"{path}: {found}; wanted a video, a picture or a folder of them")
        return [path]
    try:
        files = sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))
    except OSError as err:
        raise CameraError(f"{path}: {err.strerror or err}") from err
    if not files:
        raise CameraError(f"{path}: no pictures in it; wanted pictures or videos")
    return files
