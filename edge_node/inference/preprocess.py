"""Resize, scale and quantize a frame to the model's input tensor, as the graph was trained. Pure.

TensorFlow 1's bilinear resize is implemented here because OpenCV's has other pixel centres; a test pins that
the same pictures give the same probabilities as in a TensorFlow session.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge_node.inference.manifest import Resize
from edge_node.inference.quantization import Quantization, quantize

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_node.inference.manifest import InputTensor


def input_tensor(pixels: NDArray[np.uint8], spec: InputTensor) -> NDArray[np.generic]:
    """Return the model's input tensor for a picture.

    Args:
        pixels: uint8 ``(height, width, 3)``, blue, green, red.
        spec: the model's input, from the manifest.

    Returns:
        ``spec.dtype`` of shape ``spec.shape``.
    """
    _, height, width, _ = spec.shape
    resized = resize(pixels, height, width, spec.resize, real=spec.dtype == "float32")
    if spec.dtype == "float32":
        ordered = resized[..., ::-1] if spec.colour_order == "RGB" else resized
        real = (ordered - np.asarray(spec.mean, np.float32)) / np.asarray(spec.std, np.float32)
        return np.ascontiguousarray(real, dtype=np.float32)[np.newaxis]
    if spec.colour_order == "RGB":
        resized = cv2.cvtColor(resized, cv2.COLOR_BGR2RGB)
    table = _quantization_table(spec)
    return (resized if table is None else cv2.LUT(resized, table))[np.newaxis]


def resize(
    pixels: NDArray[np.uint8], height: int, width: int, rule: Resize, *, real: bool = False
) -> NDArray[Any]:
    """Resize the picture to ``(height, width, 3)`` by ``rule``; channel order stays.

    With ``real`` and ``BILINEAR_TF1`` the result is float32 with its fractions; otherwise uint8, rounded.
    """
    if rule is Resize.BILINEAR_TF1:
        exact = _resize_bilinear_tf1(pixels, height, width)
        return exact if real else np.rint(exact).astype(np.uint8)
    if pixels.shape[:2] == (height, width):
        return pixels
    # When enlarging, OpenCV's INTER_AREA repeats pixels as blocks.
    shrinks = height * width < pixels.shape[0] * pixels.shape[1]
    interpolation = cv2.INTER_AREA if rule is Resize.AREA and shrinks else cv2.INTER_LINEAR
    return cv2.resize(pixels, (width, height), interpolation=interpolation)


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


@dataclass(frozen=True, slots=True)
class _Corners:
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


@lru_cache(maxsize=8)  # one per camera size and model; a folder of mixed pictures makes more, briefly
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
    at = np.arange(target, dtype=np.float32) * np.float32(source / target)
    lower = np.floor(at).astype(np.intp)
    return lower, np.minimum(lower + 1, source - 1), (at - lower).astype(np.float32)


@lru_cache(maxsize=64)
def _quantization_table(spec: InputTensor) -> NDArray[Any] | None:
    """Return the quantized integer of each pixel value, ``(256, 1, 3)``; None if it is the pixel itself."""
    values: NDArray[Any] = np.arange(256, dtype=np.float32).reshape(256, 1, 1)
    real = (values - np.asarray(spec.mean)) / np.asarray(spec.std)
    table = quantize(real.astype(np.float32), Quantization(spec.scale, spec.zero_point), spec.dtype)
    # A zero point halfway between two integers costs half a step in any rounding. Passing the bytes through
    # shifts all alike; rounding half to even would merge every second byte with its neighbour.
    lowest = np.iinfo(spec.dtype).min
    if np.abs(table.astype(np.int16) - values.astype(np.int16) - lowest).max() > 1:
        return table
    return None if lowest == 0 else np.broadcast_to((values + lowest).astype(spec.dtype), (256, 1, 3)).copy()
