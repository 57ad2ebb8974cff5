"""What a graph makes of its logits: kept, made one of the labels, or refused by name."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from converter.graphs.trained_graph import load_graph
from converter.nodes.output_contract import OutputForm
from tests.support.entry_graphs import (
    body,
    bundle_answer,
    colours,
    draw_picture,
    float_bundle,
    source_answer,
    written,
)
from tests.support.graph_runs import refusal


def _ending(end, **more):
    return lambda: body(colours() / 255.0, end, **more)


def _written_softmax(x, name):
    powers = tf.exp(x - tf.reduce_max(x, -1, keepdims=True))
    return tf.divide(powers, tf.reduce_sum(powers, -1, keepdims=True), name=name)


def _over_the_batch(powers, name):
    return tf.divide(powers, tf.reduce_sum(powers, 0, keepdims=True), name=name)


def _reshaped(x, name):
    return tf.reshape(tf.nn.softmax(x), (1, 2), name=name)


_FORMS = {
    "softmax": (_ending(tf.nn.softmax), OutputForm.SOFTMAX, lambda found: found),
    "softmax, reshaped": (_ending(_reshaped), OutputForm.SOFTMAX, lambda found: found),
    "softmax by hand": (_ending(_written_softmax), OutputForm.SOFTMAX, lambda found: found),
    "logarithm of a softmax": (_ending(tf.nn.log_softmax), OutputForm.SOFTMAX, np.exp),
    "logits": (
        _ending(tf.identity),
        OutputForm.LOGITS,
        lambda found: np.exp(found) / np.exp(found).sum(),
    ),
    "logits divided": (
        _ending(lambda x, name: tf.divide(x, 3.0, name=name)),
        OutputForm.LOGITS,
        lambda found: np.exp(found) / np.exp(found).sum(),
    ),
    "sigmoids of two labels": (_ending(tf.nn.sigmoid, bias=2.0), OutputForm.SIGMOID, lambda found: found),
    "one sigmoid": (
        _ending(tf.nn.sigmoid, labels=1),
        OutputForm.ONE_SIGMOID,
        lambda found: np.array([1 - found[0], found[0]]),
    ),
}


@pytest.mark.parametrize("name", _FORMS)
def test_the_bundle_has_the_probabilities_of_the_original_output(tmp_path, name):
    """Softmax, logits and sigmoids give in the node what they gave in TensorFlow."""
    build, form, as_probabilities = _FORMS[name]
    path = written(tmp_path, build)
    graph = load_graph(path)
    assert (graph.output_contract.form, graph.classes) == (form, 2)
    assert graph.head is not None
    pixels = draw_picture()
    wanted = as_probabilities(source_answer(build, pixels[np.newaxis, ..., ::-1].astype(np.float32)))
    bundle = float_bundle(path, tmp_path / "work")
    assert bundle_answer(bundle, pixels) == pytest.approx(wanted, abs=0.002)
    (stage,) = bundle.manifest.cascade.stages
    assert stage.is_independent == (form is OutputForm.SIGMOID)


@pytest.mark.parametrize(
    ("end", "op"),
    [
        (tf.nn.tanh, "Tanh"),
        (lambda x, name: tf.clip_by_value(x, 0.0, 1.0, name=name), "Maximum"),
        (lambda x, name: tf.square(tf.nn.softmax(x), name=name), "Square"),
        (lambda x, name: tf.multiply(tf.nn.softmax(x), tf.nn.softmax(x), name=name), "Mul"),
        (lambda x, name: tf.multiply(tf.nn.softmax(x), 100.0, name=name), "arithmetic on a Softmax"),
        (
            lambda x, name: tf.divide(
                tf.nn.sigmoid(x), tf.reduce_sum(tf.nn.sigmoid(x), 1, keepdims=True), name=name
            ),
            "RealDiv",
        ),
        (lambda x, name: tf.subtract(1.0, tf.nn.sigmoid(x), name=name), "arithmetic on a Sigmoid"),
        (
            lambda x, name: tf.add(tf.nn.softmax(x) / 2, tf.nn.softmax(2 * x) / 2, name=name),
            "arithmetic on a Softmax",
        ),
        (lambda x, name: _over_the_batch(tf.exp(x), name), "RealDiv"),
        (tf.nn.relu, "Relu"),
    ],
)
def test_an_output_squashed_by_something_else_is_refused(tmp_path, end, op):
    """Its numbers are neither logits nor the probabilities of a softmax or sigmoid."""
    told = refusal(written(tmp_path, _ending(end)))
    assert f"ends in {op}, which is neither a softmax, a sigmoid nor a linear layer" in told
    assert "--output-layer" in told


def test_one_value_without_a_sigmoid_is_refused(tmp_path):
    """Nothing says what a single number stands for."""
    assert "one value" in refusal(written(tmp_path, _ending(tf.identity, labels=1)))
