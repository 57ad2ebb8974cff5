"""Inputs beside the picture: set to what they are when the graph classifies, or refused by name."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from converter.graphs.scaling import GraphFlags
from tests.support.entry_graphs import (
    body,
    bundle_answer,
    colours,
    draw_picture,
    float_bundle,
    node_answer,
    placeholder,
    source_answer,
    written,
)
from tests.support.graph_runs import refusal

tf1 = tf.compat.v1


def _with(middle):
    return lambda: body(colours() / 255.0, middle=middle)


def _old_dropout(x):
    """Drop as TensorFlow 1.4 did: floor of the kept share and a random number."""
    keep = placeholder(name="model/keep_prob")
    mask = tf.floor(keep + tf.random.uniform(tf.shape(x)))
    return tf.divide(x, keep) * mask


def _new_dropout(x):
    return tf1.nn.dropout(x, keep_prob=placeholder(name="keep_prob"))


def _rate(x):
    return tf1.nn.dropout(x, rate=placeholder(name="dropout_rate"))


def _named_like_either(x):
    return tf1.nn.dropout(x, keep_prob=placeholder(name="dropout"))


def _phase(x):
    phase = placeholder(dtype=tf.bool, name="phase_train")
    return tf1.cond(phase, lambda: tf1.nn.dropout(x, rate=0.5) - 9.0, lambda: x * 0.5)


def _defaulted_phase(x):
    phase = tf1.placeholder_with_default(True, (), name="is_training")
    return tf1.cond(phase, lambda: x - 9.0, lambda: x * 0.5)


def _for_inference(x):
    return tf.where(placeholder(dtype=tf.bool, name="is_inference"), x * 0.5, x - 9.0)


def _batch_size(x):
    size = placeholder(dtype=tf.int32, name="batch_size")
    return tf.reshape(x, tf.stack([size, 8]))


def _phase_by_function(x):
    tf1.enable_control_flow_v2()
    try:
        return _phase(x)
    finally:
        tf1.disable_control_flow_v2()


@pytest.mark.parametrize(
    ("middle", "fed"),
    [
        (_old_dropout, {"model/keep_prob": 1.0}),
        (_new_dropout, {"keep_prob": 1.0}),
        (_rate, {"dropout_rate": 0.0}),
        (_named_like_either, {"dropout": 1.0}),
        (_phase, {"phase_train": False}),
        (_phase_by_function, {"phase_train": False}),
        (_defaulted_phase, {"is_training": False}),
        (_for_inference, {"is_inference": True}),
        (_batch_size, {"batch_size": 1}),
    ],
)
def test_a_switch_is_set_to_what_it_is_when_the_graph_classifies(tmp_path, middle, fed):
    """TensorFlow's answer with the switch fed is the node's without it, and its flag need not be given."""
    build = _with(middle)
    pixels = draw_picture()
    wanted = source_answer(build, pixels[np.newaxis, ..., ::-1].astype(np.float32), **fed)
    assert node_answer(written(tmp_path, build), pixels) == pytest.approx(wanted, abs=0.002)


def test_a_graph_without_its_dropout_becomes_a_bundle(tmp_path):
    """No random numbers are left that TFLite would not know; the picture may be named by its flag."""
    build, pixels = _with(_new_dropout), draw_picture()
    wanted = source_answer(build, pixels[np.newaxis, ..., ::-1].astype(np.float32), keep_prob=1.0)
    bundle = float_bundle(written(tmp_path, build), tmp_path / "work", GraphFlags(input_layer="input"))
    assert bundle_answer(bundle, pixels) == pytest.approx(wanted, abs=0.002)


@pytest.mark.parametrize(
    ("middle", "flags", "words"),
    [
        (lambda x: x * placeholder(name="gain"), GraphFlags(input_layer="input"), "wants 'gain' (float32)"),
        (lambda x: x * placeholder(name="keep_all"), GraphFlags(), "wants 'keep_all' (float32)"),
        (lambda x: x + placeholder(None, 8, name="mask"), GraphFlags(input_layer="input"), "wants 'mask'"),
        (lambda x: x + placeholder(None, 8, name="mask"), GraphFlags(), "2 inputs (input, mask)"),
        (lambda x: tf1.nn.dropout(x, rate=0.5), GraphFlags(), "draws random numbers"),
        (lambda x: tf.map_fn(tf.abs, x), GraphFlags(), "runs a loop whenever it classifies"),
    ],
)
def test_anything_else_is_refused_by_name(tmp_path, middle, flags, words):
    """Nothing says what these are when the graph classifies."""
    assert words in refusal(written(tmp_path, _with(middle)), flags)
