"""Steps of a conversion that refuse what their order cannot mean."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tensorflow as tf

from converter.conversion.order import ConversionOrder
from converter.conversion.pipeline import convert
from converter.evaluation.judge import load_judge
from converter.graphs.cascade_file import read_cascade
from converter.quantize.request import Mode
from edge_node.errors import ConversionError
from edge_node.inference.bundle import load_bundle
from edge_node.inference.engine import Engine
from edge_node.inference.golden_probe import run_probe
from tests.support import small_graphs, subcommands
from tests.support.entry_graphs import body, bundle_answer, colours, draw_picture, float_bundle
from tests.support.ready_files import converted, put


def test_thresholds_per_label_need_a_sigmoid_per_label(tmp_path):
    """A softmax chooses one label: the sentence says so, and names the threshold that it has."""
    small_graphs.write_graph(tmp_path, small_graphs.poets_mobilenet())
    plan = tmp_path / "cascade.toml"
    plan.write_text(
        '[[stage]]\nname = "steel"\ngraph = "retrained_graph.pb"\nthresholds = { corroded = 0.3 }\n',
        encoding="utf-8",
    )
    order = ConversionOrder(read_cascade(plan), tmp_path / "bundle", Mode.NONE)
    with pytest.raises(ConversionError, match=r"output is softmax, which chooses one label.*decision_thres"):
        convert(order, lambda *_: lambda: None)
    assert not (tmp_path / "bundle").exists()


TWO_READY = """
[[stage]]
name = "metal"
graph = "metal/model.tflite"
routes = { uncorroded = "rust" }

[[stage]]
name = "rust"
graph = "rust/model.tflite"
input_mean = 127.5
input_std = 127.5
"""


def test_a_cascade_of_finished_files_becomes_a_bundle_with_nothing_quantized_again(tmp_path):
    """No calibration pictures are asked for; what is kept is said, and float is not compared with 8 bits."""
    content = converted(lambda: body(colours(1)), tmp_path, "int8", tf.uint8)
    put(tmp_path / "metal", content)
    put(tmp_path / "rust", converted(lambda: body(colours(1), tf.nn.sigmoid, labels=1), tmp_path))
    plan, out = tmp_path / "cascade.toml", tmp_path / "bundle"
    plan.write_text(TWO_READY, encoding="utf-8")
    done = subcommands.convert("--quantize=int8", plan, "--out", out, "--no-source-proof")
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert "metal: model.tflite is a .tflite file already (int8); kept byte for byte" in said
    assert "rust: model.tflite is a .tflite file already (float32, not int8: nothing in it is" in said
    bundle = load_bundle(out)
    assert bundle.models["metal.tflite"] == content
    assert [model.quantization for model in bundle.manifest.models] == ["int8", "none"]
    assert bundle.manifest.measured is not None
    assert (bundle.manifest.measured.stages, bundle.manifest.provenance.calibration) == ((), None)
    run_probe(Engine(bundle))
    report = json.loads((out / "report.json").read_bytes())
    assert [stage["agreement"] for stage in report["stages"]] == [None, None]


def test_a_finished_file_is_judged_as_its_bundle_judges(tmp_path):
    """``converter evaluate`` and ``label`` run it in the interpreter, by the same contract."""
    path = put(tmp_path, converted(lambda: body(colours(1), tf.nn.sigmoid), tmp_path, "int8", tf.int8))
    pixels = draw_picture()
    (verdict,) = load_judge(path).predict(pixels).decision.stages
    want = bundle_answer(float_bundle(path, tmp_path), pixels)
    np.testing.assert_allclose(list(verdict.probabilities.values()), want, atol=1e-6)
