"""Read a folder of pictures, one picture or a video as if it were a camera; recordings end."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_node.camera.backends.ffmpeg import open_with_ffmpeg
from edge_node.camera.frame import Frame, frame_now
from edge_node.camera.picture import PICTURE_SUFFIXES, read_picture
from edge_node.errors import CameraError, UnreadablePictureError

if TYPE_CHECKING:
    import threading
    from collections.abc import Generator, Iterator

    from numpy.typing import NDArray

    from edge_node.config.sections import CameraConfig

DEFAULT_FPS = 10.0  # of a folder: pictures have no frame rate
MAX_VIDEO_FPS = 1000.0  # a header that declares more is damaged
# A variable frame rate makes the declared length of a file wrong by a few percent.
MIN_SHARE_OF_PROMISED = 0.95
VIDEO_TIMEOUT_MS = 30_000  # a file on a sleeping disk or a slow network share

_log = logging.getLogger(__name__)


class Recording:
    """Read a folder, a picture or a video as a camera; satisfies ``Camera``.

    Attributes:
        source: the path as the operator wrote it.
        skipped: pictures that could not be read.
    """

    live = False

    def __init__(self, config: CameraConfig, *, stop: threading.Event, first_frame_id: int = 0) -> None:
        """Check the recording; pictures are read one by one later.

        Raises:
            CameraError: it does not exist, holds no pictures, or is no video.
        """
        self.source = config.source
        self.skipped = 0
        self._path = Path(config.source)
        self._stop = stop
        self._next_frame_id = first_frame_id
        self._loop = config.loop
        self._is_video = not self._path.is_dir() and self._path.suffix.lower() not in PICTURE_SUFFIXES
        fps = config.fps or (video_fps(self._path) if self._is_video else DEFAULT_FPS)
        self._interval_s = 0.0 if config.pace == "fast" else 1.0 / fps
        self._due_s = time.monotonic()
        self._pictures = self._iter_pictures()
        self._read_in_pass = 0
        if not self._is_video:
            _picture_files(self._path)

    def read(self) -> Frame | None:
        """Return the next picture when it is due, or None at the end or when stopped."""
        pixels = next(self._pictures, None)
        while pixels is None:
            if not self._loop:
                return None
            if not self._read_in_pass:
                raise CameraError(f"{self.source}: not one picture in it can be read")
            self._read_in_pass = 0
            self._pictures = self._iter_pictures()
            pixels = next(self._pictures, None)
        self._read_in_pass += 1
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

    def _wait_until_due(self) -> bool:
        """Wait for the next picture's time; True when stopped meanwhile.

        A reader that was late does not catch up: pictures are never read in a burst.
        """
        now_s = time.monotonic()
        self._due_s = max(self._due_s, now_s - self._interval_s)
        stopped = self._stop.wait(max(0.0, self._due_s - now_s))
        self._due_s += self._interval_s
        return stopped

    def _iter_pictures(self) -> Generator[NDArray[np.uint8], None, None]:
        if self._is_video:
            yield from iter_video(self._path)
            return
        for path in _picture_files(self._path):
            try:
                yield read_picture(path)
            except UnreadablePictureError as err:
                self.skipped += 1
                _log.warning("%s; skipped", err)


def iter_video(path: Path) -> Iterator[NDArray[np.uint8]]:
    """Yield every picture of a video, uint8 ``(height, width, 3)``, channels blue, green, red.

    Raises:
        CameraError: it does not exist, or not one picture can be decoded; also behind the last picture, if
            the file declares a greater length.
    """
    video = _open_video(path)
    try:
        fps = video.get(cv2.CAP_PROP_FPS)
        # Files count pictures or fields; count divided by rate is the length in either case.
        promised_s = video.get(cv2.CAP_PROP_FRAME_COUNT) / fps if fps > 0 else 0.0
        read_s = 0.0
        count = 0
        while True:
            ok, pixels = video.read()
            if not ok or pixels is None:
                break
            count += 1
            read_s = video.get(cv2.CAP_PROP_POS_MSEC) / 1000
            yield np.asarray(pixels, dtype=np.uint8)
        if not count:
            raise CameraError(f"{path}: no video: not one picture can be decoded")
        if fps > 0 and read_s < MIN_SHARE_OF_PROMISED * promised_s - 2 / fps:
            raise CameraError(
                f"{path}: ends after {read_s:.1f} of {promised_s:.1f} s: cut off, or damaged; copy it again"
            )
    finally:
        video.release()


def video_fps(path: Path) -> float:
    """Return the frame rate that the video declares, or the default where it is not credible.

    Raises:
        CameraError: it does not exist or is no video.
    """
    video = _open_video(path)
    try:
        fps = float(video.get(cv2.CAP_PROP_FPS))
    finally:
        video.release()
    return fps if 0 < fps <= MAX_VIDEO_FPS else DEFAULT_FPS


def _open_video(path: Path) -> cv2.VideoCapture:
    if not path.is_file():
        raise CameraError(f"{path}: no such file or folder; wanted a video, a picture or a folder of them")
    # FFmpeg cannot take an absolute path for a URL with a scheme.
    return open_with_ffmpeg(str(path.resolve()), str(path), timeout_ms=VIDEO_TIMEOUT_MS, network=False)


def _picture_files(path: Path) -> list[Path]:
    """Return the pictures of a folder sorted by name, or the one picture that ``path`` is."""
    if not path.is_dir():
        if not path.is_file():
            raise CameraError(
                f"{path}: no such file or folder; wanted a video, a picture or a folder of them"
            )
        return [path]
    try:
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in PICTURE_SUFFIXES)
    except OSError as err:
        raise CameraError(f"{path}: {err.strerror or err}") from err
    if not files:
        raise CameraError(f"{path}: no pictures in it; wanted files {' '.join(sorted(PICTURE_SUFFIXES))}")
    return files
