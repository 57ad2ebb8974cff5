"""Weights stored in 8 or 16 bits, layers in 16 or 64: computed as TensorFlow computes them."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from converter.graphs.trained_graph import load_graph
from converter.nodes.graph_index import GraphIndex
from converter.nodes.packed_constants import unpack_constants
from tests.support.entry_graphs import body, colours, draw_picture, node_answer, source_answer, written

_RNG = np.random.default_rng(4)
_BIG = _RNG.normal(0, 0.2, (3, 3, 8, 400)).astype(np.float32)  # above what TensorFlow folds by itself


def _quantized(mode, axis=None):
    """Return 8-bit weights with their ranges, as constants."""
    along = (0, 1, 2) if axis == 3 else None
    low, high = _BIG.min(along), _BIG.max(along)
    more = {} if axis is None else {"axis": axis}
    dtype = tf.qint8 if mode == "SCALED" else tf.quint8
    stored = tf.quantization.quantize(_BIG, low, high, dtype, mode, **more)
    with tf.compat.v1.Session() as session:
        values = session.run([stored.output, stored.output_min, stored.output_max])
    kept = [tf.constant(values[0].view(np.uint8), tf.uint8)]
    kept = [tf.bitcast(kept[0], dtype), *(tf.constant(value) for value in values[1:])]
    return tf.quantization.dequantize(*kept, mode, name="weights", **more)


def _pair(mode):
    pair = tf.quantization.quantize(_BIG, -1.0, 1.0, tf.quint8, mode)
    return tf.quantization.dequantize(pair.output, pair.output_min, pair.output_max, mode, name="weights")


STORED = {
    "MIN_FIRST": lambda: _quantized("MIN_FIRST"),
    "MIN_COMBINED": lambda: _quantized("MIN_COMBINED"),
    "SCALED": lambda: _quantized("SCALED"),
    "SCALED per channel": lambda: _quantized("SCALED", 3),
    "a pair of both": lambda: _pair("MIN_FIRST"),
    "float16": lambda: tf.cast(tf.constant(_BIG, tf.float16), tf.float32, name="weights"),
    "bfloat16": lambda: tf.cast(tf.cast(_BIG, tf.bfloat16), tf.float32, name="weights"),
    "float64": lambda: tf.cast(tf.constant(_BIG, tf.float64), tf.float32, name="weights"),
}


def _layer(weights):
    """Return a graph's builder with a layer of these weights after its first one."""
    first = _RNG.normal(0, 0.3, (3, 3, 3, 8)).astype(np.float32)

    def middle():
        x = tf.nn.relu(tf.nn.conv2d(colours() / 255.0, first, 2, "SAME"))
        x = tf.nn.relu(tf.nn.conv2d(x, weights(), 2, "SAME"))
        head = np.random.default_rng(1).normal(0, 0.5, (400, 2)).astype(np.float32)
        return tf.nn.softmax(tf.matmul(tf.reduce_mean(x, [1, 2]), head), name="final_result")

    return middle


@pytest.mark.parametrize("kind", STORED)
def test_stored_weights_become_the_numbers_that_tensorflow_makes_of_them(tmp_path, kind):
    """Every way of storing them: the graph's own numbers, bit for bit, as a constant."""
    build = _layer(STORED[kind])
    graph = tf.Graph()
    with graph.as_default():
        build()
        with tf.compat.v1.Session() as session:
            want = session.run("weights:0")
    index = GraphIndex(unpack_constants(tmp_path, graph.as_graph_def()))
    found = index.constant(index.inputs("Conv2D_1")[1])
    assert found is not None
    np.testing.assert_array_equal(found, want)


def test_a_graph_of_quantized_weights_has_its_head_and_answers_as_it_did(tmp_path):
    """As ``quantize_weights`` left the head too: it is found, so there is a map."""

    def build():
        packed = np.random.default_rng(2).integers(0, 255, (8, 2)).astype(np.uint8)
        weights = tf.quantization.dequantize(
            tf.bitcast(tf.constant(packed), tf.quint8), -2.0, 2.0, "MIN_FIRST", name="deq"
        )
        x = tf.nn.relu(tf.nn.conv2d(colours() / 255.0, np.ones((3, 3, 3, 8), np.float32), 2, "SAME"))
        return tf.nn.softmax(tf.matmul(tf.reduce_mean(x, [1, 2]), weights), name="final_result")

    path = written(tmp_path, build)
    assert load_graph(path).head is not None
    pixels = draw_picture()
    feed = pixels[np.newaxis, ..., ::-1].astype(np.float32)
    np.testing.assert_allclose(node_answer(path, pixels), source_answer(build, feed), atol=1e-5)


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16, tf.float64])
def test_layers_of_other_floats_compute_in_float32(tmp_path, dtype):
    """TFLite has no kernels for them; the answers stay, less rounding."""

    def layer(x):
        kernel = tf.cast(np.random.default_rng(0).normal(0, 0.3, (1, 1, 3, 3)), dtype)
        return tf.cast(tf.nn.relu(tf.nn.conv2d(tf.cast(x, dtype), kernel, 1, "SAME")), tf.float32)

    def build():
        return body(layer(colours() / 255.0))

    path = written(tmp_path, build)
    graph = load_graph(path)
    types = {graph.index.nodes[name].attr["T"].type for name in graph.index.nodes if "Conv2D" in name}
    assert types <= {tf.float32.as_datatype_enum, tf.int32.as_datatype_enum, 0}
    pixels = draw_picture()
    feed = pixels[np.newaxis, ..., ::-1].astype(np.float32)
    np.testing.assert_allclose(node_answer(path, pixels), source_answer(build, feed), atol=0.02)


def test_activations_that_pass_through_8_bits_are_passed_by(tmp_path):
    """Quantize and Dequantize around activations are the rounding that calibration measures anew."""

    def build():
        x = colours() / 255.0
        rounded = tf.quantization.quantize(x, 0.0, 1.0, tf.quint8, "MIN_FIRST")
        return body(
            tf.quantization.dequantize(rounded.output, rounded.output_min, rounded.output_max, "MIN_FIRST")
        )

    pixels = draw_picture()
    feed = pixels[np.newaxis, ..., ::-1].astype(np.float32)
    path = written(tmp_path, build)
    np.testing.assert_allclose(node_answer(path, pixels), source_answer(build, feed), atol=0.02)
    graph = load_graph(path)
    ops = {graph.index.op(name) for name in graph.index.upstream([graph.logits])}
    assert not {"QuantizeV2", "Dequantize"} & ops
