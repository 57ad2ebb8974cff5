"""The mean error that 8-bit weights make at each convolution, taken off again.

Rounding a kernel shifts the mean of its output, because inputs behind a rectifier have a mean. In MobileNet
v1 the shifts of the first depthwise kernels alone move logits by a tenth of their size. They are known
beforehand: the output of a convolution whose kernel is the rounding errors, averaged over the calibration
pictures.

After M. Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019, section
4.2, with the means measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from converter.graph_index import GraphIndex
from converter.tensorflow_import import tensorflow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

_TOP = 127  # int8 weights are symmetric: -127 to 127
_TINY = 1e-30


CORRECTED = "/corrected"  # behind a convolution's name: the node that takes its mean error off
_CONVOLUTIONS = frozenset({"Conv2D", "DepthwiseConv2dNative"})


def bias_corrected(
    graph_def: Any,
    input_name: str,
    tensors: Iterable[NDArray[np.float32]],
    float_layers: Iterable[str] = (),
) -> Any:
    """Return the graph with the mean rounding error taken off behind every convolution that is rounded.

    Args:
        graph_def: a fused graph; not changed.
        input_name: its placeholder.
        tensors: inputs ``(1, height, width, 3)`` of the calibration pictures.
        float_layers: the last nodes of layers that stay in float, and make no such error.
    """
    index = GraphIndex(graph_def)
    exact = {_convolution_behind(index, name) for name in float_layers}
    errors = {
        name: error
        for name in index.nodes
        if name not in exact and (error := _rounding_error(index, name)) is not None
    }
    shifts = _mean_shifts(graph_def, input_name, errors, tensors)
    corrected = tensorflow().compat.v1.GraphDef()
    corrected.CopyFrom(graph_def)
    for node in corrected.node:
        for at, text in enumerate(node.input):
            if text in shifts:
                node.input[at] = f"{text}{CORRECTED}"
    for name, shift in shifts.items():
        _add_behind(corrected, name, -shift)
    return corrected


def _convolution_behind(index: GraphIndex, name: str) -> str:
    """Return the convolution whose normalisation and rectifier end in the node called ``name``."""
    while name in index and index.op(name) not in _CONVOLUTIONS and index.inputs(name):
        name = index.inputs(name)[0].node
    return name


def _rounding_error(index: GraphIndex, name: str) -> NDArray[np.float32] | None:
    """Return rounded minus exact weights of a convolution, of its kernel's shape; None for other nodes."""
    op = index.op(name)
    if op not in _CONVOLUTIONS:
        return None
    kernel = index.constant(index.inputs(name)[1])
    if kernel is None:
        return None
    # One scale per output channel: the last axis, and in a depthwise kernel the last two.
    axes = (0, 1, 2) if op == "Conv2D" else (0, 1)
    scale = np.maximum(np.abs(kernel).max(axis=axes, keepdims=True) / _TOP, _TINY)
    return np.asarray(np.rint(kernel / scale) * scale - kernel, dtype=np.float32)


def _mean_shifts(
    graph_def: Any,
    input_name: str,
    errors: dict[str, NDArray[np.float32]],
    tensors: Iterable[NDArray[np.float32]],
) -> dict[str, NDArray[np.float32]]:
    """Return per convolution what its rounding adds to each output channel on average, ``(channels,)``."""
    tf = tensorflow()
    probed = tf.compat.v1.GraphDef()
    probed.CopyFrom(graph_def)
    convolutions = [node for node in graph_def.node if node.name in errors]
    for node in convolutions:
        twin = probed.node.add()
        twin.CopyFrom(node)
        twin.name = f"{node.name}/rounding_error"
        twin.input[1] = _constant(probed, f"{node.name}/rounding_error_kernel", errors[node.name])
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(probed, name="")
        outputs = [graph.get_tensor_by_name(f"{node.name}/rounding_error:0") for node in convolutions]
        means = [tf.reduce_mean(output, axis=[0, 1, 2]) for output in outputs]
        with tf.compat.v1.Session(graph=graph) as session:
            runs = [session.run(means, {f"{input_name}:0": tensor}) for tensor in tensors]
    return {
        node.name: np.asarray(np.mean([run[at] for run in runs], axis=0), np.float32)
        for at, node in enumerate(convolutions)
    }


def _add_behind(graph_def: Any, name: str, bias: NDArray[np.float32]) -> None:
    node = graph_def.node.add()
    node.name, node.op = f"{name}{CORRECTED}", "BiasAdd"
    node.input.extend([name, _constant(graph_def, f"{name}/correction", bias)])
    node.attr["T"].type = tensorflow().float32.as_datatype_enum
    node.attr["data_format"].s = b"NHWC"


def _constant(graph_def: Any, name: str, value: NDArray[np.float32]) -> str:
    node = graph_def.node.add()
    node.name, node.op = name, "Const"
    node.attr["dtype"].type = tensorflow().float32.as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tensorflow().make_tensor_proto(value))
    return name
