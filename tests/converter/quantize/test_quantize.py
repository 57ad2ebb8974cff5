"""Quantizing: weights are rounded with care, heads balanced, and layers kept in float one by one."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import tensorflow as tf

from converter.graphs.fuse import fuse
from converter.graphs.graph_index import GraphIndex, Ref
from converter.graphs.scaling import GraphFlags
from converter.graphs.trained_graph import load_graph
from converter.quantize.balance_heads import balance_heads
from converter.quantize.conversion_process import convert_graph
from converter.quantize.int8_builder import calibrate_model, list_layers, quantize_int8
from converter.quantize.layer_ranking import order_layers, rank_layers
from converter.quantize.request import (
    CALIBRATED_NAME,
    REQUEST_NAME,
    ConversionRequest,
    Mode,
    Target,
    write_request,
)
from converter.quantize.round_weights import round_to_grid, round_weights
from converter.quantize.tflite_converter import StepContext, feed_pictures
from converter.quantize.tflite_file import count_weight_types, list_weighted_operators, parse_model
from edge_node.errors import ConversionError
from edge_node.inference.interpreter import Interpreter, Tensor
from edge_node.inference.manifest import InputTensor
from edge_node.inference.preprocess import input_tensor
from edge_node.inference.quantization import Quantization, dequantize
from tests.converter.graphs.test_trained_graph import outputs
from tests.support import small_graphs


@pytest.fixture(scope="module")
def fused(tmp_path_factory):
    """A fused graph of one stage."""
    folder = tmp_path_factory.mktemp("graph")
    graph = load_graph(small_graphs.write_graph(folder, small_graphs.poets_mobilenet()))
    return fuse({"steel": graph})[0]


@pytest.fixture(scope="module")
def uneven(tmp_path_factory):
    """One stage whose features are of very different sizes, and its head's weights with them."""
    folder = tmp_path_factory.mktemp("uneven")
    flags = GraphFlags(input_mean=127.5, input_std=127.5)
    graph = load_graph(small_graphs.write_graph(folder, small_graphs.uneven_branches()), flags)
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


def scaled(pictures) -> list[np.ndarray]:
    """Return what the graph is fed with."""
    return [(picture[None, ..., ::-1].astype(np.float32) - 127.5) / 127.5 for picture in pictures]


def context(tensors) -> StepContext:
    """Return what a step is given beside a graph of one stage."""
    return StepContext("input", ("steel/map",), tensors)


def maps_of(definition, tensors) -> np.ndarray:
    """Return the stage's map of each tensor, ``(pictures, rows, columns, labels)``."""
    return np.concatenate([outputs(definition, {"input:0": t}, "steel/map")[0] for t in tensors])


def test_rounding_with_care_loses_less_than_half_of_rounding_to_the_nearest(fused, pictures):
    """Over the pictures it was measured on, both the mean of the maps and what is about it."""
    tensors = scaled(pictures)
    wanted = maps_of(fused.graph_def, tensors)
    nearest = maps_of(rounded(fused.graph_def), tensors) - wanted
    careful = maps_of(round_weights(fused.graph_def, context(tensors)), tensors) - wanted
    assert np.abs(careful.mean(axis=(0, 1, 2))).max() < np.abs(nearest.mean(axis=(0, 1, 2))).max() / 2
    assert careful.std() < nearest.std()


def test_a_converter_finds_the_grid_that_weights_were_put_on(fused, pictures):
    """Rounding them once more to a 127th of each channel's largest changes nothing."""
    once = round_weights(fused.graph_def, context(scaled(pictures)))
    index, again = GraphIndex(once), GraphIndex(rounded(once))
    kernels = [name for name in index.nodes if name.endswith("/rounded")]
    assert len(kernels) == 4  # three of the backbone and the head
    for name in kernels:
        np.testing.assert_allclose(index.constant(Ref(name)), again.constant(Ref(name)), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("groups", "inputs", "outs"), [(1, 300, 40), (16, 9, 1)])
def test_losses_are_made_up_for_by_weights_of_inputs_that_go_together(groups, inputs, outs):
    """A convolution and a depthwise one: the noise at the output falls by half or more."""
    random = np.random.default_rng(0)
    common = np.abs(random.normal(size=(groups, 2000, 1)))  # neighbouring pixels are bright together
    values = common + 0.2 * np.abs(random.normal(size=(groups, 2000, inputs)))
    weights = random.normal(size=(groups, inputs, outs))
    covariance = np.stack([np.cov(group.T) for group in values])

    def noise(found):
        return (values @ (found - weights)).std(axis=1).mean()

    assert noise(round_to_grid(weights, covariance)) < 0.5 * noise(round_to_grid(weights, None))


def test_few_weights_are_rounded_as_well_as_can_be():
    """No other way of rounding three weights up or down, but for the largest, costs less."""
    random = np.random.default_rng(2)
    weights = random.normal(size=(20, 3, 1))
    values = 3 + 0.1 * random.normal(size=(20, 500, 3)) + random.normal(size=(20, 500, 1))
    covariance = np.stack([np.cov(group.T) for group in values])
    found = round_to_grid(weights, covariance)
    scale = np.abs(weights).max(axis=1, keepdims=True) / 127

    def cost(rounded):
        error = (rounded - weights)[..., 0]
        return np.einsum("gi,gij,gj->g", error, covariance, error)

    np.testing.assert_allclose(found / scale, np.rint(found / scale), atol=1e-6)
    largest = np.abs(weights).argmax(axis=1)[:, 0]
    for ups in np.ndindex(2, 2, 2):
        other = (np.floor(weights / scale) + np.reshape(ups, (1, 3, 1))) * scale
        other[range(20), largest] = weights[range(20), largest]
        assert (cost(found) <= 1.1 * cost(other) + 1e-9).all()


