"""``convert`` from end to end on small graphs: what it writes, checks, refuses and leaves behind."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from converter.cli.graphs import inspect_graph
from converter.conversion.packing import pack
from converter.evaluation.ship_verdict import read_verdict
from converter.quantize.request import Mode
from converter.tflite.tflite_file import count_weight_types, read_operators
from edge_node.inference.bundle import load_bundle
from edge_node.inference.engine import Engine
from edge_node.inference.golden_probe import run_probe
from edge_node.inference.manifest import OutputKind
from tests.support import small_graphs
from tests.support.processes import command
from tests.support.subcommands import convert, run

if TYPE_CHECKING:
    from pathlib import Path

TWO_STAGES = """
name = "plates"
version = "3"

[[stage]]
name = "metal"
graph = "metal/retrained_graph.pb"
labels = ["steel", "aluminium"]
routes = { steel = "steel" }

[[stage]]
name = "steel"
graph = "steel/retrained_graph.pb"
"""


def write_pictures(folder: Path, count: int = 12) -> Path:
    """Write pictures in two classes that differ, so that no output can be constant."""
    rng = np.random.default_rng(4)
    for at in range(count):
        path = folder / ("corroded" if at % 2 else "uncorroded")
        path.mkdir(parents=True, exist_ok=True)
        low, high = (0, 255) if at % 2 else (90, 140)
        cv2.imwrite(str(path / f"{at}.png"), rng.integers(low, high, (40, 48, 3), dtype=np.uint8))
    return folder


@pytest.fixture(scope="module")
def cascade(tmp_path_factory) -> Path:
    """Two stages over one backbone, and pictures beside them."""
    folder = tmp_path_factory.mktemp("cascade")
    small_graphs.write_graph(folder / "metal", small_graphs.poets_mobilenet(head=1))
    small_graphs.write_graph(folder / "steel", small_graphs.poets_mobilenet(head=2))
    write_pictures(folder / "pictures")
    path = folder / "cascade.toml"
    path.write_text(TWO_STAGES, encoding="utf-8")
    (folder / "ATTRIBUTION.md").write_text("| CC BY 4.0 | Ada |\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def int8_bundle(cascade, tmp_path_factory) -> Path:
    """The cascade in int8, judged on the pictures that it was calibrated on."""
    out = tmp_path_factory.mktemp("out") / "plates-3"
    pictures = cascade.parent / "pictures"
    options = map(str, ("--calibration", pictures, "--evaluate", pictures, "--out", out))
    found = command("converter.cli", "convert", "--quantize", str(cascade), *options)
    assert found.returncode == 0, found.stderr
    assert "share one backbone" in found.stdout
    assert "learned from whole pictures" in found.stdout  # heads that no mask has taught where
    (out.parent / "printed.txt").write_text(found.stdout, encoding="utf-8")
    return out


def test_int8_is_int8_from_picture_to_map(int8_bundle):
    """uint8 in, int8 out, every weight int8, and one model for both stages."""
    manifest = load_bundle(int8_bundle).manifest
    (model,) = manifest.models
    assert (model.quantization, model.input.dtype) == ("int8", "uint8")
    assert {(output.kind, output.dtype) for output in model.outputs} == {(OutputKind.MAP, "int8")}
    content = (int8_bundle / model.file).read_bytes()
    assert set(count_weight_types(content)) == {"INT8"}
    # Batch normalisation, the bias correction and ReLU6 are all inside the convolutions.
    assert {op.name for op in read_operators(content)} == {"QUANTIZE", "CONV_2D", "DEPTHWISE_CONV_2D"}


def test_the_bundle_says_where_it_comes_from(int8_bundle, cascade):
    """Source hashes, tools, calibration set, and what was measured."""
    manifest = load_bundle(int8_bundle).manifest
    assert (manifest.name, manifest.version) == ("plates", "3")
    assert [graph.stage for graph in manifest.provenance.graphs] == ["metal", "steel"]
    assert len({graph.sha256 for graph in manifest.provenance.graphs}) == 2
    assert manifest.provenance.calibration is not None
    assert manifest.provenance.calibration.pictures == 12
    assert manifest.provenance.tools["tensorflow"].startswith("2.")
    notes = manifest.provenance.notes
    assert "steel: scaling: (pixel - 127.5) / 127.5 [MobileNet v1, whose scaling is known]" in notes
    assert "metal: answer: 2 labels: one of them, by a softmax" in notes
    proof = next(note for note in notes if note.startswith("proof: "))
    assert proof.startswith("proof: proved at the source: on 12 pictures float gives TensorFlow's label")
    assert "quantized gives TensorFlow's label" in proof
    assert manifest.measured is not None
    steel = next(stage for stage in manifest.measured.stages if stage.stage == "steel")
    assert steel.labelled_pictures == 12
    assert steel.quantized_bytes == manifest.models[0].size_bytes
    assert manifest.cascade.stage("metal").routes == {"steel": "steel"}
    assert manifest.cascade.stage("steel").meanings["corroded"].corroded is True


def test_the_attribution_travels_with_the_bundle(int8_bundle, tmp_path):
    """What stands beside the graphs is in the bundle, in its manifest by its hash, and in what is packed."""
    text = (int8_bundle / "ATTRIBUTION.md").read_bytes()
    assert text == b"| CC BY 4.0 | Ada |\n"
    digest = hashlib.sha256(text).hexdigest()
    assert f"ATTRIBUTION.md: SHA-256 {digest}" in load_bundle(int8_bundle).manifest.provenance.notes
    _, release = pack(int8_bundle, tmp_path)
    assert {entry.name: entry.sha256 for entry in release.files}["ATTRIBUTION.md"] == digest


def test_the_verdict_is_one_wherever_it_stands(int8_bundle):
    """The last line of the terminal, the first of both pages, the figures and the bundle's notes."""
    last = (int8_bundle.parent / "printed.txt").read_text(encoding="utf-8").splitlines()[-1]
    assert last.startswith("May I ship it? No: (1) ")
    assert "compared on 12 pictures, wanted 50 or more" in last
    assert read_verdict(int8_bundle).line == last
    assert load_bundle(int8_bundle).manifest.provenance.notes[0] == last
    beside = int8_bundle.with_name(f"{int8_bundle.name}-report.html").read_text(encoding="utf-8")
    for page in (beside, (int8_bundle / "report.html").read_text(encoding="utf-8")):
        assert "May I ship it? No" in page.partition("<h1>")[0]
    assert "data:image" in beside


