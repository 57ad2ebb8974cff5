"""Retraining, from pictures to graphs."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import msgspec
import numpy as np
import pytest

from converter.architectures.backbones import FEATURES_NODE, LOGITS_NODE, load_backbone, read_record
from converter.data.dataset import load_dataset
from converter.training.recipe import read_recipe
from converter.training.retraining import fit, prepare
from edge_node.errors import DatasetError
from tests.support.plates import CASCADE, SIZE_PX, noisy_picture, retrain_apart, run_retrain, write_recipe


def _probabilities(graph, pixels):
    """Run a frozen graph as its record says, in TensorFlow's own session."""
    import tensorflow as tf

    record = read_record(graph)
    size = record.input.size_px
    resized = cv2.resize(pixels, (size, size), interpolation=cv2.INTER_AREA)[..., ::-1]
    real = (resized.astype(np.float32) - record.input.mean) / record.input.std
    definition = tf.compat.v1.GraphDef.FromString(graph.read_bytes())
    with tf.Graph().as_default() as session_graph:
        tf.import_graph_def(definition, name="")
        with tf.compat.v1.Session(graph=session_graph) as session:
            names = [f"{record.final_tensor}:0", f"{LOGITS_NODE}:0", f"{FEATURES_NODE}:0"]
            return session.run(names, {"input:0": real[np.newaxis]})


@pytest.fixture(scope="module")
def trained(plates, tmp_path_factory):
    """The cascade of plates, trained by the command."""
    out = tmp_path_factory.mktemp("trained")
    recipe = write_recipe(out, CASCADE)
    result = run_retrain("--image_dir", plates, "--cascade", recipe, "--output-dir", out / "graphs")
    assert result.returncode == 0, result.stderr
    return out / "graphs", result.stdout


@pytest.mark.slow
def test_a_cascade_tells_what_it_was_taught(plates, trained):
    """Every stage of the cascade is right on its own pictures, in the graph that was written."""
    graphs, _ = trained
    samples = load_dataset(plates)
    right = {"material": [], "steel": []}
    for sample in samples[:6]:
        for stage, column in (("material", "material"), ("steel", "corroded")):
            if stage == "steel" and sample.labels["material"] != "steel":
                continue
            graph = graphs / stage / "retrained_graph.pb"
            probabilities, logits, _ = _probabilities(graph, sample.read())
            labels = (graph.parent / "retrained_labels.txt").read_text(encoding="utf-8").split()
            right[stage].append(labels[int(probabilities.argmax())] == sample.labels[column])
            np.testing.assert_allclose(probabilities.sum(), 1, atol=1e-5)
            assert logits.argmax() == probabilities.argmax()
    assert {stage: np.mean(values) for stage, values in right.items()} == {"material": 1.0, "steel": 1.0}


@pytest.mark.slow
def test_the_map_shows_where(plates, trained):
    """The head that learned positions says corroded on the brown half and not on the other."""
    graphs, _ = trained
    graph = graphs / "where" / "retrained_graph.pb"
    import tensorflow as tf

    definition = tf.compat.v1.GraphDef.FromString(graph.read_bytes())
    constants = {
        node.name: tf.make_ndarray(node.attr["value"].tensor)
        for node in definition.node
        if node.op == "Const"
    }
    sample = next(s for s in load_dataset(plates) if s.mask is not None)
    _, logits, features = _probabilities(graph, sample.read())
    positions = (
        features[0] @ constants["final_training_ops/weights/final_weights"]
        + constants["final_training_ops/biases/final_biases"]
    )
    np.testing.assert_allclose(positions.mean(axis=(0, 1)), logits[0], atol=1e-3)
    corroded = positions[..., 0] - positions[..., 1]
    assert corroded[:, 0].min() > corroded[:, -1].max()
    assert read_record(graph).map_trained


@pytest.mark.slow
def test_stages_share_their_backbone_to_the_byte(trained):
    """The graphs of one run differ below final_training_ops and final_result alone."""
    import tensorflow as tf

    def backbone(graph):
        definition = tf.compat.v1.GraphDef.FromString(graph.read_bytes())
        return [
            n.SerializeToString(deterministic=True)
            for n in definition.node
            if not n.name.startswith("final_")
        ]

    graphs = sorted(trained[0].glob("*/retrained_graph.pb"))
    assert len(graphs) == 3
    assert backbone(graphs[0]) == backbone(graphs[1]) == backbone(graphs[2])


