"""Nodes before the first layer: the bundle takes the node's picture, whatever the graph took."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from converter.graphs.input_adapter import GREY_WEIGHTS
from converter.graphs.scaling import GraphFlags
from tests.support.entry_graphs import (
    body,
    bundle_answer,
    channels_first,
    colours,
    draw_picture,
    float_bundle,
    source_answer,
    written,
)


def _as_onnx_exporters_write_it():
    """Build a graph that is padded channels first before its first transposition."""
    padded = tf.pad(channels_first(1) / 255.0, [[0, 0], [0, 0], [1, 1], [1, 1]])
    return body(tf.transpose(padded, [0, 2, 3, 1]))


def _first(rgb):
    return rgb.transpose(2, 0, 1)[np.newaxis]


def _opaque(rgb):
    return np.concatenate([rgb, np.full_like(rgb[..., :1], 255)], axis=-1)[np.newaxis]


@pytest.mark.parametrize(
    ("build", "feed", "flags"),
    [
        (_as_onnx_exporters_write_it, _first, GraphFlags()),
        (
            lambda: body(colours(channels=1) / 127.5 - 1.0),
            lambda rgb: tf.image.rgb_to_grayscale(rgb[np.newaxis]).numpy(),
            GraphFlags(),
        ),
        (
            lambda: body(colours(channels=4) / 255.0),
            _opaque,
            GraphFlags(input_colour_order="RGBA"),
        ),
        (
            lambda: body(tf.image.resize(tf.cast(colours(1, tf.uint8), tf.float32), (16, 16)) / 255.0),
            lambda rgb: rgb[np.newaxis].astype(np.uint8),
            GraphFlags(),
        ),
    ],
    ids=["channels first", "grey", "opacity", "whole numbers"],
)
def test_the_bundle_says_what_tensorflow_says_of_the_original_graph(tmp_path, build, feed, flags):
    """TFLite takes one picture of three channels, channels last, and gives TensorFlow's probabilities."""
    bundle = float_bundle(written(tmp_path, build), tmp_path / "work", flags)
    (model,) = bundle.manifest.models
    assert model.input.shape == (1, 24, 24, 3)
    pixels = draw_picture()
    wanted = source_answer(build, feed(pixels[..., ::-1].astype(np.float32)))
    assert bundle_answer(bundle, pixels) == pytest.approx(wanted, abs=0.002)


def test_grey_is_what_tensorflow_makes_of_colours():
    """The weights are those of tf.image.rgb_to_grayscale, channel by channel."""
    found = tf.image.rgb_to_grayscale(np.eye(3, dtype=np.float32)[np.newaxis]).numpy().reshape(-1)
    assert found == pytest.approx(GREY_WEIGHTS, abs=1e-6)
