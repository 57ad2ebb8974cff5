"""The budget from end to end: labels that 8 bits cannot tell apart, then layers in float, or no bundle."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import tensorflow as tf

from converter.tflite.tflite_file import count_weight_types
from edge_node.inference.bundle import load_bundle
from edge_node.inference.engine import Engine
from edge_node.inference.golden_probe import run_probe
from tests.support import small_graphs
from tests.support.graph_runs import outputs
from tests.support.subcommands import convert

UNPROVED = ("--no-source-proof",)  # which would load TensorFlow once more; it says nothing of the budget
WEIGHTS, BIASES = "final_training_ops/weights", "final_training_ops/biases"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Twelve pictures of noise, from dark to bright; half of them are called corroded."""
    folder, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(5)
    for at in range(12):
        path = folder / ("corroded" if at % 2 else "uncorroded")
        path.mkdir(exist_ok=True)
        size = (small_graphs.SIZE_PX, small_graphs.SIZE_PX, 3)
        cv2.imwrite(str(path / f"{at}.png"), rng.integers(10 * at, 60 + 16 * at, size, dtype=np.uint8))
    return folder


@pytest.fixture(scope="module")
def alike(pictures, tmp_path_factory):
    """A graph whose two labels differ by next to nothing, each chosen for half of the pictures."""
    definition = small_graphs.poets_mobilenet(head=2)
    nodes = {node.name: node for node in definition.node}
    weights = tf.make_ndarray(nodes[WEIGHTS].attr["value"].tensor).copy()
    rng = np.random.default_rng(6)
    weights[:, 1] = weights[:, 0] + 1e-4 * rng.normal(size=len(weights))
    write(nodes[WEIGHTS], weights)
    write(nodes[BIASES], np.zeros(2, np.float32))
    margins = []
    for path in sorted(pictures.rglob("*.png")):
        tensor = (cv2.imread(str(path))[np.newaxis, ..., ::-1].astype(np.float32) - 127.5) / 127.5
        logits = outputs(definition, {"input:0": tensor}, "final_training_ops/Wx_plus_b/add")[0][0]
        margins.append(logits[0] - logits[1])
    write(nodes[BIASES], np.array([0.0, np.median(margins)], np.float32))
    return small_graphs.write_graph(tmp_path_factory.mktemp("alike"), definition)


def write(node, value) -> None:
    """Give a constant another value."""
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value.astype(np.float32)))


@pytest.mark.slow
def test_layers_stay_in_float_until_every_picture_keeps_its_label(alike, pictures, tmp_path):
    """What 8 bits confuse, a layer in float tells apart; the bundle, the table and the report say which."""
    out = tmp_path / "bundle"
    arguments = (*UNPROVED, "--calibration", pictures, "--min-agreement", "100", "--out", out)
    found = convert("--quantize=int8-float-io", alike, *arguments)
    assert found.returncode == 0, found.stderr
    assert "kept in float: " in found.stdout
    assert "with these the models have" in found.stdout
    bundle = load_bundle(out)
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report["stages"][0]["agreement"] == 1.0
    kept = report["float_layers"]
    notes = [note for note in bundle.manifest.provenance.notes if note.startswith("kept in float: ")]
    assert notes == [f"kept in float: {layer}" for layer in kept]
    (content,) = bundle.models.values()
    assert count_weight_types(content)["FLOAT32"] == len(kept) > 0
    run_probe(Engine(bundle))


def test_a_budget_that_cannot_hold_leaves_no_bundle(alike, pictures, tmp_path):
    """float16 has no layers to keep in float: exit 1, the figures, and nothing written."""
    out = tmp_path / "bundle"
    arguments = (*UNPROVED, "--calibration", pictures, "--min-agreement", "100", "--out", out)
    found = convert("--quantize=float16", alike, *arguments)
    assert found.returncode == 1
    assert "of 12 pictures keep float's label, wanted 100.00%; no bundle was written" in found.stderr
    assert list(tmp_path.iterdir()) == []


def test_agreement_without_pictures_is_refused(alike, tmp_path):
    """Nothing to agree on: exit 1 and the options that give pictures."""
    found = convert("--quantize=float16", alike, "--min-agreement", "99", "--out", tmp_path / "bundle")
    assert found.returncode == 1
    assert "give --evaluate LABELLED or --calibration" in found.stderr
