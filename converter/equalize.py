"""Channels of one tensor brought to one range before it is quantized to 8 bits.

A tensor has one scale for all its channels. In a MobileNet many channels reach a hundredth of the largest:
one or two of the 256 steps are all that is left of them. Multiplying a channel before a rectifier and
dividing the weights that read it changes nothing in float, for values as large as those of the calibration
pictures, and gives every channel all of the steps.

After M. Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019, with
the ranges measured instead of derived from the weights, because ReLU6 bounds how far a channel may go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from converter.graph_index import GraphIndex
from converter.tensorflow_import import tensorflow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

_RECTIFIERS = frozenset({"Relu", "Relu6"})
_READERS = frozenset({"Conv2D", "DepthwiseConv2dNative"})
# Ops that a positive factor per channel passes through unchanged.
_HOMOGENEOUS = frozenset({"MaxPool", "AvgPool", "Identity", "Pad"})
_RELU6_TOP = 6.0
# A picture that was not among the calibration pictures may reach this much further before it is clipped.
HEADROOM = 1.5
_MAX_FACTOR = 256.0  # beyond it the channel was noise in 8 bits, and stays that


def equalized(graph_def: Any, input_name: str, tensors: Iterable[NDArray[np.float32]]) -> tuple[Any, int]:
    """Return the graph with its rectified tensors equalized, and how many of them there were.

    Args:
        graph_def: a fused graph; not changed.
        input_name: its placeholder.
        tensors: inputs ``(1, height, width, 3)`` of the calibration pictures.
    """
    index = GraphIndex(graph_def)
    readers = {name: found for name in index.nodes if (found := _readers(index, name))}
    peaks = _channel_peaks(graph_def, input_name, list(readers), tensors)
    changed = tensorflow().compat.v1.GraphDef()
    changed.CopyFrom(graph_def)
    nodes = {node.name: node for node in changed.node}
    weights: dict[str, NDArray[np.float32]] = {}
    for name, reading in readers.items():
        factors = _factors(index.op(name), peaks[name])
        _stretch(changed, nodes[name], factors)
        for reader in reading:
            kernel = weights.get(reader)
            if kernel is None:
                kernel = index.constant(index.inputs(reader)[1])
            # The input channels are the third axis of both kinds of kernel.
            weights[reader] = np.asarray(kernel, np.float32) / factors[np.newaxis, np.newaxis, :, np.newaxis]
    for reader, kernel in weights.items():
        nodes[reader].input[1] = _constant(changed, f"{reader}/equalized_weights", kernel)
    return changed, len(readers)


def _readers(index: GraphIndex, name: str) -> list[str]:
    """Return the convolutions that read a rectified tensor, or nothing if anything else reads it too."""
    if index.op(name) not in _RECTIFIERS:
        return []
    found: list[str] = []
    pending = index.consumers(name)
    while pending:
        consumer = pending.pop()
        if index.op(consumer) in _HOMOGENEOUS:
            further = index.consumers(consumer)
            if not further:
                return []
            pending.extend(further)
        elif index.op(consumer) in _READERS and index.constant(index.inputs(consumer)[1]) is not None:
            found.append(consumer)
        else:
            return []
    return found


def _channel_peaks(
    graph_def: Any, input_name: str, names: list[str], tensors: Iterable[NDArray[np.float32]]
) -> Mapping[str, NDArray[np.float32]]:
    """Return the largest value of each channel, ``(channels,)``, over all positions and pictures."""
    tf = tensorflow()
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
        peaks = [tf.reduce_max(graph.get_tensor_by_name(f"{name}:0"), axis=[0, 1, 2]) for name in names]
        with tf.compat.v1.Session(graph=graph) as session:
            runs = [session.run(peaks, {f"{input_name}:0": tensor}) for tensor in tensors]
    return {name: np.max([run[at] for run in runs], axis=0) for at, name in enumerate(names)}


def _factors(rectifier: str, peaks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what each channel is multiplied by; never less than 1, so nothing is clipped that was not."""
    top = _RELU6_TOP if rectifier == "Relu6" else float(peaks.max())
    stretched = top / np.maximum(peaks * HEADROOM, 1e-12)
    factors = np.where(peaks > 0, np.clip(stretched, 1.0, _MAX_FACTOR), 1.0)
    return np.asarray(factors, dtype=np.float32)


def _stretch(graph_def: Any, rectifier: Any, factors: NDArray[np.float32]) -> None:
    """Put a multiplication before a rectifier; the conversion folds it into the convolution before that."""
    constant = _constant(graph_def, f"{rectifier.name}/equalizing_factors", factors)
    product = graph_def.node.add()
    product.name, product.op = f"{rectifier.name}/equalized", "Mul"
    product.input.extend([rectifier.input[0], constant])
    product.attr["T"].type = tensorflow().float32.as_datatype_enum
    rectifier.input[0] = product.name


def _constant(graph_def: Any, name: str, value: NDArray[np.float32]) -> str:
    node = graph_def.node.add()
    node.name, node.op = name, "Const"
    node.attr["dtype"].type = tensorflow().float32.as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tensorflow().make_tensor_proto(value))
    return name