@pytest.mark.slow
def test_records_say_what_was_trained(plates, trained):
    """The record has the preprocessing, what was tuned, on how many pictures, and under which licences."""
    graphs, output = trained
    record = read_record(graphs / "steel" / "retrained_graph.pb")
    assert (record.architecture, record.input.size_px) == ("efficientnet_lite0", SIZE_PX)
    assert record.fine_tuned_convolutions >= 3
    assert record.licences == ("CC0",)
    assert 0 < record.training_pictures <= 20
    assert record.weights_sha256 == read_record(graphs / "where" / "retrained_graph.pb").weights_sha256
    assert record.weights_sha256 != load_backbone("efficientnet_lite0", size_px=SIZE_PX).weights_sha256
    assert "test accuracy" in output
    assert (
        f"next: converter convert --quantize {graphs / 'CASCADE.toml'} --calibration {plates} --out" in output
    )
    assert read_record(graphs / "steel" / "retrained_model.keras") == record
    cascade = msgspec.toml.decode((graphs / "CASCADE.toml").read_bytes())
    assert [stage["name"] for stage in cascade["stage"]] == ["material", "steel", "where"]
    assert cascade["stage"][0]["otherwise"] == "steel"
    assert cascade["stage"][1]["map_from"] == "where"


@pytest.mark.slow
def test_the_bundle_shows_where_by_the_head_that_learned_positions(plates, trained, tmp_path):
    """Converted, a stage takes its map from the stage that map_from names, its answer from its own head."""
    from converter.cli import convert_main
    from edge_node.inference.bundle import load_bundle
    from edge_node.inference.engine import Engine

    bundle = tmp_path / "bundle"
    assert convert_main([str(trained[0] / "CASCADE.toml"), "--no-source-proof", "--out", str(bundle)]) == 0
    engine = Engine(load_bundle(bundle))
    stages = {stage.name: stage for stage in engine.bundle.manifest.cascade.stages}
    assert stages["steel"].map == stages["where"].map == stages["where"].output
    assert stages["steel"].output != stages["where"].output
    sample = next(s for s in load_dataset(plates) if s.mask is not None and s.labels["material"] == "steel")
    judgement = engine.judge(sample.read())
    assert judgement.decision.outcome.value == "corroded"
    corroded = judgement.maps["steel"][..., 0] - judgement.maps["steel"][..., 1]
    assert corroded[:, 0].min() > corroded[:, -1].max()


@pytest.mark.slow
def test_cross_validation_measures_what_it_left_out(plates, tmp_path):
    """Accuracies on left-out groups and sources, and the temperatures they give, are in the records."""
    recipe = write_recipe(
        tmp_path, CASCADE.replace("steps = 60", "steps = 40").replace("fine_tune = 3", "fine_tune = 0")
    )
    flags = ["--image_dir", plates, "--cascade", recipe, "--output_dir", tmp_path / "out"]
    result = run_retrain(*flags, "--cross_validate", 2, "--leave_out", "s1")
    assert result.returncode == 0, result.stderr
    assert "without s1; material" in result.stdout
    assert "material: " in result.stdout
    assert "right at its decision_threshold" in result.stdout
    record = read_record(tmp_path / "out" / "material" / "retrained_graph.pb")
    assert set(record.measured) == {
        f"left-out {what}, {where}" for what in ("groups", "sources") for where in ("plates", "all")
    }
    assert record.measured["left-out groups, all"] > 0.9
    assert record.temperature != 1.0
    assert record.fine_tuned_convolutions == 0


def _folders(root):
    random = np.random.default_rng(1)
    for name, colour in (("Corroded", (30, 70, 150)), ("clean", (150, 150, 150))):
        for index in range(14):
            path = root / name / f"plate{index}" / "a.png"
            path.parent.mkdir(parents=True)
            cv2.imwrite(str(path), noisy_picture(random, colour))
    return root


