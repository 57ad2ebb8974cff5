"""Put nodes before a graph's first layer that make its input of the node's picture of three channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from converter.nodes.graph_edit import add_constant, redirect_readers
from converter.tensorflow_import import tensorflow

if TYPE_CHECKING:
    from converter.graphs.input_contract import DerivedInput

# tf.image.rgb_to_grayscale: red, green, blue.
GREY_WEIGHTS = (0.2989, 0.5870, 0.1140)
_OPAQUE = 255.0


def adapt_input(graph_def: Any, name: str, derived: DerivedInput) -> None:
    """Let the readers of ``name``, a float32 placeholder ``(1, height, width, 3)``, read what they expect.

    Args:
        graph_def: changed in place.
        name: of the placeholder.
        derived: what the graph expects.
    """
    contract, entry = derived.contract, derived.entry
    steps = list[tuple[str, Any]]()
    if contract.channels != 3:
        steps.append(("Conv2D", _make_kernel(contract.channels)))
    if contract.channels == 4:
        mean, std = np.broadcast_to(contract.mean, (4,)), np.broadcast_to(contract.std, (4,))
        steps.append(("Add", np.array([0, 0, 0, (_OPAQUE - mean[3]) / std[3]], np.float32)))
    if entry.layout == "NCHW":
        steps.append(("Transpose", np.array([0, 3, 1, 2], np.int32)))
    if entry.rank == 3:
        shape = contract.height, contract.width, contract.channels
        shape = shape if entry.layout == "NHWC" else (shape[2], *shape[:2])
        steps.append(("Reshape", np.array(shape, np.int32)))
    if entry.dtype != "float32":
        steps.append(("Cast", entry.dtype))
    if not steps:
        return
    names = [f"{name}/as_{op.lower()}" for op, _ in steps]
    redirect_readers(graph_def, name, names[-1])
    for at, (op, value) in enumerate(steps):
        _add_node(graph_def, op, names[at], names[at - 1] if at else name, value)


def _make_kernel(channels: int) -> Any:
    """Return a 1x1 kernel from red, green and blue to grey, or to four channels of which the last is 0."""
    if channels == 1:
        return np.array(GREY_WEIGHTS, np.float32).reshape(1, 1, 3, 1)
    return np.eye(3, channels, dtype=np.float32).reshape(1, 1, 3, channels)


def _add_node(graph_def: Any, op: str, name: str, source: str, value: Any) -> None:
    tf = tensorflow()
    float_type = tf.float32.as_datatype_enum
    inputs = [source]
    if op != "Cast":
        inputs.append(add_constant(graph_def, f"{name}/constant", value))
    node = graph_def.node.add()
    node.name, node.op = name, op
    node.input.extend(inputs)
    if op == "Cast":
        node.attr["SrcT"].type = float_type
        node.attr["DstT"].type = tf.dtypes.as_dtype(value).as_datatype_enum
        return
    node.attr["T"].type = float_type
    if op == "Reshape":
        node.attr["Tshape"].type = tf.int32.as_datatype_enum
    if op == "Transpose":
        node.attr["Tperm"].type = tf.int32.as_datatype_enum
    if op == "Conv2D":
        node.attr["strides"].list.i.extend([1, 1, 1, 1])
        node.attr["padding"].s = b"VALID"
        node.attr["data_format"].s = b"NHWC"
