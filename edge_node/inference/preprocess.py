"""Resize, scale and quantize a frame to the model's input tensor, as the graph was trained. Pure."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge_node.inference.quantization import Quantization, quantize
from edge_node.inference.resize import resize

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
