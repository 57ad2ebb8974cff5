"""Graphs as strangers bring them: each fault that the converter once had with one, with the right value.

What TensorFlow says of a graph with its own preprocessing is what the node must say with the bundle.
"""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from converter.graphs.label_meanings import derive_meanings, find_doubts
from converter.graphs.label_names import load_labels
from converter.graphs.scaling import GraphFlags
from converter.graphs.trained_graph import load_graph
from edge_node.errors import DatasetError
from edge_node.inference.manifest import Resize
from tests.support.entry_graphs import (
    body,
    bundle_answer,
    channels_first,
    colours,
    draw_picture,
    float_bundle,
    placeholder,
    source_answer,
    written,
)
from tests.support.graph_runs import refusal
from tests.support.keras_files import SIZE_PX, augmented, rewritten

if TYPE_CHECKING:
    from collections.abc import Callable

BYTES = GraphFlags(input_mean=0.0, input_std=1.0)
CAFFE_MEANS = np.array([123.68, 116.78, 103.94], np.float32)


class Case(NamedTuple):
    """A graph, what its training fed it for a picture with red first, and flags that the user needs."""

    build: Callable[[], Any]
    feed: Callable[[Any], Any] = lambda red_first: red_first.astype(np.float32)
    flags: GraphFlags | None = None
    more: tuple[tuple[str, float], ...] = ()


def _dropped(x):
    return tf.compat.v1.nn.dropout(x, keep_prob=placeholder(name="keep_prob"))


def _dequantized():
    """Weights of 8 bits above 100 KiB, where TensorFlow's own simplification leaves them alone."""
    stored = np.random.default_rng(5).integers(0, 255, (3, 3, 24, 500)).astype(np.uint8)
    first = np.random.default_rng(6).normal(0, 0.3, (3, 3, 3, 24)).astype(np.float32)
    head = np.random.default_rng(7).normal(0, 0.3, (500, 2)).astype(np.float32)
    kernel = tf.quantization.dequantize(
        tf.bitcast(tf.constant(stored), tf.quint8), -0.2, 0.3, "MIN_FIRST", name="stored/dequantized"
    )
    x = tf.nn.relu(tf.nn.conv2d(colours() / 255.0, first, 2, "SAME"))
    x = tf.nn.relu(tf.nn.conv2d(x, kernel, 2, "SAME"))
    return tf.nn.softmax(tf.matmul(tf.reduce_mean(x, [1, 2]), head), name="final_result")


