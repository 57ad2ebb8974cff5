"""Ops that TFLite does not have are told before the work, by name and node."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from converter.cli import main
from converter.graphs.trained_graph import load_graph
from converter.quantize.trial_conversion import find_unconvertible
from tests.support.entry_graphs import body, colours, written


def test_inspect_names_the_op_that_does_not_convert(tmp_path, capsys, monkeypatch):
    """One sentence with op, node and way out, no line of MLIR; exit code 1."""

    def build():
        sizes, ones = [1, 2, 2, 1], [1, 1, 1, 1]
        return body(tf.image.extract_patches(colours(1) / 255.0, sizes, sizes, ones, "VALID", name="cut"))

    path = written(tmp_path, build)
    monkeypatch.setattr("sys.argv", ["converter", "inspect", str(path)])
    assert main() == 1
    said = capsys.readouterr().err.strip()
    assert said.startswith(f"{path}: TFLite has no op ExtractImagePatches (node 'cut'); export the graph")
    assert "loc(" not in said


def test_usual_ops_need_no_trial(tmp_path):
    """A graph of convolutions starts no process."""
    path = written(tmp_path, lambda: body(colours() / np.float32(255)))
    assert find_unconvertible(load_graph(path)) is None
