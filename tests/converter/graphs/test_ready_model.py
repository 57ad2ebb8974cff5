"""A `.tflite` file becomes a bundle: its numbers stay, and the node says of a picture what it says alone."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from converter.graphs.scaling import GraphFlags
from converter.graphs.trained_graph import load_graph
from edge_node.inference.manifest import Resize
from tests.support.entry_graphs import (
    body,
    bundle_answer,
    channels_first,
    colours,
    draw_picture,
    float_bundle,
    placeholder,
)
from tests.support.graph_runs import refusal
from tests.support.ready_files import converted, plain_answer, put

SYMMETRIC = GraphFlags(input_mean=127.5, input_std=127.5)


def _classifier(end=tf.nn.softmax, **more):
    return lambda: body(colours(1), end, **more)


def _linear(x, name):
    return tf.identity(x, name=name)


@pytest.fixture(scope="module")
def int8(tmp_path_factory):
    """Return an int8 file with bytes at both ends, whose pixels lie between -1 and 1."""
    return converted(_classifier(), tmp_path_factory.mktemp("int8"), "int8", tf.uint8)


@pytest.mark.parametrize(
    ("mode", "io", "flags", "named"),
    [
        ("none", None, SYMMETRIC, "none"),
        ("float16", None, SYMMETRIC, "float16"),
        ("dynamic", None, SYMMETRIC, "dynamic"),
        ("int8", tf.uint8, None, "int8"),
        ("int8", tf.int8, None, "int8"),
        ("int8", None, None, "int8-float-io"),
    ],
)
def test_every_number_format_is_kept_byte_for_byte(tmp_path, mode, io, flags, named):
    """Nothing is quantized again; of 8 bits the span says the scaling, of float a flag does."""
    content = converted(_classifier(), tmp_path, mode, io)
    path = put(tmp_path, content)
    bundle = float_bundle(path, tmp_path, flags)
    (model,) = bundle.manifest.models
    assert (bundle.models[model.file], model.quantization) == (content, named)
    pixels = draw_picture()
    want = plain_answer(content, pixels, 127.5, 127.5)
    np.testing.assert_allclose(bundle_answer(bundle, pixels), want / want.sum(), atol=0.005)


def test_a_file_of_tensorflow_1_gets_its_resizing(tmp_path):
    """The names of its architecture stay in a file, and its training resized as TensorFlow 1 did."""
    rules = {}
    for name in (
        "MobilenetV1/MobilenetV1/Conv2d_0/Relu",
        "InceptionV3/InceptionV3/Conv2d_1a/Relu",
        "conv/Relu",
    ):
        folder = tmp_path / name.partition("/")[0]
        folder.mkdir()
        content = converted(lambda name=name: body(tf.nn.relu(colours(1), name=name), tf.nn.softmax), folder)
        rules[name] = load_graph(put(folder, content), SYMMETRIC).preprocessing.resize
    assert list(rules.values()) == [Resize.BILINEAR_TF1, Resize.BILINEAR_TF1, Resize.BILINEAR]


@pytest.mark.parametrize(
    ("mode", "io", "labels"), [("none", None, 1), ("int8", tf.uint8, 1), ("int8", tf.uint8, 3)]
)
def test_sigmoids_are_cut_off_and_made_by_the_node(tmp_path, mode, io, labels):
    """One per label stays one per label; a single one is the second label's probability."""
    content = converted(_classifier(tf.nn.sigmoid, labels=labels, bias=-1.0), tmp_path, mode, io)
    names = ("sound", "rust") if labels == 1 else ("rust", "pits", "paint")
    path = put(tmp_path, content, names)
    bundle = float_bundle(path, tmp_path, SYMMETRIC)
    pixels = draw_picture()
    want = plain_answer(content, pixels, 127.5, 127.5)
    want = np.array([1 - want[0], want[0]]) if labels == 1 else want
    found = bundle_answer(bundle, pixels)
    np.testing.assert_allclose(found, want, atol=0.005)
    (stage,) = bundle.manifest.cascade.stages
    assert stage.is_independent is (labels == 3)


