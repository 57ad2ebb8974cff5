"""``inspect``, ``label`` and ``show``: what a person looks at before and after a conversion."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
import tensorflow as tf

from converter.cli import inspect_graph, label, show
from edge_node.errors import ConversionError, DatasetError, GraphError
from edge_node.inference.bundle import DEFAULT_BUNDLE
from tests.support import small_graphs

if TYPE_CHECKING:
    from pathlib import Path


def run(module, *arguments) -> int:
    """Run a subcommand with its own parser."""
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    return module.run(parser.parse_args([str(argument) for argument in arguments]))


@pytest.fixture
def graph(tmp_path) -> Path:
    """A small graph with its labels."""
    return small_graphs.write_graph(tmp_path / "graph", small_graphs.poets_mobilenet())


@pytest.fixture
def picture(tmp_path) -> Path:
    """A picture of noise."""
    path = tmp_path / "plates" / "plate.png"
    path.parent.mkdir()
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8))
    return path


def test_inspect_says_what_conversion_would_find(graph, capsys):
    """As JSON: input, scaling, classes, labels, head, parameters, operators."""
    assert run(inspect_graph, graph, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["input"], found["output"], found["classes"]) == ("input", "final_result", 2)
    assert found["labels"] == ["corroded", "uncorroded"]
    assert found["preprocessing"]["std"] == [127.5, 127.5, 127.5]
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


def test_inspect_writes_for_tensorboard(graph, tmp_path):
    """The event file holds the graph with all its nodes."""
    run(inspect_graph, graph, "--tensorboard", tmp_path / "board")
    (events,) = (tmp_path / "board").iterdir()
    written = [e.graph_def for e in tf.compat.v1.train.summary_iterator(str(events)) if e.graph_def]
    definition = tf.compat.v1.GraphDef.FromString(written[0])
    assert "final_result" in {node.name for node in definition.node}


def test_label_prints_what_label_image_printed(graph, picture, capsys):
    """Its flags with underscores, the evaluation time, and scores that add up to one, best first."""
    flags = ("--graph", graph, "--image", picture, "--input_mean", 127.5, "--input_std", 127.5)
    assert run(label, *flags, "--output_layer", "final_result") == 0
    said = capsys.readouterr().out
    assert "Evaluation time (1-image): " in said
    scores = [float(line.split("score=")[1].rstrip(")")) for line in said.splitlines() if "score=" in line]
    assert len(scores) == 2
    assert scores[0] >= scores[1]
    assert sum(scores) == pytest.approx(1.0, abs=2e-5)


def test_label_refuses_labels_that_do_not_fit(graph, picture):
    """Three labels for two outputs."""
    (graph.parent / "retrained_labels.txt").write_text("a\nb\nc\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="2 outputs, but 3 labels"):
        run(label, "--graph", graph, "--image", picture)


def test_label_asks_every_stage_of_a_bundle(picture, capsys):
    """The default bundle: each stage by name, its labels below it."""
    assert run(label, "--graph", DEFAULT_BUNDLE, "--image", picture) == 0
    said = capsys.readouterr().out
    assert "material:" in said
    assert "score=" in said


def test_show_writes_a_contact_sheet(picture, tmp_path, capsys):
    """Three pictures in two columns: two rows of cells, each with a picture and two lines."""
    for at in range(2):
        cv2.imwrite(str(picture.parent / f"{at}.png"), np.full((30, 40, 3), 90 + at, np.uint8))
    sheet = tmp_path / "sheet.png"
    assert run(show, DEFAULT_BUNDLE, picture.parent, "--out", sheet, "--columns", 2, "--cell", 160) == 0
    assert capsys.readouterr().out.startswith("3 pictures")
    height, width = cv2.imread(str(sheet)).shape[:2]
    assert width == 2 * (160 + 6)
    assert height > 2 * (120 + 6)


@pytest.mark.parametrize(
    ("option", "value"), [("--cell", 100000), ("--count", 1000000), ("--columns", 99999)]
)
def test_show_refuses_a_sheet_that_no_file_can_hold(picture, tmp_path, option, value):
    """Said before a picture is read: 100,000 px a cell had taken all memory."""
    with pytest.raises(ConversionError, match="smaller --cell or --count"):
        run(show, DEFAULT_BUNDLE, picture.parent, "--out", tmp_path / "sheet.jpg", option, value)
    assert not (tmp_path / "sheet.jpg").exists()


def test_label_refuses_flags_that_a_bundle_would_not_heed(picture):
    """A bundle says its labels and scaling itself; another one's are not passed over in silence."""
    with pytest.raises(DatasetError, match="leave those flags out"):
        run(label, "--graph", DEFAULT_BUNDLE, "--image", picture, "--input_mean", 3, "--input_std", 4)


@pytest.mark.parametrize(
    ("name", "said"), [("", "a bundle already"), ("model.tflite", "a TFLite model already")]
)
def test_inspect_knows_what_the_converter_itself_wrote(name, said):
    """A bundle and its model, which ends in a zip archive as Keras files do, are called what they are."""
    with pytest.raises(GraphError, match=said):
        run(inspect_graph, DEFAULT_BUNDLE / name)


def test_inspect_does_not_take_labels_for_those_of_another_output(graph, capsys):
    """Forty values, two labels beside the graph: they are not shown as if they belonged together."""
    assert run(inspect_graph, graph, "--output-layer", "MobilenetV1/Predictions/Reshape") == 0
    assert "40 classes (the label file beside it has 2: not of this output)" in capsys.readouterr().out
