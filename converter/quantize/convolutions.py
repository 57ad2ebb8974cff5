"""Read a float model's convolutions as matrices, and the places of their inputs that they read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.tflite.tflite_file import list_weighted_operators, read_values, write_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_VALID = 1  # of the schema's Padding; 0 is SAME


@dataclass(frozen=True, slots=True)
class Reading:
    """Where a convolution reads its input; several convolutions may read one input alike.

    Attributes:
        tensor: number of the input.
        groups: of channels that are read apart: one, or each channel of a depthwise convolution.
        kernel: rows and columns.
        strides: in rows and columns.
        dilations: in rows and columns.
        is_padded: whether positions beyond the edges are read as 0.
    """

    tensor: int
    groups: int
    kernel: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    is_padded: bool

    def find_places(self, axis: int, size: int) -> NDArray[np.intp]:
        """Return the rows (``axis`` 0) or columns (1) that are read, ``(outputs, kernel)``.

        Those beyond the edges are negative, or ``size`` and more.
        """
        kernel, stride, dilation = self.kernel[axis], self.strides[axis], self.dilations[axis]
        reach = (kernel - 1) * dilation + 1
        outputs = -(-size // stride) if self.is_padded else (size - reach) // stride + 1
        before = max((outputs - 1) * stride + reach - size, 0) // 2 if self.is_padded else 0
        return np.arange(outputs)[:, np.newaxis] * stride + np.arange(kernel) * dilation - before


@dataclass(frozen=True, slots=True)
class Convolution:
    """One convolution of a parsed model.

    Attributes:
        reading: of its input.
        weights: ``(groups, inputs, outputs)``; the inputs of a group are rows, columns and channels, the last
            one fastest.
    """

    reading: Reading
    weights: Array = field(repr=False)
    _bias: NDArray[np.float32] = field(repr=False)
    _operator: Any = field(repr=False)
    _is_depthwise: bool

    def change(self, model: Any, weights: Array, shift: Array) -> None:
        """Put weights of the same shape into the model, and take ``shift`` ``(outputs,)`` from the bias."""
        shape = [int(size) for size in model.subgraphs[0].tensors[self._operator.inputs[1]].shape]
        own = weights.transpose((1, 0, 2) if self._is_depthwise else (0, 2, 1))
        bias = self._bias - shift
        write_values(model, self._operator, 1, own.reshape(shape).astype(np.float32))
        write_values(model, self._operator, 2, bias.astype(np.float32))


def read_convolutions(model: Any) -> list[Convolution]:
    """Return the convolutions of a parsed model that have float weights and a bias, in their order."""
    found = []
    tensors = model.subgraphs[0].tensors
    for operator, read in list_weighted_operators(model):
        options = operator.builtinOptions
        if read.name not in {"CONV_2D", "DEPTHWISE_CONV_2D"} or read.weights_type != "FLOAT32":
            continue
        values, bias = (read_values(model, number) for number in (*operator.inputs, -1)[1:3])
        if values is None or bias is None:
            continue
        is_depthwise, channels = read.name != "CONV_2D", int(tensors[operator.inputs[0]].shape[-1])
        outputs, rows, columns, depth = values.shape
        groups = channels if is_depthwise else channels // depth
        if is_depthwise:
            weights = values.reshape(rows * columns, groups, -1).transpose(1, 0, 2)
        else:
            weights = values.reshape(groups, outputs // groups, -1).transpose(0, 2, 1)
        reading = Reading(
            tensor=int(operator.inputs[0]),
            groups=groups,
            kernel=(rows, columns),
            strides=(int(options.strideH), int(options.strideW)),
            dilations=(int(options.dilationHFactor), int(options.dilationWFactor)),
            is_padded=options.padding != _VALID,
        )
        found.append(Convolution(reading, weights.astype(np.float64), bias, operator, is_depthwise))
    return found