def test_logits_get_their_softmax_and_arithmetic_inside_is_left_inside(tmp_path):
    """The file scales bytes itself: the node gives it bytes, and makes probabilities of its logits."""

    def build():
        x = tf.pad((colours(1) - 127.5) / 127.5, [[0, 0], [1, 1], [1, 1], [0, 0]])
        return body(x, _linear)

    content = converted(build, tmp_path)
    path = put(tmp_path, content)
    assert load_graph(path).preprocessing.std == (1.0, 1.0, 1.0)
    pixels = draw_picture()
    logits = plain_answer(content, pixels, 0, 1)
    want = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(bundle_answer(float_bundle(path, tmp_path), pixels), want, atol=1e-4)


def test_channels_first_are_turned_in_front_of_the_file(tmp_path):
    """As PyTorch's exporters write it."""
    build = lambda: body(tf.transpose(channels_first(1) / 255.0, [0, 2, 3, 1]))  # noqa: E731
    content = converted(build, tmp_path)
    flags = GraphFlags(input_mean=0.0, input_std=1.0)
    bundle = float_bundle(put(tmp_path, content), tmp_path, flags)
    usual = converted(lambda: body(colours(1) / 255.0), tmp_path / "usual")
    pixels = draw_picture()
    np.testing.assert_allclose(bundle_answer(bundle, pixels), plain_answer(usual, pixels, 0, 1), atol=1e-5)


def test_bytes_without_a_scale_are_given_as_they_are(tmp_path):
    """A uint8 input whose first op makes floats of it."""
    build = lambda: body(tf.cast(colours(1, tf.uint8), tf.float32) / 255.0)  # noqa: E731
    content = converted(build, tmp_path)
    pixels = draw_picture()
    bundle = float_bundle(put(tmp_path, content), tmp_path)
    np.testing.assert_allclose(bundle_answer(bundle, pixels), plain_answer(content, pixels, 0, 1), atol=1e-5)


def test_what_nothing_says_is_asked_for(tmp_path, int8):
    """A float input, and 8 bits that stand for other numbers than a scaling gives; flags must fit them."""
    path = put(tmp_path / "float", converted(_classifier(), tmp_path))
    assert "give --input-mean and --input-std" in refusal(path)
    odd = converted(_classifier(), tmp_path, "int8", tf.uint8, (-2.1, 2.64))
    assert "give --input-mean and --input-std" in refusal(put(tmp_path / "odd", odd))
    said = refusal(put(tmp_path / "int8", int8), GraphFlags(input_mean=0.0, input_std=1.0))
    assert "takes -0.996 to 1, which pixels with --input-mean 0 and --input-std 1 are not" in said


def test_an_open_size_is_asked_for_and_then_fixed(tmp_path):
    """The robot's interpreter gives each picture at one size."""
    content = converted(lambda: body(placeholder(1, None, None, 3)), tmp_path)
    path = put(tmp_path, content)
    assert "give --input-height and --input-width" in refusal(path, SYMMETRIC)
    flags = GraphFlags(input_mean=127.5, input_std=127.5, input_height=32, input_width=40)
    (model,) = float_bundle(path, tmp_path, flags).manifest.models
    assert model.input.shape == (1, 32, 40, 3)


def _mask():
    return tf.nn.conv2d(colours(1), np.ones((3, 3, 3, 4), np.float32), 1, "SAME", name="final_result")


def _number_of_a_label():
    return tf.argmax(tf.reduce_mean(colours(1), [1, 2]), 1, name="final_result")


def _two_pictures():
    return body(colours(1) + placeholder(1, 24, 24, 3, name="second"))


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: body(colours(8)), "takes 8 pictures at a time, wanted one"),
        (lambda: body(colours(1, channels=1)), "has 1 channel, wanted three"),
        (lambda: body(colours(1), tf.nn.relu), "ends in Relu"),
        (_mask, "no classifier of whole pictures"),
        (_two_pictures, "2 inputs"),
        (_number_of_a_label, "is int64, which is no value per label"),
    ],
)
def test_what_cannot_serve_is_refused_in_one_sentence(tmp_path, build, said):
    """Each before any work."""
    assert said in refusal(put(tmp_path, converted(build, tmp_path)), SYMMETRIC)


def test_a_damaged_file_is_called_that(tmp_path, int8):
    """Cut off in the middle."""
    assert "damaged or cut off" in refusal(put(tmp_path, int8[:200]))
