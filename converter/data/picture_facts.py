"""Read a picture's EXIF data: how it is turned to be shown, which camera took it, and when."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAKE, _MODEL, _ORIENTATION, _CHANGED_AT = 0x010F, 0x0110, 0x0112, 0x0132
_EXIF_PART, _TAKEN_AT = 0x8769, 0x9003
UPRIGHT = 1
_TRANSPOSING = 5  # from this value on, width and height change places


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """What EXIF data say of a picture.

    Attributes:
        orientation: 1 to 8, as EXIF numbers them; 1: shown as it is stored.
        camera: make and model; empty where they are not told.
        taken_at: by the camera's clock, or None.
    """

    orientation: int = UPRIGHT
    camera: str = ""
    taken_at: datetime | None = None

    def stored_size(self, shown: tuple[int, ...]) -> tuple[int, int]:
        """Return height and width as stored, of a picture that is shown in this shape."""
        return (shown[1], shown[0]) if self.orientation >= _TRANSPOSING else (shown[0], shown[1])


def read_facts(content: bytes, shown: NDArray[np.uint8]) -> PictureFacts:
    """Read the facts of a picture file.

    Args:
        content: the file.
        shown: the picture as it is decoded; a decoder that does not turn it makes it upright.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as picture:
            exif = picture.getexif()
            told = exif.get_ifd(_EXIF_PART)
    except Exception:  # noqa: BLE001  # the decoder read the picture; damaged EXIF data tell nothing
        return PictureFacts()
    words = (str(exif.get(tag) or "").strip(" \0") for tag in (_MAKE, _MODEL))
    return PictureFacts(
        orientation=_read_orientation(exif.get(_ORIENTATION), content, shown),
        camera=" ".join(filter(None, words)),
        taken_at=_read_time(told.get(_TAKEN_AT) or exif.get(_CHANGED_AT)),
    )


def turn_to_shown(stored: NDArray[np.generic], orientation: int) -> NDArray[np.generic]:
    """Return a picture or mask ``(height, width, ...)`` turned from how it is stored to how it is shown."""
    across = stored.swapaxes(0, 1)  # the transpose
    turned = {
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        4: stored[::-1],
        5: across,
        6: across[:, ::-1],
        7: across[::-1, ::-1],
        8: across[::-1],
    }
    found: NDArray[np.generic] = turned.get(orientation, stored)
    return found


def turn_to_stored(shown: NDArray[np.generic], orientation: int) -> NDArray[np.generic]:
    """Return the inverse of ``turn_to_shown``."""
    return turn_to_shown(shown, {6: 8, 8: 6}.get(orientation, orientation))


def _read_orientation(value: object, content: bytes, shown: NDArray[np.uint8]) -> int:
    """Return the orientation, 1 where the decoder of all our pictures does not heed it."""
    if not isinstance(value, int) or not UPRIGHT < value <= 8:
        return UPRIGHT
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    stored = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    if stored is None or (stored.shape == shown.shape and np.array_equal(stored, shown)):
        return UPRIGHT
    return value


def _read_time(value: object) -> datetime | None:
    try:
        return datetime.strptime(str(value).strip(" \0")[:19], "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007  # no zone
    except ValueError:
        return None
