"""Convert between real numbers and the integers of a quantized model: ``real = scale * (q - zero_point)``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Quantization(PlainStruct, frozen=True):
    """Per-tensor quantization parameters; a ``scale`` of 0 means that the tensor is not quantized."""

    scale: float
    zero_point: int


def dequantize(tensor: NDArray[np.generic], quantization: Quantization) -> NDArray[np.float32]:
    """Return the real values of ``tensor``, float32 of the same shape.

    Source: LiteRT 8-bit quantization specification, "Specification summary".
    """
    if quantization.scale == 0:
        return np.asarray(tensor, dtype=np.float32)
    real: NDArray[np.float32] = tensor.astype(np.float32)
    real -= np.float32(quantization.zero_point)
    real *= np.float32(quantization.scale)
    return real


def quantize(real: NDArray[np.float32], quantization: Quantization, dtype: str) -> NDArray[np.generic]:
    """Return ``real`` as integers of ``dtype``, rounded half to even and clipped to its range.

    A ``scale`` of 0 returns float32 unchanged. The error of a value inside the range is at most
    ``scale / 2``.
    """
    if quantization.scale == 0:
        return np.asarray(real, dtype=np.float32)
    bounds = np.iinfo(dtype)
    integers = np.rint(real / np.float32(quantization.scale)) + quantization.zero_point
    return np.asarray(np.clip(integers, bounds.min, bounds.max), dtype=dtype)
