"""Quantizing: the bias correction does what it says, and layers can be kept in float one by one."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from converter.correct_bias import bias_corrected
from converter.flatbuffer import operator_counts, weight_types
from converter.fuse import fuse
from converter.graph import load_graph
from converter.graph_index import GraphIndex
from converter.quantize import Mode, Target, convert_graph
from converter.sensitivity import rank_layers
from edge_node.errors import ConversionError
from tests.converter import small_graphs
from tests.converter.test_graph import outputs


@pytest.fixture(scope="module")
def fused(tmp_path_factory):
    """A fused graph of one stage."""
    folder = tmp_path_factory.mktemp("graph")
    graph = load_graph(small_graphs.write_graph(folder, small_graphs.poets_mobilenet()))
    return fuse({"steel": graph})[0]


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """Eight pictures of noise at the graph's size."""
    size = small_graphs.SIZE_PX
    return np.random.default_rng(0).integers(0, 256, (8, size, size, 3), dtype=np.uint8)


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


def test_the_mean_of_every_map_survives_rounding(fused, pictures):
    """Over the pictures it was measured on, correction takes off more than half of the mean error."""
    tensors = [(picture[None, ..., ::-1].astype(np.float32) - 127.5) / 127.5 for picture in pictures]

    def mean(definition):
        maps = [outputs(definition, {"input:0": tensor}, "steel/map")[0] for tensor in tensors]
        return np.mean(maps, axis=(0, 1, 2, 3))

    wanted = mean(fused.graph_def)
    plain = np.abs(mean(rounded(fused.graph_def)) - wanted).max()
    corrected = np.abs(mean(rounded(bias_corrected(fused.graph_def, "input", tensors))) - wanted).max()
    assert corrected < plain / 2


def test_a_layer_in_float_is_not_corrected(fused, pictures):
    """It makes no error, so nothing is taken off behind it; the others are."""
    tensors = [(picture[None].astype(np.float32) - 127.5) / 127.5 for picture in pictures[:1]]
    names = {
        node.name for node in bias_corrected(fused.graph_def, "input", tensors, ["MobilenetV1/b1/Relu6"]).node
    }
    assert "MobilenetV1/c0/corrected" in names
    assert "MobilenetV1/c1/corrected" not in names


@pytest.mark.slow
def test_layers_are_ranked_and_kept_in_float_by_name(fused, pictures):
    """Each convolution has its cost, best remedy first; the first one kept is float, the others stay int8."""
    costs = rank_layers(fused, pictures, Target.LITERT)
    assert len(costs) == 4  # three of the backbone and the head
    assert [cost.remaining_error for cost in costs] == sorted(cost.remaining_error for cost in costs)
    assert "steel/map" in {cost.layer for cost in costs}
    converted = convert_graph(fused, Mode.INT8, pictures, float_nodes=(costs[0].layer,))
    assert weight_types(converted.content) == {"INT8": 3, "FLOAT32": 1}
    assert operator_counts(converted.content)["DEQUANTIZE"] >= 1


def test_int8_without_pictures_is_refused(fused):
    """Never random calibration, whoever asks."""
    with pytest.raises(ConversionError, match="--calibration"):
        convert_graph(fused, Mode.INT8, None)


@pytest.mark.slow
def test_a_graph_that_the_converter_refuses_gives_one_sentence(fused):
    """An op that TFLite has no kernel for: its name, and no page of MLIR."""
    broken = tf.compat.v1.GraphDef()
    broken.CopyFrom(fused.graph_def)
    for node in broken.node:
        if node.op == "Relu6" and node.name.endswith("b0/Relu6"):
            node.op = "BesselJ0"
    graph = type(fused)(fused.stages, broken, fused.input, fused.preprocessing, fused.outputs, fused.shared)
    with pytest.raises(ConversionError) as caught:
        convert_graph(graph, Mode.NONE, None)
    assert "steel as none" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600