def test_inspect_report_and_bundle_tell_the_same_of_the_input(int8_bundle, cascade, capsys):
    """Each fact of both contracts with its origin, and what is not known, in the same words."""
    assert run(inspect_graph, cascade.parent / "steel" / "retrained_graph.pb") == 0
    lines = capsys.readouterr().out.splitlines()
    report = json.loads((int8_bundle / "report.json").read_bytes())
    facts = next(source["facts"] for source in report["sources"] if source["stage"] == "steel")
    assert {"input", "layout", "channels", "scaling", "resize", "not known", "answer"} <= {
        f for f, _ in facts
    }
    notes = load_bundle(int8_bundle).manifest.provenance.notes
    for fact, text in facts:
        assert f"{fact:<14}{text}" in lines
        assert f"steel: {fact}: {text}" in notes


def test_the_golden_probe_holds_and_is_no_photograph(int8_bundle, cascade):
    """The node accepts the bundle, and none of the calibration pictures is in it."""
    bundle = load_bundle(int8_bundle)
    assert max(result.share_of_tolerance for result in run_probe(Engine(bundle))) <= 1.0
    shapes = {cv2.imread(str(path)).shape for path in (cascade.parent / "pictures").rglob("*.png")}
    assert bundle.golden.pictures.shape[1:] not in shapes


def test_the_reports_agree_with_the_manifest(int8_bundle):
    """``report.json`` has the figures of the manifest; the page has them too, and loads nothing."""
    report = json.loads((int8_bundle / "report.json").read_bytes())
    manifest = load_bundle(int8_bundle).manifest
    assert report["models"][0]["sha256"] == manifest.models[0].sha256
    assert [stage["name"] for stage in report["stages"]] == ["metal", "steel"]
    confusion = np.array(report["stages"][1]["confusion"])
    assert confusion.sum() == 12
    right = confusion.trace() / 12
    assert report["stages"][1]["quantized_accuracy"]["accuracy"] == pytest.approx(right)
    assert report["cascade_decided"] is None  # nothing abstains without --max-risk
    taken = {cost["mode"]: cost for cost in report["modes"]}
    assert taken.keys() == {"none", "int8"}
    for cost in taken.values():
        assert 0 < cost["conversion_seconds"] < report["seconds"]
        assert cost["conversion_peak_memory_mb"] > 100  # TensorFlow alone takes more
    assert (report["quantized_ms"], report["float_ms"]) == (
        taken["int8"]["milliseconds"],
        taken["none"]["milliseconds"],
    )
    page = (int8_bundle / "report.html").read_text(encoding="utf-8")
    assert manifest.models[0].sha256 in page
    assert ["layout", "NHWC [the graph's own ops], float32"] in report["sources"][1]["facts"]
    assert "What steel was trained on" in page
    assert "<script" not in page
    assert 'src="http' not in page
    assert "data:image" not in page  # photographs stay on the workstation


@pytest.mark.parametrize(
    ("mode", "weights"),
    [
        ("none", {"FLOAT32"}),
        ("float16", {"FLOAT32"}),
        ("dynamic", {"FLOAT32", "INT8"}),
        ("int8-float-io", {"INT8"}),
    ],
)
@pytest.mark.slow
def test_the_other_modes_keep_floats_at_the_edges(cascade, tmp_path, mode, weights):
    """Float pictures in, float maps out, weights as the mode says, and the probe holds."""
    out = tmp_path / "bundle"
    options = ("--calibration", cascade.parent / "pictures", "--no-source-proof", "--out", out)
    found = convert(f"--quantize={mode}", cascade, *options)
    assert found.returncode == 0, found.stderr
    bundle = load_bundle(out)
    (model,) = bundle.manifest.models
    assert (model.input.dtype, model.outputs[0].dtype) == ("float32", "float32")
    assert set(count_weight_types((out / model.file).read_bytes())) <= weights
    run_probe(Engine(bundle))
    why_not = bundle.manifest.why_not_proved
    assert why_not == "not proved at the source: left out by --no-source-proof"


