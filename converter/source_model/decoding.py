"""Decode picture files with TensorFlow, and measure how its ways to decode differ."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from converter.source_model.feed import Feed, resize_pixels
from converter.source_model.request import DecodedPicture, SourcePicture
from converter.tensorflow_import import tensorflow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_JPEG_START = b"\xff\xd8"
_FAST_MEASURED = 8  # pictures that are decoded both ways


def decode(content: bytes, *, fast: bool = False) -> NDArray[np.uint8]:
    """Return a picture file's pixels, uint8 ``(height, width, 3)``, red first.

    TensorFlow's own default for JPEG (``fast``) rounds coarsely; without it the inverse DCT is exact.
    """
    tf = tensorflow()
    if content.startswith(_JPEG_START):
        method = "INTEGER_FAST" if fast else "INTEGER_ACCURATE"
        return np.asarray(tf.io.decode_jpeg(content, channels=3, dct_method=method).numpy())
    return np.asarray(tf.io.decode_image(content, channels=3, expand_animations=False).numpy())


def hash_pixels(pixels: NDArray[np.uint8]) -> str:
    """Return what tells two pictures' pixels apart: the hash of their size and bytes."""
    height, width = pixels.shape[:2]
    return hashlib.sha256(b"%d %d " % (height, width) + np.ascontiguousarray(pixels).tobytes()).hexdigest()


class Pictures:
    """The pictures of a request, decoded and resized once for each size and rule."""

    def __init__(self, pictures: Sequence[SourcePicture], work: Path) -> None:
        """Keep the files' paths; ``work`` is the folder for pixels that are not the node's."""
        self._pictures, self._work = pictures, work
        self._resized: dict[tuple[int, int, int, str, bool], NDArray[np.float32]] = {}

    def compare_decoders(self, count: int) -> tuple[DecodedPicture, ...]:
        """Decode the first pictures; keep the pixels of those that the node decodes otherwise."""
        return tuple(self._compare(at) for at in range(count))

    def decoded(self, at: int, *, fast: bool = False) -> NDArray[np.uint8]:
        """Return one picture's pixels."""
        return decode(Path(self._pictures[at].path).read_bytes(), fast=fast)

    def resized(self, at: int, feed: Feed) -> NDArray[np.float32]:
        """Return one picture at a feed's size."""
        key = (at, feed.height, feed.width, feed.resize, feed.is_resized_to_bytes)
        if key not in self._resized:
            self._resized[key] = resize_pixels(self.decoded(at), feed)
        return self._resized[key]

    def _compare(self, at: int) -> DecodedPicture:
        picture = self._pictures[at]
        try:
            content = Path(picture.path).read_bytes()
            pixels = decode(content)
        except Exception as err:  # noqa: BLE001 - TensorFlow has many errors for a file that it does not decode
            return DecodedPicture(unread=str(err).strip().partition("\n")[0][:200] or type(err).__name__)
        name = ""
        if hash_pixels(pixels) != picture.sha256:
            name = f"pixels-{at}.npy"
            np.save(self._work / name, pixels)
        if at >= _FAST_MEASURED or not content.startswith(_JPEG_START):
            return DecodedPicture(pixels=name)
        off = np.abs(decode(content, fast=True).astype(np.int16) - pixels)
        return DecodedPicture(pixels=name, worst_levels=float(off.max()), mean_levels=float(off.mean()))
