"""Trained graphs: which are recognised, and what is said where one is not."""

from __future__ import annotations

import pytest
import tensorflow as tf

from converter.graphs.scaling import GraphFlags
from converter.graphs.trained_graph import load_graph
from edge_node.inference.manifest import Resize
from tests.support import small_graphs
from tests.support.graph_runs import refusal


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


def test_a_graph_cut_between_two_nodes_is_refused(tmp_path):
    """It parses, but what it reads is gone."""
    definition = small_graphs.poets_mobilenet()
    del definition.node[:10]
    path = small_graphs.write_graph(tmp_path, definition)
    assert "cut off" in refusal(path)