@pytest.mark.slow
def test_all_modes_are_weighed_and_timed(cascade, tmp_path):
    """Asked for all modes, table and report have size and time of each; the bundle is the one asked for.

    It is a draft, and says so wherever it is read.
    """
    out, pictures = tmp_path / "bundle", cascade.parent / "pictures"
    found = convert("--draft", "--quantize", cascade, "--calibration", pictures, "--all-modes", "--out", out)
    assert found.returncode == 0, found.stderr
    assert load_bundle(out).manifest.why_not_proved == "not proved at the source: left out by --draft"
    assert "May I ship it? No: (1) it is a draft" in found.stdout
    report = json.loads((out / "report.json").read_bytes())
    sizes = {cost["mode"]: cost["size_bytes"] for cost in report["modes"]}
    assert sizes.keys() == {"int8", "int8-float-io", "float16", "dynamic", "none"}
    assert sizes["int8"] == report["models"][0]["size_bytes"]
    assert all(cost["milliseconds"] > 0 for cost in report["modes"])
    largest_mb = max(cost["conversion_peak_memory_mb"] for cost in report["modes"])
    assert largest_mb <= report["largest_child_peak_memory_mb"] * 1.01
    assert all(Mode(mode).heading in found.stdout for mode in sizes)
    assert "int8 (this bundle)" in (out / "report.html").read_text(encoding="utf-8")


def test_a_budget_without_labelled_pictures_is_refused(tmp_path):
    """Accuracy cannot be known without labels: exit 1, the option that is missing, and no bundle."""
    graph = small_graphs.write_graph(tmp_path / "steel", small_graphs.poets_mobilenet(head=2))
    pictures = write_pictures(tmp_path / "pictures")
    out = tmp_path / "bundle"
    arguments = ("--calibration", pictures, "--max-accuracy-drop", "1", "--out", out)
    found = convert("--quantize", graph, *arguments)
    assert found.returncode == 1
    assert "give --evaluate" in found.stderr
    assert not out.exists()


def test_a_cascade_is_asked_in_the_keys_of_its_file(tmp_path):
    """Flags of one graph would be refused beside a cascade file, so sentences name what to write into it."""
    graph = small_graphs.write_graph(tmp_path / "steel", small_graphs.poets_mobilenet(head=2))
    cascade = tmp_path / "cascade.toml"
    lines = (
        'name = "a"',
        "[[stage]]",
        'name = "steel"',
        f"graph = '{graph}'",
        "input_mean = 3",
    )
    cascade.write_text("\n".join(lines), encoding="utf-8")
    found = convert(cascade, "--out", tmp_path / "bundle")
    assert found.returncode == 1
    assert "input_mean and input_std go together" in found.stderr
    assert f"under the graph's [[stage]] in {cascade}" in found.stderr
    found = convert(cascade, "--out", tmp_path / "bundle", "--input-mean", "3", "--meaning", "a=corroded")
    assert "a cascade file says meanings and input_mean itself" in found.stderr


def test_a_draft_is_held_to_nothing(tmp_path):
    """It is a first look: a limit beside it is refused by name, before any work."""
    graph = small_graphs.write_graph(tmp_path / "steel", small_graphs.poets_mobilenet(head=2))
    pictures = write_pictures(tmp_path / "pictures")
    arguments = ("--draft", "--calibration", pictures, "--min-agreement", "99", "--out", tmp_path / "bundle")
    found = convert("--quantize", graph, *arguments)
    assert found.returncode == 1
    assert "--draft" in found.stderr
    assert "found --min-agreement; leave one of them out" in found.stderr


@pytest.mark.slow
def test_an_interrupted_conversion_leaves_nothing(cascade, tmp_path):
    """Ctrl-C in the middle: no bundle, no half of one, no worker left behind, exit 130."""
    out = tmp_path / "bundle"
    arguments = [
        "--quantize",
        str(cascade),
        "--calibration",
        str(cascade.parent / "pictures"),
        "--out",
        str(out),
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "converter.cli", "convert", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while "converter.quantize.worker" not in children_of(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert b"Traceback" not in said
    assert list(tmp_path.iterdir()) == []


def children_of(pid: int) -> str:
    """Return the command lines of a process's children."""
    listed = subprocess.run(
        ["ps", "--ppid", str(pid), "-o", "args="], capture_output=True, text=True, check=False
    )
    return listed.stdout


def test_force_replaces_a_bundle_and_nothing_else(int8_bundle, cascade, tmp_path):
    """A folder without a manifest is kept even with ``--force``."""
    precious = tmp_path / "thesis"
    precious.mkdir()
    (precious / "chapter.txt").write_text("years", encoding="utf-8")
    found = convert("--quantize=none", cascade, "--out", precious, "--force")
    assert found.returncode == 1
    assert "no bundle.json" in found.stderr
    assert (precious / "chapter.txt").read_text(encoding="utf-8") == "years"