CASES = {
    "channels first": Case(
        lambda: body(tf.transpose(channels_first(1) / 255.0, [0, 2, 3, 1])),
        lambda red_first: red_first.transpose(0, 3, 1, 2).astype(np.float32),
    ),
    "nothing but an Identity": Case(lambda: body(tf.identity(colours())), flags=BYTES),
    "a Cast of bytes": Case(
        lambda: body(tf.cast(colours(dtype=tf.uint8), tf.float32) * np.float32(0.02)), lambda pixels: pixels
    ),
    "a mean alone": Case(lambda: body((colours() - CAFFE_MEANS) * np.float32(0.02))),
    "sigmoids": Case(lambda: body(colours() / 255.0, tf.nn.sigmoid, bias=-1.0)),
    "one channel": Case(
        lambda: body(colours(channels=1) / 255.0),
        lambda red_first: tf.image.rgb_to_grayscale(red_first.astype(np.float32)).numpy(),
    ),
    "keep_prob": Case(lambda: body(colours() / 255.0, middle=_dropped), more=(("keep_prob", 1.0),)),
    "weights behind Dequantize": Case(_dequantized),
    "bytes with the flags that say so": Case(
        lambda: body(tf.image.convert_image_dtype(colours(1, tf.uint8), tf.float32)),
        lambda pixels: pixels,
        BYTES,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_bundle_says_what_tensorflow_says(tmp_path, name):
    """Float, through the node's own engine, with no flag but those that nothing in the graph tells."""
    case = CASES[name]
    path, pixels = written(tmp_path, case.build), draw_picture()
    want = source_answer(case.build, case.feed(pixels[np.newaxis, ..., ::-1]), **dict(case.more))
    found = bundle_answer(float_bundle(path, tmp_path / "work", case.flags), pixels)
    np.testing.assert_allclose(found, want, atol=2e-3)


def test_scaling_that_nothing_tells_is_asked_for(tmp_path):
    """An Identity, as SavedModels of Keras 2 begin with, scales nothing."""
    said = refusal(written(tmp_path, CASES["nothing but an Identity"].build))
    assert "how its pixels were scaled is not to be seen; give --input-mean and --input-std" in said


def test_sigmoids_stay_independent(tmp_path):
    """No softmax is laid over them: the stage has a threshold per label."""
    path = written(tmp_path, CASES["sigmoids"].build)
    assert load_graph(path).output_contract.is_independent
    (stage,) = float_bundle(path, tmp_path / "work").manifest.cascade.stages
    assert stage.is_independent


@pytest.mark.parametrize("name", ["augmentation", "groups of Keras 2"])
def test_keras_files_answer_as_keras_does(tmp_path, name):
    """Augmentation is off when a model classifies; a word of Keras 2 does not stop Keras 3."""
    import keras

    layers = keras.layers
    if name == "augmentation":
        model, path = augmented([layers.RandomFlip("horizontal"), layers.RandomRotation(0.1)]), "model.h5"
    else:
        model, path = augmented([layers.DepthwiseConv2D(3)]), "model.h5"
    model.save(tmp_path / path)
    (tmp_path / "labels.txt").write_text("corroded\nuncorroded\n", encoding="utf-8")
    if name != "augmentation":

        def add_groups(layer):
            if layer["class_name"] == "DepthwiseConv2D":
                layer["config"]["groups"] = 1

        rewritten(tmp_path / path, add_groups, "2.4.0")
    flags = None if name == "augmentation" else BYTES
    pixels = draw_picture()
    want = model(pixels[np.newaxis, ..., ::-1].astype(np.float32), training=False)[0]
    found = bundle_answer(float_bundle(tmp_path / path, tmp_path / "work", flags), pixels)
    np.testing.assert_allclose(found, np.asarray(want), atol=1e-4)


def test_a_keras_file_is_resized_as_tensorflow_2_resizes(tmp_path):
    """By the kind of the file, not by the ops that happen to be in it."""
    import keras

    picture = keras.Input((SIZE_PX, SIZE_PX, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3, activation="relu")(picture))
    keras.Model(picture, keras.layers.Dense(2, "softmax")(x)).save(tmp_path / "model.keras")
    contract = load_graph(tmp_path / "model.keras", BYTES).input_contract
    assert (contract.resize, contract.sources["resize"]) == (Resize.BILINEAR, "a Keras file")


def test_labels_with_and_without_rust_mean_what_they_say():
    """One is corroded, one is not, so that nothing is left to ask."""
    labels = ("with rust", "without rust")
    meanings = derive_meanings(labels)
    assert [meanings[label].corroded for label in labels] == [True, False]
    assert find_doubts(labels, meanings) is None


def packed(name: str) -> bytes:
    """Return a ZIP archive with one file of this name in it."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(name, b"")
    return made.getvalue()


def test_a_graph_of_an_op_that_tensorflow_does_not_have_is_one_sentence(tmp_path):
    """An op of somebody's own library is named."""
    path = written(tmp_path, CASES["sigmoids"].build)
    path.write_bytes(path.read_bytes().replace(b"Relu6", b"Reluz"))
    assert "Op type not registered 'Reluz'" in refusal(path)


def test_a_graph_without_its_variables_is_not_frozen(tmp_path):
    """The variable is named, and where its numbers are."""

    def build() -> None:
        gain = tf.compat.v1.get_variable("gain", (1,), use_resource=False)
        body(colours() / 255.0, middle=lambda x: x * gain)

    assert "not frozen: the numbers of 'gain'" in refusal(written(tmp_path, build))


def test_a_label_that_stands_twice_is_named(tmp_path):
    """The label file is there: what is wrong with it is said."""
    path = written(tmp_path, CASES["sigmoids"].build, ("corroded", "corroded"))
    with pytest.raises(DatasetError, match="the label 'corroded' stands 2 times; wanted each once"):
        load_labels(path)


@pytest.mark.parametrize(
    ("content", "said", "name"),
    [
        (b"\x0a\x02ab", "part of a checkpoint of training", "model.ckpt.meta"),
        (b"\x1f\x8b\x08", "a packed folder or file", "graph.pb"),
        (packed("model/saved_model.pb"), "a packed folder or file", "model.zip"),
        (b"<!DOCTYPE html>", "a web page", "graph.pb"),
        (b"# made by hand\nnode {\n}", "a graph in text form", "graph.pb"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 8\n",
            "a Git LFS pointer",
            "graph.pb",
        ),
        (b"\x08\x07\x12\x07pytorch", "an ONNX model", "graph.pb"),
    ],
)
def test_what_is_no_graph_is_called_what_it_is(tmp_path, content, said, name):
    """A pointer to a file that was not fetched, a model of another framework, what is still packed."""
    path = tmp_path / name
    path.write_bytes(content)
    assert said in refusal(path)
