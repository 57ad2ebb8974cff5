"""A root stage that tells metal from anything else: from rendered pictures to what the node says."""

from __future__ import annotations

import argparse
import json

import pytest

from converter.cli import convert_main, specimens
from converter.cli.bundles import evaluate
from converter.cli.training import retrain as retrain_cli
from converter.data.dataset import METAL, OTHER, load_dataset
from edge_node.inference.bundle import load_bundle
from edge_node.inference.engine import Engine
from edge_node.inference.preprocess import input_tensor

pytestmark = pytest.mark.slow

_RECIPE = """
name = "rooted"
root = "metal"
[training]
size_px = 96
copies = 1
steps = 150
[[stage]]
name = "metal"
column = "metal"
labels = ["metal", "other"]
routes = { metal = "condition" }
[[stage]]
name = "condition"
column = "corroded"
labels = ["corroded", "uncorroded"]
map_from = "where"
[[stage]]
name = "where"
column = "corroded"
labels = ["corroded", "uncorroded"]
learn = "positions"
"""


def _run(module, *arguments):
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    assert module.run(parser.parse_args([str(argument) for argument in arguments])) == 0


@pytest.fixture(scope="module")
def rooted(tmp_path_factory):
    """Pictures of plates and of other things, and the bundle that was trained on them."""
    folder = tmp_path_factory.mktemp("rooted")
    for name, seed in (("trained", 0), ("unseen", 1)):
        _run(specimens, folder / name, "--count", 64, "--other", 52, "--size", "128x96", "--seed", seed)
    (folder / "recipe.toml").write_text(_RECIPE, encoding="utf-8")
    flags = ["--cascade", folder / "recipe.toml", "--output_dir", folder / "graphs"]
    flags += ["--runs_dir", folder / "runs"]
    _run(retrain_cli, "--image_dir", folder / "trained", *flags, "--testing_percentage", 0)
    options = ["--no-source-proof", "--out", str(folder / "bundle")]
    assert convert_main([str(folder / "graphs" / "CASCADE.toml"), *options]) == 0
    return folder


def test_what_is_no_metal_is_not_judged_and_says_so(rooted):
    """Of subjects never seen, other things come out not inspectable with their reason, plates are judged."""
    engine = Engine(load_bundle(rooted / "bundle"))
    right = {METAL: [], OTHER: []}
    for sample in load_dataset(rooted / "unseen"):
        decision = engine.judge(sample.read()).decision
        codes = [reason.code for reason in decision.reasons]
        if decision.outcome.value == "not_inspectable":
            assert codes == ["not_metal"]
            assert [stage.name for stage in decision.stages] == ["metal"]
            assert decision.condition_confidence is None
        else:
            assert [stage.name for stage in decision.stages] == ["metal", "condition"]
        said = OTHER if "not_metal" in codes else METAL
        right[sample.labels["metal"]].append(said == sample.labels["metal"])
    assert sum(right[METAL]) / len(right[METAL]) > 0.85
    assert sum(right[OTHER]) / len(right[OTHER]) > 0.85


def test_the_evaluation_asks_it_apart(rooted, tmp_path):
    """Other things count for metal or other, and for no question about corrosion."""
    _run(evaluate, rooted / "bundle", rooted / "unseen", "--json", tmp_path / "e.json")
    found = {one["question"]: one for one in json.loads((tmp_path / "e.json").read_text())["figures"]}
    assert found["metal or other"]["pictures"] == 64 + 52
    assert found["any metal corroded?"]["pictures"] == 64
    assert found["metal or other"]["detection"]["recall"] > 0.85


def test_the_map_leaves_other_things_alone(rooted):
    """Positions of what is no metal were taught to be sound: hardly any is painted as corroded."""
    engine = Engine(load_bundle(rooted / "bundle"))
    stage = engine.bundle.manifest.cascade.stage("where")
    model = engine.bundle.manifest.model(stage.model)
    painted = []
    for sample in load_dataset(rooted / "unseen"):
        if sample.labels["metal"] == OTHER:
            found = engine.outputs(model.file, input_tensor(sample.read(), model.input))[stage.map]
            painted.append((found[..., 0] > found[..., 1]).mean())
    assert sum(painted) / len(painted) < 0.1
