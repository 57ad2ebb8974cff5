"""Weights of convolutions become matrices and go back to their places."""

from __future__ import annotations

import numpy as np
import pytest

from converter.quantize.convolutions import read_convolutions
from converter.tensorflow_import import tensorflow
from converter.tflite.tflite_file import encode_model, parse_model
from edge_node.inference.interpreter import Interpreter


@pytest.fixture(scope="module")
def model() -> bytes:
    """A grouped convolution, a depthwise one with two outputs a channel, and one whose weights it shares."""
    tf = tensorflow()
    random = np.random.default_rng(0)
    grouped = random.normal(size=(3, 3, 2, 6)).astype(np.float32)
    depthwise = random.normal(size=(3, 3, 6, 2)).astype(np.float32)

    @tf.function(input_signature=[tf.TensorSpec((1, 8, 8, 4))])
    def network(values):
        first = tf.nn.conv2d(values, grouped, 1, "SAME")
        again = tf.nn.depthwise_conv2d(tf.nn.relu(first), depthwise, [1, 1, 1, 1], "SAME")
        return again + tf.nn.depthwise_conv2d(tf.nn.relu(-first), depthwise, [1, 1, 1, 1], "SAME")

    return tf.lite.TFLiteConverter.from_concrete_functions([network.get_concrete_function()]).convert()


def ask(model: bytes) -> np.ndarray:
    """Return a model's output for noise."""
    values = np.random.default_rng(1).normal(size=(1, 8, 8, 4)).astype(np.float32)
    (output,) = Interpreter(model, where="model").run(values).values()
    return output


def test_matrices_go_back_to_where_they_were(model):
    """Twice the weights, twice the output, for groups, depth multipliers and shared weights alike."""
    tree = parse_model(model)
    found = read_convolutions(tree)
    assert [convolution.weights.shape for convolution in found] == [(2, 18, 3), (6, 9, 2), (6, 9, 2)]
    for convolution in found[1:]:
        convolution.change(tree, 2 * convolution.weights, 0.0)
    np.testing.assert_allclose(ask(encode_model(tree)), 2 * ask(model), rtol=1e-5)


def test_one_of_two_convolutions_that_share_their_weights_is_changed_alone(model):
    """The other keeps its own."""
    halves = []
    for silent in ((1,), (2,), (1, 2)):
        tree = parse_model(model)
        for at in silent:
            found = read_convolutions(tree)[at]
            found.change(tree, 0 * found.weights, 0.0)
        halves.append(ask(encode_model(tree)))
    np.testing.assert_allclose(halves[0] + halves[1] - halves[2], ask(model), atol=1e-4)


def test_a_shift_is_taken_from_the_output(model):
    """Per output channel, in their order."""
    tree, shift = parse_model(model), np.arange(12.0)
    last = read_convolutions(tree)[-1]
    last.change(tree, last.weights, shift)
    np.testing.assert_allclose(ask(encode_model(tree)), ask(model) - shift, atol=1e-4)
