"""``converter inspect``: what a conversion would find in a graph, and what is missing."""

from __future__ import annotations

import json

import pytest
import tensorflow as tf

from converter.cli.graphs import inspect_graph
from edge_node.errors import GraphError
from edge_node.inference.bundle import DEFAULT_BUNDLE
from tests.support import small_graphs
from tests.support.subcommands import run


def test_inspect_says_what_conversion_would_find(graph, capsys):
    """As JSON: input, scaling, classes, labels, head, parameters, operators."""
    assert run(inspect_graph, graph, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["input"], found["output"], found["classes"]) == ("input", "final_result", 2)
    assert found["labels"] == ["corroded", "uncorroded"]
    assert found["preprocessing"]["std"] == [127.5, 127.5, 127.5]
    contract = found["input_contract"]
    assert (contract["layout"], contract["channels"], contract["colour_order"]) == ("NHWC", 3, "RGB")
    assert contract["sources"]["scaling"] == "MobileNet v1, whose scaling is known"
    assert "--input-colour-order" in contract["not_known"][0]
    assert found["output_contract"]["form"] == "softmax"
    assert found["operators"]["DepthwiseConv2dNative"] == 1
    assert found["bottleneck"] == "MobilenetV1/AvgPool"
    assert "24 x 2" in found["head"]
    # Kernels 3*3*3*8 + 3*3*8 + 8*24 + 24*40, batch norms 2*(8+8+24), bias 40, last layer 40*2 + 2.
    assert found["parameters"] == 216 + 72 + 192 + 960 + 80 + 40 + 82


def test_inspect_says_what_is_missing_and_which_flag_says_it(tmp_path, capsys):
    """An unknown architecture: what was found is printed, the flags are named, exit 1."""
    path = tmp_path / "plates.keras"
    small_graphs.keras_classifier(rescaling=False).save(path)
    assert run(inspect_graph, path) == 1
    said = capsys.readouterr()
    assert "Keras model" in said.out
    assert "--input-mean" in said.err
    assert run(inspect_graph, path, "--input-mean", 0, "--input-std", 255) == 0


def test_inspect_shows_where_each_fact_comes_from(graph, capsys):
    """A line a fact, its source in brackets, and a line for what nothing tells."""
    assert run(inspect_graph, graph, "--input-mean", "1,2,3", "--input-std", 4) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "scaling       (pixel - 1/2/3) / 4 [flag]" in lines
    assert "layout        NHWC [the graph's own ops], float32" in lines
    assert "answer        2 labels: one of them, by a softmax" in lines
    assert any(line.startswith("not known     colour order") for line in lines)


def test_inspect_writes_for_tensorboard(graph, tmp_path):
    """The event file holds the graph with all its nodes."""
    run(inspect_graph, graph, "--tensorboard", tmp_path / "board")
    (events,) = (tmp_path / "board").iterdir()
    written = [e.graph_def for e in tf.compat.v1.train.summary_iterator(str(events)) if e.graph_def]
    definition = tf.compat.v1.GraphDef.FromString(written[0])
    assert "final_result" in {node.name for node in definition.node}


def test_inspect_knows_what_the_converter_itself_wrote(capsys):
    """A bundle is called that; its model has several outputs, each with a map."""
    with pytest.raises(GraphError, match="a bundle already"):
        run(inspect_graph, DEFAULT_BUNDLE)
    assert run(inspect_graph, DEFAULT_BUNDLE / "model.tflite") == 1
    said = capsys.readouterr()
    assert "TFLite model, " in said.out
    assert "5 outputs, wanted one classifier; name one of material/map" in said.err


def test_inspect_does_not_take_labels_for_those_of_another_output(graph, capsys):
    """Forty values, two labels beside the graph: they are not shown as if they belonged together."""
    assert run(inspect_graph, graph, "--output-layer", "MobilenetV1/Predictions/Reshape") == 0
    assert "40 classes (the label file beside it has 2: not of this output)" in capsys.readouterr().out


def test_inspect_tells_the_doubts_that_convert_tells(graph, capsys):
    """A label that no word explains is named with the flag to give; labels that say it all are not."""
    assert run(inspect_graph, graph) == 0
    assert "\ndoubt" not in capsys.readouterr().out
    (graph.parent / "retrained_labels.txt").write_text("corroded\nclass 7\n", encoding="utf-8")
    assert run(inspect_graph, graph) == 0
    wanted = "doubt         nothing is known of what 'class 7' should mean: no verdict will say it;"
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("doubt")]
    assert line == f"{wanted} say what is true, like: --meaning 'class 7=uncorroded'"
    assert run(inspect_graph, graph, "--json") == 0
    assert json.loads(capsys.readouterr().out)["labels_doubt"] == line.removeprefix("doubt         ")
