"""Read every picture of a video file, and tell behind the last one what is missing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_node.camera.backends.ffmpeg import open_with_ffmpeg
from edge_node.camera.backends.motion_jpeg import FPS, is_motion_jpeg, iter_motion_jpeg
from edge_node.camera.video_end import find_cut, lists_pictures
from edge_node.errors import CameraError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

MAX_VIDEO_FPS = 1000.0  # a header that declares more is damaged
VIDEO_TIMEOUT_MS = 30_000  # a file on a sleeping disk or a slow network share
# A read that fails is one damaged packet, or the end: only further reads tell. Each takes some 30 us.
_MIN_FAILED_READS, _MAX_FAILED_READS = 100, 3000


class VideoFile:
    """Read the pictures of one video file, once.

    Attributes:
        fps: the frame rate that it declares, None where that is not credible.
    """

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            CameraError: it does not exist, is no video, or is cut off before anything can be decoded.
        """
        if not path.is_file():
            raise CameraError(f"{path}: no such file; wanted a video")
        self._path = path
        self._capture: cv2.VideoCapture | None = None
        self.fps: float | None = FPS
        if is_motion_jpeg(path):
            return
        cut = find_cut(path)
        try:
            # FFmpeg cannot take an absolute path for a URL with a scheme.
            address = str(path.resolve())
            self._capture = open_with_ffmpeg(
                address,
                str(path),
                timeout_ms=VIDEO_TIMEOUT_MS,
                network=False,
                # FFmpeg would complete the last picture. Elsewhere than in AVI it takes whole ones with it.
                skip_partial=cut is not None and lists_pictures(path),
            )
        except CameraError as err:
            if cut is None:
                raise
            raise CameraError(f"{path}: {_CUT_OFF}: {cut}; no picture of it can be decoded") from err
        fps = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.fps = fps if 0 < fps <= MAX_VIDEO_FPS else None

    def close(self) -> None:
        """Release the file."""
        if self._capture is not None:
            self._capture.release()

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        """Yield every picture, uint8 ``(height, width, 3)``, channels blue, green, red.

        Raises:
            CameraError: not one can be decoded; also behind the last, if the file is cut off, or if some
                could not be decoded.
        """
        count = damaged = failed = 0
        for pixels in self._read():
            if pixels is None:
                failed += 1
                continue
            # Pictures before the first may build on what lay before the beginning of the file.
            damaged += failed if count or self._capture is None else 0
            failed = 0
            count += 1
            yield pixels
        self._tell(count, damaged, failed)

    def _read(self) -> Iterator[NDArray[np.uint8] | None]:
        if self._capture is None:
            return iter_motion_jpeg(self._path)
        return _iter_capture(self._capture, self._path)

    def _tell(self, count: int, damaged: int, failed: int) -> None:
        """Raise if the file lacks something, after ``count`` pictures and ``failed`` failed reads."""
        cut = find_cut(self._path)  # now: the file may have grown while it was read
        if self._capture is None and failed:
            cut = cut or "its last picture has no end"
        if not count:
            why = f"{_CUT_OFF}: {cut}" if cut else "no video"
            raise CameraError(f"{self._path}: {why}; not one picture can be decoded")
        read = f"{count} pictures were read; copy it again"
        if cut:
            listed = self._capture.get(cv2.CAP_PROP_FRAME_COUNT) if self._capture is not None else 0
            if listed > count and lists_pictures(self._path):
                read = f"{count} of {listed:.0f} pictures were read; copy it again"
            raise CameraError(f"{self._path}: {_CUT_OFF}: {cut}; {read}")
        if damaged:
            raise CameraError(f"{self._path}: damaged: {damaged} pictures cannot be decoded; {read}")


_CUT_OFF = "cut off, or still being written"


def _iter_capture(capture: cv2.VideoCapture, path: Path) -> Iterator[NDArray[np.uint8] | None]:
    """Yield each picture, or None for a read that failed; end when so many fail that it must be the end."""
    promised = capture.get(
        cv2.CAP_PROP_FRAME_COUNT
    )  # too many or none in some files: it only bounds a search
    reads = failed_in_row = 0
    while failed_in_row < min(max(promised - reads, _MIN_FAILED_READS), _MAX_FAILED_READS):
        started_s = time.monotonic()
        ok, pixels = capture.read()
        reads += 1
        if ok and pixels is not None:
            failed_in_row = 0
            yield np.asarray(pixels, dtype=np.uint8)
            continue
        if time.monotonic() - started_s >= VIDEO_TIMEOUT_MS / 1000:
            raise CameraError(
                f"{path}: gives nothing for {VIDEO_TIMEOUT_MS} ms; is its disk or network there?"
            )
        failed_in_row += 1
        yield None
