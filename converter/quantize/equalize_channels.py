"""Rescale the channels of activations to one range, so that 8 bits resolve each of them alike.

An int8 tensor has one scale for all its channels. In MobileNet v1 the channels after the first convolution
reach from 0.1 to 6, and the next layer multiplies the small ones by twenty: their rounding is most of what
quantizing costs. Before a ReLU a channel can be multiplied by any positive number, and the weights that read
it divided by it: the graph computes the same. Before a ReLU6 it can be multiplied until its largest value on
the calibration pictures, with some headroom, is 6; larger values are clipped there, as an int8 tensor clips
values beyond its range.

After M. Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019, section
4.1, with measured ranges of activations instead of ranges of weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from converter.graphs.graph_edit import add_constant
from converter.graphs.graph_index import CONVOLUTIONS, GraphIndex, Ref
from converter.tensorflow_import import tensorflow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from converter.quantize.tflite_converter import StepContext

_RECTIFIERS = frozenset({"Relu", "Relu6"})
# Ops allowed between a rectifier and the convolutions that read it: channels stay apart, zeros stay zeros.
_CHANNELWISE = frozenset({"Pad", "MaxPool", "AvgPool", "Identity"})
_RELU6_TOP = 6.0
_HEADROOM = 1.1  # later pictures reach further than the calibration pictures
_LARGEST_FACTOR = 100.0  # a channel that is hardly ever active is no reason for tiny weights
# Exponent of the factor. Weights that read a channel are divided by it: a depthwise kernel has a scale per
# channel and loses nothing; in a kernel that mixes channels the weights drift apart, so it gets the root.
_DEPTHWISE_POWER, _MIXING_POWER = 1.0, 0.5


def equalize(graph_def: Any, context: StepContext) -> Any:
    """Return a graph that computes the same, with the channels of rectified tensors scaled to one range.

    A rectifier is left as it is where anything but convolutions with constant kernels reads it.

    Args:
        graph_def: a fused graph; not changed.
        context: its input and the calibration pictures.
    """
    index = GraphIndex(graph_def)
    readers = _list_readers(index)
    pairs = {name: found for name in index.nodes if (found := _find_convolutions(index, readers, name))}
    largest = _measure_largest(graph_def, context.input, list(pairs), context.tensors)
    changed = tensorflow().compat.v1.GraphDef()
    changed.CopyFrom(graph_def)
    nodes = {node.name: node for node in changed.node}
    for name, convolutions in pairs.items():
        depthwise = all(index.op(convolution) != "Conv2D" for convolution in convolutions)
        factors = _choose_factors(
            largest[name], index.op(name), _DEPTHWISE_POWER if depthwise else _MIXING_POWER
        )
        scaled = changed.node.add()
        scaled.name, scaled.op = f"{name}/equalized", "Mul"
        scaled.input.extend([nodes[name].input[0], add_constant(changed, f"{name}/factors", factors)])
        scaled.attr["T"].type = tensorflow().float32.as_datatype_enum
        nodes[name].input[0] = scaled.name
        for convolution in convolutions:
            kernel = index.constant(index.inputs(convolution)[1])
            divided = np.asarray(np.divide(kernel, factors[:, np.newaxis]), np.float32)  # type: ignore[arg-type]  # _multiplies found it
            nodes[convolution].input[1] = add_constant(changed, f"{convolution}/equalized_kernel", divided)
    return changed


def _list_readers(index: GraphIndex) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in index.nodes:
        for ref in index.inputs(name):
            found.setdefault(ref.node, []).append(name)
    return found


def _find_convolutions(index: GraphIndex, readers: dict[str, list[str]], name: str) -> list[str]:
    """Return the convolutions that read a rectifier; none if anything else reads it too."""
    if index.op(name) not in _RECTIFIERS:
        return []
    convolutions, pending = list[str](), [name]
    while pending:
        source = pending.pop()
        if not readers.get(source):
            return []  # an output of the graph
        for reader in readers[source]:
            if index.op(reader) in _CHANNELWISE and index.inputs(reader)[0].node == source:
                pending.append(reader)
            elif _multiplies(index, reader, source):
                convolutions.append(reader)
            else:
                return []
    return convolutions


def _multiplies(index: GraphIndex, reader: str, source: str) -> bool:
    """Return whether ``reader`` is a convolution of ``source`` with a constant kernel."""
    if index.op(reader) not in CONVOLUTIONS or index.nodes[reader].attr["data_format"].s == b"NCHW":
        return False
    picture, kernel = index.inputs(reader)
    return picture == Ref(source) and index.constant(kernel) is not None


def _measure_largest(
    graph_def: Any, input_name: str, names: list[str], tensors: Iterable[NDArray[np.float32]]
) -> dict[str, NDArray[np.float32]]:
    """Return the largest value of each channel of each tensor, ``(channels,)``."""
    tf = tensorflow()
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
        tops = [tf.reduce_max(graph.get_tensor_by_name(f"{name}:0"), axis=[0, 1, 2]) for name in names]
        with tf.compat.v1.Session(graph=graph) as session:
            runs = [session.run(tops, {f"{input_name}:0": tensor}) for tensor in tensors]
    return {name: np.max([run[at] for run in runs], axis=0) for at, name in enumerate(names)}


def _choose_factors(largest: NDArray[np.float32], op: str, power: float) -> NDArray[np.float32]:
    """Return by how much each channel is multiplied: 1 or more."""
    top = _RELU6_TOP if op == "Relu6" else max(float(largest.max()), np.finfo(np.float32).tiny)
    reached = np.minimum(largest * _HEADROOM, top)
    factors = (top / np.maximum(reached, top / _LARGEST_FACTOR)) ** power
    return np.asarray(factors, np.float32)
