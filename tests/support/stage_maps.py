"""Feed the graph of one stage, and round its kernels as a converter does."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from converter.nodes.graph_index import GraphIndex
from converter.quantize.tflite_converter import StepContext
from tests.support.graph_runs import outputs


def rounded(definition):
    """Return a copy of a graph whose kernels hold what 8 bits can, as a converter rounds them."""
    copy = tf.compat.v1.GraphDef()
    copy.CopyFrom(definition)
    index, nodes = GraphIndex(definition), {node.name: node for node in copy.node}
    for name in index.nodes:
        if index.op(name) in {"Conv2D", "DepthwiseConv2dNative"}:
            constant = index.inputs(name)[1].node
            kernel = index.constant(index.inputs(name)[1])
            axes = (0, 1, 2) if index.op(name) == "Conv2D" else (0, 1)
            scale = np.abs(kernel).max(axis=axes, keepdims=True) / 127
            nodes[constant].attr["value"].tensor.CopyFrom(
                tf.make_tensor_proto(np.rint(kernel / scale) * scale)
            )
    return copy


def scaled(pictures) -> list[np.ndarray]:
    """Return what the graph is fed with."""
    return [(picture[None, ..., ::-1].astype(np.float32) - 127.5) / 127.5 for picture in pictures]


def context(tensors) -> StepContext:
    """Return what a step is given beside a graph of one stage."""
    return StepContext("input", ("steel/map",), tensors)


def maps_of(definition, tensors) -> np.ndarray:
    """Return the stage's map of each tensor, ``(pictures, rows, columns, labels)``."""
    return np.concatenate([outputs(definition, {"input:0": t}, "steel/map")[0] for t in tensors])
