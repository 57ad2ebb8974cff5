"""Graphs of every age and kind: what is recognised, and what is said where something is not."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from converter.graphs.fuse import fuse
from converter.graphs.scaling import GraphFlags
from converter.graphs.trained_graph import load_graph
from edge_node.errors import GraphError
from edge_node.inference.manifest import OutputKind, Resize
from tests.support import small_graphs


def outputs(definition, feeds, *names):
    """Run a GraphDef in a session of its own."""
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(definition, name="")
        with tf.compat.v1.Session(graph=graph) as session:
            return session.run([f"{name}:0" for name in names], feeds)


def refusal(path, flags=None) -> str:
    """Return the one sentence with which a graph is refused."""
    with pytest.raises(GraphError) as caught:
        load_graph(path, flags)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_a_poets_mobilenet_is_recognised(tmp_path):
    """Input, size, scaling, resize rule, classes and head, without a flag."""
    graph = load_graph(small_graphs.write_graph(tmp_path, small_graphs.poets_mobilenet(labels=3)))
    assert (graph.input, graph.output, graph.classes) == ("input", "final_result", 3)
    rule = graph.preprocessing
    assert (rule.height, rule.width) == (small_graphs.SIZE_PX, small_graphs.SIZE_PX)
    assert rule.mean == rule.std == (127.5, 127.5, 127.5)
    assert rule.resize is Resize.BILINEAR_TF1
    assert graph.head is not None
    assert graph.head.weights.shape == (24, 3)


@pytest.mark.parametrize("producer", [0, 8, 21, 27])
def test_an_inception_of_2015_gives_the_same_logits_at_every_version(tmp_path, producer):
    """Its removed op becomes arithmetic; TensorFlow's own, at a version that has it, is the reference."""
    definition = small_graphs.inception_2015(producer)
    graph = load_graph(small_graphs.write_graph(tmp_path, definition))
    assert (graph.input, graph.preprocessing.height, graph.preprocessing.mean[0]) == ("Mul", 299, 128.0)
    assert graph.preprocessing.std[0] == 128.0
    fused = fuse({"plates": graph})[0]
    pictures = np.random.default_rng(0).uniform(-1, 1, (1, 299, 299, 3)).astype(np.float32)
    (found,) = outputs(fused.graph_def, {"Mul:0": pictures}, "plates/map")
    definition.versions.producer = 8
    (wanted,) = outputs(definition, {"Mul:0": pictures}, "final_training_ops/Wx_plus_b/add")
    assert np.abs(found.mean(axis=(1, 2)) - wanted).max() < 1e-5


def test_fake_quantization_is_taken_out(tmp_path):
    """Weights stay rounded as they were trained; activations are left to calibration."""
    definition = small_graphs.poets_mobilenet(fake_quant=True)
    graph = load_graph(small_graphs.write_graph(tmp_path, definition))
    fused = fuse({"plates": graph})[0]
    assert not any("FakeQuant" in node.op for node in fused.graph_def.node)
    pictures = np.random.default_rng(0).uniform(-1, 1, (1, 32, 32, 3)).astype(np.float32)
    (found,) = outputs(fused.graph_def, {"input:0": pictures}, "plates/map")
    (wanted,) = outputs(definition, {"input:0": pictures}, "final_training_ops/Wx_plus_b/add")
    # A step of the activations is 6 / 255; forty inputs of the last layer average it out.
    assert np.abs(found.mean(axis=(1, 2)) - wanted).max() < 6 / 255


