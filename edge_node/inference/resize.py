"""Resize a picture to the model's input, by the rule with which its graph was trained. Pure.

TensorFlow 1's bilinear resize is implemented here because OpenCV's has other pixel centres; a test pins that
the same pictures give the same probabilities as in a TensorFlow session.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge_node.inference.manifest import Resize
from edge_node.inference.resize_shortcuts import ProvedResize, make_area_shortcut, make_remap_shortcut
from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from numpy.typing import NDArray


def resize(
    pixels: NDArray[np.uint8], height: int, width: int, rule: Resize, *, real: bool = False
) -> NDArray[Any]:
    """Resize the picture to ``(height, width, 3)`` by ``rule``; channel order stays.

    With ``real`` and ``BILINEAR_TF1`` the result is float32 with its fractions; otherwise uint8, rounded.
    """
    if real and rule is Resize.BILINEAR_TF1:
        return _resize_bilinear_tf1(pixels, height, width)
    if pixels.shape[:2] == (height, width):
        return pixels
    return _resize_to(pixels.shape[0], pixels.shape[1], height, width, rule)(pixels)


@lru_cache(maxsize=8)  # one per camera size and model; a folder of mixed pictures makes more, briefly
def _resize_to(source_height: int, source_width: int, height: int, width: int, rule: Resize) -> ProvedResize:
    """Return what resizes pictures of one size to one size, to bytes."""
    source, target = (source_height, source_width), (height, width)
    if rule is Resize.BILINEAR_TF1:
        return ProvedResize(
            source,
            lambda pixels: np.rint(_resize_bilinear_tf1(pixels, height, width)).astype(np.uint8),
            make_remap_shortcut(
                _source_positions(source_height, height), _source_positions(source_width, width)
            ),
        )
    # When enlarging, OpenCV's INTER_AREA repeats pixels as blocks.
    is_area = rule is Resize.AREA and height * width < source_height * source_width
    interpolation = cv2.INTER_AREA if is_area else cv2.INTER_LINEAR
    return ProvedResize(
        source,
        lambda pixels: np.asarray(cv2.resize(pixels, (width, height), interpolation=interpolation), np.uint8),
        make_area_shortcut(source, target) if is_area else None,
    )


def _resize_bilinear_tf1(pixels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.float32]:
    """Resize bilinearly with source = target * (source size / target size), without half-pixel centres.

    Source: tf.compat.v1.image.resize_bilinear, align_corners=False, half_pixel_centers=False.
    """
    if pixels.shape[:2] == (height, width):
        return pixels.astype(np.float32)
    corners = _make_corners(pixels.shape[0], pixels.shape[1], height, width)
    flat = np.ascontiguousarray(pixels).reshape(-1, 3)
    # Only the four source pixels of each target pixel are read: a large frame costs no more than a small one.
    top = _blend(flat, corners.top_left, corners.top_right, corners.across)
    bottom = _blend(flat, corners.bottom_left, corners.bottom_right, corners.across)
    bottom -= top
    bottom *= corners.down
    top += bottom
    return top.reshape(height, width, 3)


def _blend(
    flat: NDArray[np.uint8], lower: NDArray[np.intp], upper: NDArray[np.intp], weight: NDArray[np.float32]
) -> NDArray[np.float32]:
    start = np.take(flat, lower, axis=0).astype(np.float32)
    step: NDArray[np.float32] = np.take(flat, upper, axis=0) - start
    step *= weight
    start += step
    return start


class _Corners(PlainStruct, frozen=True):
    """The flat indices of each target pixel's four source pixels, and the weights between them.

    Indices are ``(height * width,)``; weights are ``(height * width, 3)``, repeated for the channels, so that
    no operation broadcasts.
    """

    top_left: NDArray[np.intp]
    top_right: NDArray[np.intp]
    bottom_left: NDArray[np.intp]
    bottom_right: NDArray[np.intp]
    across: NDArray[np.float32]
    down: NDArray[np.float32]


@lru_cache(maxsize=8)
def _make_corners(source_height: int, source_width: int, height: int, width: int) -> _Corners:
    top, bottom, down = _source_lines(source_height, height)
    left, right, across = _source_lines(source_width, width)
    top, bottom = top[:, np.newaxis] * source_width, bottom[:, np.newaxis] * source_width
    shape = (height, width, 3)
    return _Corners(
        (top + left).ravel(),
        (top + right).ravel(),
        (bottom + left).ravel(),
        (bottom + right).ravel(),
        np.broadcast_to(across[:, np.newaxis], shape).reshape(-1, 3),
        np.broadcast_to(down[:, np.newaxis, np.newaxis], shape).reshape(-1, 3),
    )


def _source_lines(source: int, target: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """Return for each target line its lower and upper source line and the weight of the upper one."""
    at = _source_positions(source, target)
    lower = np.floor(at).astype(np.intp)
    return lower, np.minimum(lower + 1, source - 1), (at - lower).astype(np.float32)


def _source_positions(source: int, target: int) -> NDArray[np.float32]:
    """Return where each target line lies in the source, in lines."""
    return np.asarray(np.arange(target, dtype=np.float32) * np.float32(source / target))