@pytest.mark.slow
def test_the_old_flags_work_and_the_seed_decides(tmp_path):
    """The flags of TensorFlow for Poets train folders; two runs with one seed write the same bytes."""
    _folders(tmp_path / "pictures")
    flags = ["--image_dir", tmp_path / "pictures", "--how_many_training_steps", 40, "--learning_rate", 0.005]
    flags += ["--testing_percentage", 20, "--validation_percentage", 20, "--train_batch_size", 8]
    flags += ["--flip_left_right", "--random_crop", 10, "--random_scale", 10, "--random_brightness", 10]
    flags += ["--eval_step_interval", 10, "--print_misclassified_test_images", "--size-px", 64, "--copies", 1]
    flags += ["--architecture", "efficientnet_lite0", "--bottleneck_dir", tmp_path / "bottlenecks"]
    graphs = []
    for run in ("one", "two"):
        graph = tmp_path / run / "output_graph.pb"
        outputs = ["--output_graph", graph, "--output_labels", tmp_path / run / "output_labels.txt"]
        result = retrain_apart(
            *flags, *outputs, "--final_tensor_name", "answer", "--summaries_dir", tmp_path / run
        )
        assert result.returncode == 0, result.stderr
        assert "step 10: loss" in result.stdout
        assert (tmp_path / run / "output_labels.txt").read_text(encoding="utf-8") == "clean\ncorroded\n"
        assert list((tmp_path / run).glob("events.out.tfevents.*"))
        graphs.append(graph)
    assert graphs[0].read_bytes() == graphs[1].read_bytes()
    for suffix in (".json", ".keras"):
        assert graphs[0].with_suffix(suffix).read_bytes() == graphs[1].with_suffix(suffix).read_bytes()
    assert json.loads(graphs[0].with_suffix(".json").read_text())["final_tensor"] == "answer"
    picture = cv2.imread(str(tmp_path / "pictures" / "Corroded" / "plate3" / "a.png"))
    assert _probabilities(graphs[0], picture)[0].argmax() == 1


@pytest.mark.slow
def test_fine_tuning_says_what_it_costs(tmp_path):
    """A graph with a backbone of its own is announced as such, and its backbone is another one."""
    _folders(tmp_path / "pictures")
    flags = ["--image_dir", tmp_path / "pictures", "--size_px", 64, "--how_many_training_steps", 4]
    graph = tmp_path / "graph.pb"
    result = run_retrain(*flags, "--fine_tune", 2, "--validation_percentage", 20, "--output_graph", graph)
    assert result.returncode == 0, result.stderr
    assert "costs the node one more in" in result.stdout
    record = read_record(graph)
    assert record.fine_tuned_convolutions == 2
    assert record.weights_sha256 != load_backbone("efficientnet_lite0", size_px=64).weights_sha256


def test_licences_are_left_out_of_training(plates, tmp_path):
    """Rows whose licence the recipe leaves out have no weight in training."""
    recipe = read_recipe(write_recipe(tmp_path, CASCADE))
    samples = load_dataset(plates)
    assert sum(recipe.training.admits(sample) for sample in samples) == 40
    prepared = prepare(samples, recipe)
    only_left_out = np.arange(48) >= 40
    with pytest.raises(DatasetError, match="stage material: no picture of aluminium, steel is left"):
        fit(prepared, only_left_out, np.zeros(48, bool))


def test_variations_are_averaged(plates, tmp_path):
    """Trained together, two variations give the mean of what each of them gives from the same start."""
    samples = load_dataset(plates)
    base = CASCADE.replace("steps = 60", "steps = 5").replace("fine_tune = 3", "fine_tune = 1")
    prepared = prepare(samples, read_recipe(write_recipe(tmp_path, base)))
    variations = ["steps = 5", 'steps = 7\nbalance = "sources"\nstyle_mixing = 1.0']
    together = "".join(f"[[variation]]\n{one}\n" for one in variations)
    everything, nothing = np.ones(len(samples), bool), np.zeros(len(samples), bool)

    def fitted(text):
        recipe = read_recipe(write_recipe(tmp_path, base.replace("[training]", text + "[training]")))
        found = fit(replace(prepared, recipe=recipe), everything, nothing)
        return found.backbone.model.get_weights(), found.heads

    alone = [fitted(f"[[variation]]\n{one}\n") for one in variations]
    weights, heads = fitted(together)
    for mean, first, second in zip(weights, *(one[0] for one in alone), strict=True):
        np.testing.assert_allclose(mean, (first + second) / 2, atol=1e-6)
    for mean, first, second in zip(heads, *(one[1] for one in alone), strict=True):
        np.testing.assert_allclose(mean.weights, (first.weights + second.weights) / 2, atol=1e-6)
    assert any(not np.array_equal(*both) for both in zip(*(one[0] for one in alone), strict=True))
