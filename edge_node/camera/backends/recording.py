"""Read a folder of pictures and videos, one picture or a video as if it were a camera; recordings end."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

from edge_node.camera.backends.video_file import VideoFile
from edge_node.camera.frame import Frame, frame_now
from edge_node.camera.media_files import MediaFiles, escape_name, list_media
from edge_node.camera.media_kind import MediaKind, media_kind
from edge_node.camera.picture import list_pages, read_content
from edge_node.errors import CameraError, UnreadablePictureError

if TYPE_CHECKING:
    import threading
    from collections.abc import Generator, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from edge_node.config.sections import CameraConfig
    from edge_node.view.view import View

    _Picture = tuple[NDArray[np.uint8], View | None]

DEFAULT_FPS = 10.0  # of a folder: pictures have no frame rate
# As long as drivers of cameras keep frames for a reader that is late: it loses none by a moment's delay.
_MAX_LATE_S = 0.5
_CATCH_UP = 1.1  # times its pace, while a recording is late
_MOST_NAMED = 3

_log = logging.getLogger(__name__)


class Recording:
    """Read a folder, a picture or a video as a camera; satisfies ``Camera``.

    Attributes:
        source: the path as the operator wrote it.
        found: the files in a folder, with those that are left out.
        patience_s: how long the last picture may wait for whoever takes it: a moment's delay loses none.
    """

    live = False

    def __init__(self, config: CameraConfig, *, stop: threading.Event, first_frame_id: int = 0) -> None:
        """Find the files; pictures and videos are read one by one later, but one video is opened now.

        Raises:
            CameraError: the recording does not exist, or holds no picture and no video.
        """
        self.source = config.source
        self._stop = stop
        self._next_frame_id = first_frame_id
        self._config = config
        self.found = _find_files(Path(config.source))
        self._opened: VideoFile | None = None
        if not Path(config.source).is_dir() and media_kind(self.found.files[0]) is MediaKind.VIDEO:
            self._opened = VideoFile(self.found.files[0])
        self._interval_s = 0.0
        self._due_s: float | None = None  # of the next picture; the first is due when it is read
        self._read_s = 0.0  # when the last one was read
        self.patience_s = 0.0
        self._pictures = self._iter_passes()
        self._read = 0
        self._incomplete: dict[Path, str] = {}
        self._unread: dict[str, str] = {}  # page -> why it cannot be read

    @property
    def skipped(self) -> int:
        """Pictures that could not be read, and videos that are cut off or damaged."""
        return len(self._unread) + len(self._incomplete)

    @property
    def omitted(self) -> tuple[str, ...]:
        """A sentence for each file that was not read, or not to its end."""
        left_out = (*self.found.unread, *self.found.left_out)
        return (
            *map(escape_name, (*self._unread.values(), *self._incomplete.values())),
            *map(str, left_out),
        )

    @property
    def omissions(self) -> str:
        """How much of the recording was not read, as a part of a sentence; empty if nothing."""
        left_out = [*self.found.unread, *self.found.left_out]
        parts = [f"{self.skipped} cannot be read"] if self.skipped else []
        if left_out:
            names = ", ".join(escape_name(entry.path.name) for entry in left_out[:_MOST_NAMED])
            more = ", ..." if len(left_out) > _MOST_NAMED else ""
            parts.append(f"{len(left_out)} left out: {names}{more}")
        return "; ".join(parts)

    def read(self) -> Frame | None:
        """Return the next picture when it is due, or None at the end or when stopped.

        Raises:
            CameraError: behind the last picture: a video is cut off or damaged. With ``loop`` only if not one
                picture can be read.
        """
        picture = next(self._pictures, None)
        if picture is None:
            return None
        if self._wait_until_due():
            return None
        frame = frame_now(picture[0], self._next_frame_id, self.source, view=picture[1])
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

        A reader that was late for a moment catches up little by little: pictures are never read in a burst.
        """
        now_s = time.monotonic()
        if self._due_s is None:
            self._due_s = now_s
        due_s = max(self._due_s, now_s - max(_MAX_LATE_S, self._interval_s))
        read_s = max(now_s, due_s, self._read_s + self._interval_s / _CATCH_UP)
        # Waiting for no time costs a lock and a switch between threads.
        stopped = self._stop.wait(read_s - now_s) if read_s > now_s else self._stop.is_set()
        self._due_s, self._read_s = due_s + self._interval_s, read_s
        self.patience_s = _MAX_LATE_S - (read_s - due_s)
        return stopped

    def _iter_passes(self) -> Generator[_Picture, None, None]:
        while True:
            read_before = self._read
            yield from self._iter_files()
            if self._incomplete and (not self._config.loop or self._read == read_before):
                text, *others = self._incomplete.values()
                raise CameraError(text + (f" (and {len(others)} more files)" if others else ""))
            if self._read == read_before:
                causes = [f" ({text})" for text in self._unread.values()]
                raise CameraError(f"{self.source}: not one picture in it can be read{''.join(causes[:1])}")
            if not self._config.loop:
                return

    def _iter_files(self) -> Generator[_Picture, None, None]:
        """Yield the pictures of every file; after one that is cut off or damaged the next file comes."""
        for path in self.found.files:
            try:
                for picture in self._iter_file(path):
                    self._read += 1
                    yield picture
            except UnreadablePictureError as err:
                self._skip(str(path), err)
            except CameraError as err:
                if path in self._incomplete:  # told in an earlier pass
                    continue
                self._incomplete[path] = str(err)
                if self._config.loop or len(self.found.files) > 1:  # else it is raised now
                    _log.warning("%s", err)

    def _iter_file(self, path: Path) -> Generator[_Picture, None, None]:
        if media_kind(path) is not MediaKind.VIDEO:
            self._set_pace(None)
            for page in list_pages(read_content(path), str(path)):
                try:
                    yield page.decode(), page.view()
                except UnreadablePictureError as err:
                    self._skip(page.where, err)
            return
        video, self._opened = self._opened or VideoFile(path), None
        try:
            self._set_pace(video.fps)
            yield from ((pixels, None) for pixels in video)
        finally:
            video.close()

    def _skip(self, where: str, err: UnreadablePictureError) -> None:
        if where not in self._unread:  # else it was told in an earlier pass
            self._unread[where] = str(err)
            _log.warning("%s; skipped", err)

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


def _find_files(path: Path) -> MediaFiles:
    """Return the files that will be read, and log those that are left out."""
    found = list_media(path)
    for sentence in found.describe():
        _log.warning("%s", sentence)
    if not found.files:
        left_out = len(found.left_out) + len(found.unread)
        raise CameraError(f"{path}: no pictures in it and no videos; {left_out} other files are left out")
    return found
