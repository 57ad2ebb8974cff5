"""Bring pixel values to 8 bits by their own full scale, or refuse where it is not known.

A camera of 10, 12 or 14 bits often saves its values unchanged in a file of 16 bits. Read by the file's
16 bits the picture is almost black, and a model calls it clean metal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_node.errors import UnreadablePictureError
from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Cameras of up to 14 bits leave the upper three quarters of 16 bits unused. A picture of 16 bits that does so
# is below a quarter of white nearly everywhere, which the default ``[inspect] dark_below`` refuses as well.
_LEAST_SHARE_USED = 0.05  # of the pixels, as in ``dark_below``: a light or a written time fills no scale
# Defective pixels and a time that the camera wrote into the picture are brighter than all the rest.
_SHARE_OF_OUTLIERS = 0.001
_CAMERA_BITS = (8, 10, 12, 14)


class ValueRange(PlainStruct, frozen=True):
    """What a picture's header says of its values.

    Attributes:
        container: the largest value that the decoded type could hold: 255 or 65535.
        white: the value of white that the header declares; None: it declares none but ``container``.
        significant_bits: of the camera that took it, by PNG's sBIT; the values may or may not be shifted up.
        is_inverted: 0 is white: TIFF's MinIsWhite.
    """

    container: int = 0xFFFF
    white: int | None = None
    significant_bits: int | None = None
    is_inverted: bool = False


def to_eight_bits(values: NDArray[np.uint16 | np.uint8], found: ValueRange, where: str) -> NDArray[np.uint8]:
    """Return ``values`` scaled so that white is 255.

    Raises:
        UnreadablePictureError: the full scale is not known, or the header contradicts the values; the text
            begins with ``where``.
    """
    white = _find_white(values, found, where)
    if found.is_inverted:
        values = white - np.minimum(values, white)
    return scale_to_eight_bits(values, white)


def scale_to_eight_bits(values: NDArray[np.uint16 | np.uint8], white: int) -> NDArray[np.uint8]:
    """Return ``values`` scaled from 0 to ``white`` to 0 to 255; brighter ones become 255."""
    if white == 0xFFFF:
        return np.asarray(values >> 8, dtype=np.uint8)
    return np.asarray(cv2.convertScaleAbs(values, alpha=255.0 / white), dtype=np.uint8)


def uses_scale(values: NDArray[np.uint16 | np.uint8]) -> bool:
    """Return whether more than a few pixels have a value above a quarter of the largest that can be."""
    is_bright = values > np.iinfo(values.dtype).max // 4
    share = np.mean(is_bright.any(axis=2) if values.ndim == 3 else is_bright)
    return float(share) > _LEAST_SHARE_USED


def _find_white(values: NDArray[np.uint16 | np.uint8], found: ValueRange, where: str) -> int:
    if found.significant_bits is not None:
        white = _white_by_significant_bits(values, found.significant_bits, found.container, where)
        if white is not None:
            return white
    elif found.white is not None:
        return _white_as_declared(values, found.white, where)
    if found.container == 0xFFFF and not uses_scale(values):
        raise UnreadablePictureError(f"{where}: {_describe_low_values(values)}")
    return found.container


def _white_by_significant_bits(
    values: NDArray[np.uint16 | np.uint8], bits: int, container: int, where: str
) -> int | None:
    """Return white by PNG's sBIT, or None where it says nothing about the scale.

    The specification wants the values shifted up, with their upper bits or zeros below; cameras' software
    also writes them unshifted.
    """
    white, spare_bits = (1 << bits) - 1, container.bit_length() - bits
    lower = values & ((1 << spare_bits) - 1)
    upper = values >> spare_bits
    replicated = upper >> (bits - spare_bits) if bits >= spare_bits else lower
    is_shifted = bool(np.all((lower == 0) | (lower == replicated)))
    fits = _share_above(values, white) <= _SHARE_OF_OUTLIERS
    if fits and is_shifted:
        raise UnreadablePictureError(
            f"{where}: sBIT says {bits} bits, but not whether the largest value {int(values.max())} is of"
            f" {white} or of {container}; save the picture with 8 bits"
        )
    if fits:
        return white
    return container if is_shifted else None


def _white_as_declared(values: NDArray[np.uint16 | np.uint8], white: int, where: str) -> int:
    if _share_above(values, white) > _SHARE_OF_OUTLIERS:
        raise UnreadablePictureError(
            f"{where}: the header says that white is {white}, but the largest value is {int(values.max())};"
            " save the picture with its true full scale, or with 8 bits"
        )
    return white


def _share_above(values: NDArray[np.uint16 | np.uint8], level: int) -> float:
    return float(np.count_nonzero(values > level)) / max(values.size, 1)


def _describe_low_values(values: NDArray[np.uint16 | np.uint8]) -> str:
    usual = int(np.quantile(values[::4, ::4], 1 - _LEAST_SHARE_USED))
    bits = next((bits for bits in _CAMERA_BITS if usual < 1 << bits), 14)
    return (
        f"16-bit values, the largest {int(values.max())} of 65535: a dark picture, or {bits}-bit values in 16"
        f" bits; multiply them by {1 << (16 - bits)}, or state the full scale (TIFF:"
        f" MaxSampleValue {(1 << bits) - 1}, PNG: sBIT {bits}), or save 8 bits"
    )
