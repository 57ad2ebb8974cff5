"""``converter label``: the scores of one picture, by a graph or by a bundle."""

from __future__ import annotations

import pytest

from converter.cli.graphs import label
from edge_node.errors import DatasetError
from edge_node.inference.bundle import DEFAULT_BUNDLE
from tests.support.subcommands import run


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


def test_label_refuses_flags_that_a_bundle_would_not_heed(picture):
    """A bundle says its labels and scaling itself; another one's are not passed over in silence."""
    with pytest.raises(DatasetError, match="leave those flags out"):
        run(label, "--graph", DEFAULT_BUNDLE, "--image", picture, "--input_mean", 3, "--input_std", 4)
