"""Read every picture of a video file, and tell behind the last one what is missing."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_node.camera.backends.ffmpeg import open_with_ffmpeg
from edge_node.camera.backends.motion_jpeg import FPS, is_motion_jpeg, iter_motion_jpeg
from edge_node.camera.backends.video_end import find_cut, lists_pictures
from edge_node.camera.full_scale import uses_scale
from edge_node.errors import CameraError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

MAX_VIDEO_FPS = 1000.0  # a header that declares more is damaged
VIDEO_TIMEOUT_MS = 30_000  # a file on a sleeping disk or a slow network share
# A read that fails is one damaged packet, or the end: only further reads tell. Each takes some 30 us.
_MIN_FAILED_READS, _MAX_FAILED_READS = 100, 3000
# FFmpeg's names of formats with 16 bits a value, in either order of bytes. Those of 10 and 12 bits it scales.
_SIXTEEN_BITS = re.compile(
    rb"[YG][1-4]\0\x10|\x10\0[1-4][YG]|(?:RGB|BGR)0|0(?:RGB|BGR)|(?:RBA|BRA)@|@(?:ABR|ARB)", re.DOTALL
)
_STILL_WRITTEN_S = 2.0  # recorders write more often


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
        self._size_when_opened = path.stat().st_size
        self._capture: cv2.VideoCapture | None = None
        self.fps: float | None = FPS
        if is_motion_jpeg(path):
            return
        cut, self._lists_pictures = find_cut(path), lists_pictures(path)
        try:
            # FFmpeg cannot take an absolute path for a URL with a scheme.
            address = str(path.resolve())
            self._capture = open_with_ffmpeg(
                address,
                str(path),
                timeout_ms=VIDEO_TIMEOUT_MS,
                # FFmpeg would complete the last picture. Elsewhere than in AVI it takes whole ones with it.
                skip_partial=cut is not None and self._lists_pictures,
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
            CameraError: not one can be decoded, or their full scale is not known; also behind the last, if
                the file is cut off, or if some could not be decoded.
        """
        count = damaged = failed = 0
        for pixels in self._read():
            if pixels is None:
                failed += 1
                continue
            # Pictures before the first may build on what lay before the beginning of the file.
            damaged += failed if count or self._capture is None else 0
            failed = 0
            if not count:
                self._check_scale(pixels)
            count += 1
            yield pixels
        self._tell(count, damaged, failed)

    def _read(self) -> Iterator[NDArray[np.uint8] | None]:
        if self._capture is None:
            return iter_motion_jpeg(self._path)
        return _iter_capture(self._capture, self._path)

    def _check_scale(self, first: NDArray[np.uint8]) -> None:
        """Raise if the values may be a camera's 10 to 14 bits in 16: all pictures would look dark."""
        if self._capture is None or uses_scale(first):
            return
        pixel_format = int(self._capture.get(cv2.CAP_PROP_CODEC_PIXEL_FORMAT)) & 0xFFFFFFFF
        if _SIXTEEN_BITS.fullmatch(pixel_format.to_bytes(4, "little")):
            raise CameraError(
                f"{self._path}: 16-bit values, and the first picture is below a quarter of white: dark, or a"
                " camera's 10 to 14 bits in 16; record it in the camera's own bits, or in 8"
            )

    def _tell(self, count: int, damaged: int, failed: int) -> None:
        """Raise if the file lacks something, after ``count`` pictures and ``failed`` failed reads."""
        listed = self._count_listed()
        all_read = 0 < listed <= count
        # Now: the file may have grown while it was read. Where all is read, zeros at its end are silence.
        cut = find_cut(self._path, every_picture=not all_read, zeros_matter=not all_read)
        if self._is_growing():
            cut = cut or "it grew while it was read"
        if self._capture is None and failed:
            cut = cut or "its last picture has no end"
        if not count:
            why = f"{_CUT_OFF}: {cut}" if cut else f"{self._describe_codec()}no video that OpenCV can decode"
            raise CameraError(f"{self._path}: {why}; not one picture was read")
        read = f"{count} of {listed} pictures were" if listed > count else f"{count} pictures were"
        if cut:
            raise CameraError(f"{self._path}: {_CUT_OFF}: {cut}; {read} read; copy it again")
        if damaged:
            raise CameraError(
                f"{self._path}: damaged: {damaged} pictures cannot be decoded; {count} pictures were read"
            )
        if (held := _count_gif(self._path)) > count:
            raise CameraError(
                f"{self._path}: {count} of {held} pictures were read: FFmpeg gives one of an animation"
                " without delays; save its pictures as files of their own"
            )

    def _is_growing(self) -> bool:
        """Tell whether the file has become longer since it was opened, and just now."""
        found = self._path.stat()
        has_grown = found.st_size != self._size_when_opened
        return has_grown and abs(time.time() - found.st_mtime) < _STILL_WRITTEN_S

    def _count_listed(self) -> int:
        """Return how many pictures the container lists for its video track; 0 where it lists none."""
        if self._capture is None or not self._lists_pictures:
            return 0
        return max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))

    def _describe_codec(self) -> str:
        code = int(self._capture.get(cv2.CAP_PROP_FOURCC)) if self._capture is not None else 0
        name = code.to_bytes(4, "little", signed=code < 0)
        return f"codec {name.decode('ascii')}: " if name.isalnum() and name.isascii() else ""


def _count_gif(path: Path) -> int:
    """Return how many pictures a GIF holds by OpenCV's own reader, where that has one; 0 for other files."""
    with path.open("rb") as file:
        is_gif = file.read(4) == b"GIF8"
    return int(cv2.imcount(str(path.resolve()))) if is_gif and cv2.haveImageReader(str(path.resolve())) else 0


_CUT_OFF = "cut off, damaged or still being written"


def _iter_capture(capture: cv2.VideoCapture, path: Path) -> Iterator[NDArray[np.uint8] | None]:
    """Yield each picture, or None for a read that failed; end when so many fail that it must be the end."""
    # Too many or none in some files: it only bounds a search.
    promised = capture.get(cv2.CAP_PROP_FRAME_COUNT)
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
