"""Rewrite old graphs so that today's TensorFlow imports them: old ops replaced, one plain input."""

from __future__ import annotations

from typing import Any

import numpy as np

from converter.nodes.graph_index import GraphIndex, Ref
from converter.tensorflow_import import tensorflow
from edge_node.errors import GraphError

_FAKE_QUANT = "FakeQuantWithMinMax"  # in graphs that were trained to be quantized
# Removed from GraphDef version 9 on, so TensorFlow does not even import a graph that has it.
_OLD_BATCH_NORM = "BatchNormWithGlobalNormalization"


def modernise_ops(graph_def: Any, input_name: str, output_name: str, shape: tuple[int, int, int, int]) -> Any:
    """Return the part of a graph between input and output, made of ops that today's TensorFlow knows.

    Args:
        graph_def: a frozen GraphDef; not changed.
        input_name: this node becomes a float32 placeholder of ``shape``, whatever it was.
        output_name: the last node that is kept.
        shape: ``(1, height, width, 3)``.

    Raises:
        GraphError: an old op is not frozen.
    """
    part = _cut_out(graph_def, input_name, output_name, shape)
    part.versions.CopyFrom(tensorflow().Graph().as_graph_def().versions)
    return part


def _cut_out(graph_def: Any, input_name: str, output_name: str, shape: tuple[int, int, int, int]) -> Any:
    index = GraphIndex(graph_def)
    part = tensorflow().compat.v1.GraphDef()
    for name in index.upstream([Ref(output_name)], stop=[input_name]):
        node = part.node.add()
        if name == input_name:
            _set_placeholder(node, name, shape)
            continue
        node.CopyFrom(index.nodes[name])
        if node.op.startswith(_FAKE_QUANT):
            _replace_fake_quant(node, index)
        if node.op == "Dequantize" and index.op(index.inputs(name)[0].node) == "QuantizeV2":
            _pass_by_rounding(node, index)
        if node.op == _OLD_BATCH_NORM:
            _replace_batch_norm(part, node, index)
        kept = [text for text in node.input if not text.startswith("^")]
        del node.input[:]
        node.input.extend(kept)
    part.library.CopyFrom(graph_def.library)
    return part


def _set_placeholder(node: Any, name: str, shape: tuple[int, int, int, int]) -> None:
    node.name, node.op = name, "Placeholder"
    node.attr["dtype"].type = tensorflow().float32.as_datatype_enum
    for size in shape:
        node.attr["shape"].shape.dim.add().size = size


def _replace_fake_quant(node: Any, index: GraphIndex) -> None:
    """Replace a FakeQuant node: by rounded weights, or, on activations, by an Identity.

    Ranges of activations are measured on the calibration pictures, as for any other graph.
    """
    source = index.inputs(node.name)[0]
    weights = index.constant(source)
    if weights is None:
        node.op = "Identity"
        del node.input[1:]
        attributes = {"T": tensorflow().float32.as_datatype_enum}
    else:
        rounded = _fake_quantize(node, weights, index)
        node.op = "Const"
        del node.input[:]
        attributes = {"dtype": tensorflow().float32.as_datatype_enum}
    node.attr.clear()
    for key, value in attributes.items():
        node.attr[key].type = value
    if weights is not None:
        node.attr["value"].tensor.CopyFrom(tensorflow().make_tensor_proto(rounded))


def _pass_by_rounding(node: Any, index: GraphIndex) -> None:
    """Let readers of activations that are rounded to 8 bits and back read what was rounded."""
    node.op = "Identity"
    source = index.nodes[index.inputs(node.name)[0].node].input[0]
    del node.input[:]
    node.input.append(source)
    node.attr.clear()
    node.attr["T"].type = tensorflow().float32.as_datatype_enum


def _fake_quantize(node: Any, weights: Any, index: GraphIndex) -> Any:
    tf = tensorflow()
    options = {"num_bits": node.attr["num_bits"].i or 8, "narrow_range": node.attr["narrow_range"].b}
    if node.op == "FakeQuantWithMinMaxArgs":
        low, high = node.attr["min"].f, node.attr["max"].f
        return tf.quantization.fake_quant_with_min_max_args(weights, low, high, **options).numpy()
    bounds = [index.constant(ref) for ref in index.inputs(node.name)[1:3]]
    if node.op == "FakeQuantWithMinMaxVarsPerChannel":
        return tf.quantization.fake_quant_with_min_max_vars_per_channel(weights, *bounds, **options).numpy()
    return tf.quantization.fake_quant_with_min_max_vars(weights, *bounds, **options).numpy()


def _replace_batch_norm(part: Any, node: Any, index: GraphIndex) -> None:
    """Replace a batch normalisation of 2015 by a multiplication and an addition."""
    source = node.input[0]
    mean, variance, beta, gamma = (index.constant(ref) for ref in index.inputs(node.name)[1:5])
    if mean is None or variance is None or beta is None or gamma is None:
        raise GraphError(f"node {node.name}: batch normalisation without constants; freeze the graph first")
    scale = 1.0 / np.sqrt(variance.astype(np.float64) + node.attr["variance_epsilon"].f)
    if node.attr["scale_after_normalization"].b:
        scale *= gamma
    product = part.node.add()
    product.name, product.op = f"{node.name}/scaled", "Mul"
    product.input.extend([source, _add_constant(part, f"{node.name}/scale", scale)])
    node.op = "Add"
    del node.input[:]
    node.input.extend([product.name, _add_constant(part, f"{node.name}/shift", beta - mean * scale)])
    node.attr.clear()
    for arithmetic in (product, node):
        arithmetic.attr["T"].type = tensorflow().float32.as_datatype_enum


def _add_constant(part: Any, name: str, value: Any) -> str:
    node = part.node.add()
    node.name, node.op = name, "Const"
    node.attr["dtype"].type = tensorflow().float32.as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tensorflow().make_tensor_proto(np.asarray(value, np.float32)))
    return name