@pytest.mark.parametrize("kind", ["plates.keras", "plates.h5", "saved_model"])
def test_keras_and_saved_models_keep_their_own_scaling(tmp_path, kind):
    """Arithmetic at the beginning of the graph moves into the node's preprocessing."""
    model = small_graphs.keras_classifier()
    path = tmp_path / kind
    if kind == "saved_model":
        model.export(path, verbose=False)
    else:
        model.save(path)
    graph = load_graph(path)
    assert graph.preprocessing.mean == pytest.approx((127.5,) * 3, rel=1e-6)
    assert graph.preprocessing.std == pytest.approx((127.5,) * 3, rel=1e-6)
    assert graph.preprocessing.resize is Resize.BILINEAR
    fused = fuse({"plates": graph})[0]
    assert fused.outputs[0].kind is OutputKind.MAP
    pictures = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3)).astype(np.float32)
    scaled = (pictures - 127.5) / 127.5
    (found,) = outputs(fused.graph_def, {f"{graph.input}:0": scaled}, "plates/map")
    logits = found.mean(axis=(1, 2))
    powers = np.exp(logits - logits.max())
    assert powers / powers.sum() == pytest.approx(model.predict(pictures, verbose=0), abs=1e-5)


def test_a_keras_model_without_scaling_asks_for_it(tmp_path):
    """Nothing in it says how its pixels were scaled, so nothing is assumed."""
    path = tmp_path / "plates.keras"
    small_graphs.keras_classifier(rescaling=False).save(path)
    assert "--input-mean" in refusal(path)
    graph = load_graph(path, GraphFlags(input_mean=0.0, input_std=255.0))
    assert graph.preprocessing.std == (255.0, 255.0, 255.0)


def test_two_inputs_are_refused(tmp_path):
    """A picture and something else: which is which cannot be known."""
    with tf.Graph().as_default() as graph:
        first, second = (
            tf.compat.v1.placeholder(tf.float32, (1, 8, 8, 3), name=n) for n in ("left", "right")
        )
        tf.nn.softmax(tf.reduce_mean(first + second, (1, 2)), name="final_result")
    said = refusal(small_graphs.write_graph(tmp_path, graph.as_graph_def()))
    assert "left, right" in said
    assert "--input-layer" in said


def test_a_detector_is_refused(tmp_path):
    """Boxes and scores: several outputs, none of them a classifier's."""
    with tf.Graph().as_default() as graph:
        picture = tf.compat.v1.placeholder(tf.float32, (1, 8, 8, 3), name="image")
        tf.reshape(picture, (1, 64, 3), name="boxes")
        tf.reduce_max(picture, -1, name="scores")
    path = small_graphs.write_graph(tmp_path, graph.as_graph_def())
    said = refusal(path)
    assert "boxes, scores" in said
    assert "--output-layer" in said
    flags = GraphFlags(output_layer="boxes", input_mean=0.0, input_std=1.0)
    assert "wanted (1, classes)" in refusal(path, flags)


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (GraphFlags(input_layer="nowhere"), "'nowhere' (--input-layer)"),
        (GraphFlags(output_layer="nowhere"), "'nowhere' (--output-layer)"),
        (GraphFlags(input_layer="final_training_ops/biases", output_layer="MobilenetV1/c0"), "--input-layer"),
        (GraphFlags(input_mean=1.0, input_std=0.0), "--input-std is 0"),
    ],
)
def test_flags_that_do_not_fit_are_named(tmp_path, flags, named):
    """The sentence holds the flag that is wrong."""
    path = small_graphs.write_graph(tmp_path, small_graphs.poets_mobilenet())
    assert named in refusal(path, flags)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\x1c\x00\x00\x00TFL3 and so on", "TFLite model already"),
        (b'node {\n  name: "input"\n}\n', "text form"),
        (b"\xff\xd8\xff\xe0 a picture", "cut off"),
        (b"\x89HDF\r\n\x1a\n and no more", "Keras does not load it"),
    ],
)
def test_files_of_other_kinds_are_called_what_they_are(tmp_path, content, said):
    """One sentence each, with the file's name."""
    path = tmp_path / "graph.pb"
    path.write_bytes(content)
    assert said in refusal(path)


def test_a_graph_cut_between_two_nodes_is_refused(tmp_path):
    """It parses, but what it reads is gone."""
    definition = small_graphs.poets_mobilenet()
    del definition.node[:10]
    path = small_graphs.write_graph(tmp_path, definition)
    assert "cut off" in refusal(path)