def test_inputs_that_never_vary_are_no_trouble():
    """A dead channel, and all of them dead."""
    weights = np.random.default_rng(0).normal(size=(2, 4, 3))
    covariance = np.zeros((2, 4, 4))
    covariance[0] = np.diag([1.0, 0.0, 2.0, 0.0])
    np.testing.assert_allclose(round_to_grid(weights, covariance), round_to_grid(weights, None))


def test_balancing_leaves_what_a_graph_computes_and_lets_8_bits_hold_its_head(uneven, pictures):
    """A head whose largest weights were fitted to the smallest features; these lie behind two Concats."""
    tensors = scaled(pictures)
    wanted = maps_of(uneven.graph_def, tensors)
    changed = balance_heads(uneven.graph_def, context(tensors))
    np.testing.assert_allclose(maps_of(changed, tensors), wanted, rtol=1e-4, atol=1e-4)

    def lost(definition):
        return (maps_of(rounded(definition), tensors) - wanted).std() / wanted.std()

    assert lost(uneven.graph_def) > 0.3
    assert lost(changed) < 0.05


def test_heads_with_even_weights_and_features_that_others_read_are_not_balanced(fused, uneven, pictures):
    """Nothing is gained in the first graph; the features of the second are an output as they are."""
    tensors = scaled(pictures)
    assert balance_heads(fused.graph_def, context(tensors)) == fused.graph_def
    outputs_too = StepContext("input", ("steel/map", "features"), tensors)
    assert balance_heads(uneven.graph_def, outputs_too) == uneven.graph_def


@pytest.mark.parametrize("mode", [Mode.INT8, Mode.INT16X8, Mode.DYNAMIC])
def test_a_head_with_weights_of_all_sizes_survives_8_bits(uneven, pictures, mode):
    """Its features are balanced, or else its weights stay float, in dynamic: without that, it guesses."""
    model = Interpreter(convert_graph(uneven, mode, pictures).content, where="converted", threads=1)
    (entry,), (output,) = model.inputs, model.outputs
    kind = entry.quantization
    spec = InputTensor(shape=entry.shape, dtype=entry.dtype, scale=kind.scale, zero_point=kind.zero_point)
    raw = [model.run(input_tensor(picture, spec))[output.name] for picture in pictures]
    found = dequantize(np.concatenate(raw), output.quantization)
    wanted = maps_of(uneven.graph_def, scaled(pictures))
    assert (found - wanted).std() < 0.1 * wanted.std()


def test_a_layer_in_float_keeps_its_weights(fused, pictures, tmp_path):
    """It makes no error, so its weights and bias are the exact ones; the others' are rounded."""
    write_request(tmp_path, fused, Mode.INT8, pictures, Target.LITERT)
    request = msgspec.json.decode((tmp_path / REQUEST_NAME).read_bytes(), type=ConversionRequest)
    source = calibrate_model(tmp_path, request)
    layer = list_layers(source.model)[1]
    assert layer == ("MobilenetV1/b1/Relu6",)
    exact, found = (
        [constants(tree, operator) for operator, _ in list_weighted_operators(tree)]
        for tree in map(parse_model, (source.exact, quantize_int8(source, request, layer)))
    )
    for at, (wanted, values) in enumerate(zip(exact, found, strict=True)):
        assert (wanted == values) == (at == 1)


def constants(tree, operator) -> list[bytes]:
    """Return weights and bias of an operator in a parsed model."""
    tensors = [tree.subgraphs[0].tensors[at] for at in operator.inputs[1:3]]
    return [bytes(np.asarray(tree.buffers[tensor.buffer].data, np.uint8)) for tensor in tensors]


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_layers_are_ranked_on_the_bytes_that_the_node_feeds(fused, pictures, tmp_path, dtype):
    """Not on scaled pictures rounded back, which makes one byte of two; the first row has marked pixels."""
    lowest = np.iinfo(dtype).min
    write_request(tmp_path, fused, Mode.INT8, pictures, Target.LITERT)
    request = msgspec.json.decode((tmp_path / REQUEST_NAME).read_bytes(), type=ConversionRequest)
    entry = Tensor("input", 0, (1, 32, 32, 3), dtype, Quantization(1 / 127.5, 127 + lowest))
    found = np.concatenate(feed_pictures(tmp_path, request, entry, 3))
    wanted = (pictures[:3, ..., ::-1].astype(np.int16) + lowest).astype(dtype)
    assert found.shape == wanted.shape
    np.testing.assert_array_equal(found[:, 1:], wanted[:, 1:])


@pytest.mark.slow
def test_layers_are_ranked_and_kept_in_float_by_name(fused, pictures, tmp_path):
    """Best remedy first; the pair kept is float, the others stay int8, and ranges are measured once."""
    gains = rank_layers(fused, pictures, Target.LITERT, tmp_path)
    assert [found.gain for found in gains] == sorted((found.gain for found in gains), reverse=True)
    layers = order_layers(gains)
    assert len(layers) == 4  # three of the backbone and the head
    assert "steel/map" in layers
    measured = (tmp_path / CALIBRATED_NAME).stat()
    converted = convert_graph(fused, Mode.INT8, pictures, float_nodes=gains[0].layers, work=tmp_path)
    assert count_weight_types(converted.content) == {"INT8": 2, "FLOAT32": 2}
    assert (tmp_path / CALIBRATED_NAME).stat() == measured
    afresh = convert_graph(fused, Mode.INT8, pictures, float_nodes=gains[0].layers)
    assert afresh.content == converted.content


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
