"""Retraining, from pictures to graphs."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from converter.architectures.backbones import FEATURES_NODE, LOGITS_NODE, load_backbone, read_record
from converter.cli import retrain as retrain_cli
from converter.data.dataset import Sample, load_dataset
from converter.training.cross_validation import JudgedFold, thresholds
from converter.training.fine_tuning import cut_before
from converter.training.head_training import (
    UNKNOWN,
    TrainingData,
    TrainingSettings,
    TrainingTarget,
    cross_entropy,
    fitted_temperature,
    train,
)
from converter.training.recipe import CascadeRecipe, StageRecipe, read_recipe
from converter.training.retrain import PreparedTraining, fit, prepare
from edge_node.errors import DatasetError, GraphError

_SIZE_PX = 64


def _picture(random, colour):
    noise = random.normal(0, 25, (80, 80, 3))
    return np.clip(np.asarray(colour) + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def plates(tmp_path_factory):
    """Plates of two made-up metals, grey and bluish, half of each with a brown half and its mask."""
    folder, random = tmp_path_factory.mktemp("plates"), np.random.default_rng(0)
    rows = ["file,set,source,licence,group,material,corroded,severity,mask"]
    for index in range(48):
        metal = ("steel", "aluminium")[index % 2]
        pixels = _picture(random, (120, 120, 120) if metal == "steel" else (190, 160, 140))
        corroded, mask = index // 2 % 2, ""
        if corroded:
            pixels[:, :40] = _picture(random, (30, 70, 150))[:, :40]
            mask = f"{index}_mask.png"
            cv2.imwrite(str(folder / mask), np.repeat(np.uint8([[255, 0]]), 40, axis=1).repeat(80, axis=0))
        cv2.imwrite(str(folder / f"{index}.png"), pixels)
        licence = "CC0" if index < 40 else "none stated"
        rows.append(f"{index}.png,plates,s{index % 3},{licence},g{index // 2},{metal},{corroded},,{mask}")
    (folder / "labels.csv").write_text("\n".join(rows), encoding="utf-8")
    return folder


def _recipe(folder, text):
    path = folder / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return path


_CASCADE = f"""
name = "plates"
root = "material"
licence = "CC0"
[training]
architecture = "efficientnet_lite0"
size_px = {_SIZE_PX}
fine_tune = 3
copies = 1
steps = 60
leave_out_licences = ["none stated"]
[[stage]]
name = "material"
column = "material"
labels = ["aluminium", "steel"]
routes = {{ steel = "steel" }}
otherwise = "steel"
abstain_below = 0.6
[[stage]]
name = "steel"
column = "corroded"
labels = ["corroded", "uncorroded"]
where = {{ material = ["steel"] }}
map_from = "where"
[[stage]]
name = "where"
column = "corroded"
labels = ["corroded", "uncorroded"]
learn = "positions"
"""


def _converter(*arguments):
    return subprocess.run(
        [sys.executable, "-c", _MAIN, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


# The subcommand as `converter` runs it.
_MAIN = """
import argparse, sys
from converter.cli import retrain as retrain_cli
from edge_node.errors import CorrosionError
parser = argparse.ArgumentParser()
retrain_cli.add_arguments(parser)
try:
    sys.exit(retrain_cli.run(parser.parse_args()))
except CorrosionError as err:
    sys.exit(f"retrain: {err}")
"""


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
    recipe = _recipe(out, _CASCADE)
    result = _converter("--image_dir", plates, "--cascade", recipe, "--output-dir", out / "graphs")
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
    assert (record.architecture, record.input.size_px) == ("efficientnet_lite0", _SIZE_PX)
    assert record.fine_tuned_convolutions >= 3
    assert record.licences == ("CC0",)
    assert 0 < record.training_pictures <= 20
    assert record.weights_sha256 == read_record(graphs / "where" / "retrained_graph.pb").weights_sha256
    assert record.weights_sha256 != load_backbone("efficientnet_lite0", size_px=_SIZE_PX).weights_sha256
    assert "test accuracy" in output
    assert f"next: convert --quantize {graphs / 'CASCADE.toml'} --calibration {plates} --out" in output
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
    assert convert_main([str(trained[0] / "CASCADE.toml"), "--out", str(bundle)]) == 0
    engine = Engine(load_bundle(bundle))
    stages = {stage.name: stage for stage in engine.bundle.manifest.cascade.stages}
    assert stages["steel"].map == stages["where"].map == stages["where"].output
    assert stages["steel"].output != stages["where"].output
    sample = next(s for s in load_dataset(plates) if s.mask is not None and s.labels["material"] == "steel")
    judgement = engine.judge(sample.read())
    assert judgement.decision.outcome.value == "corroded"
    corroded = judgement.maps["steel"][..., 0] - judgement.maps["steel"][..., 1]
    assert corroded[:, 0].min() > corroded[:, -1].max()


def test_a_threshold_is_told_where_left_out_pictures_lean_to_one_side():
    """Clean pictures of a source that was not there are called corroded up to 0.59: best above that."""
    labels = ("corroded", "uncorroded")
    samples = tuple(
        Sample(Path(f"{index}.png"), str(index), set_name="plates", labels={"corroded": labels[index % 2]})
        for index in range(120)
    )
    recipe = CascadeRecipe(stage=(StageRecipe(name="any", column="corroded", labels=labels),))
    question = TrainingTarget("any", labels, np.arange(120) % 2)
    prepared = PreparedTraining(samples, recipe, (question,), np.zeros((1, 120, 1, 1, 1), np.float16), None)
    probabilities = np.where(question.targets == 0, 0.9, np.linspace(0.3, 0.65, 120))
    logits = np.stack([np.log(probabilities / (1 - probabilities)), np.zeros(120)], axis=1)
    logits[100:] = np.nan  # not judged
    (found,) = thresholds(prepared, [JudgedFold("left-out sources", {"any": logits.astype(np.float32)})])
    assert found.stage == "any"
    assert found.best == 0.6  # the nearest of those that part the first hundred
    assert found.right < 0.9
    assert found.right_at_best == 1.0
    assert "best at 0.6: 100.0%" in str(found)


@pytest.mark.slow
def test_cross_validation_measures_what_it_left_out(plates, tmp_path):
    """Accuracies on left-out groups and sources, and the temperatures they give, are in the records."""
    recipe = _recipe(
        tmp_path, _CASCADE.replace("steps = 60", "steps = 40").replace("fine_tune = 3", "fine_tune = 0")
    )
    flags = ["--image_dir", plates, "--cascade", recipe, "--output_dir", tmp_path / "out"]
    result = _converter(*flags, "--cross_validate", 2, "--leave_out", "s1")
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
            cv2.imwrite(str(path), _picture(random, colour))
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
        result = _converter(
            *flags, *outputs, "--final_tensor_name", "answer", "--summaries_dir", tmp_path / run
        )
        assert result.returncode == 0, result.stderr
        assert "step 10: loss" in result.stdout
        assert (tmp_path / run / "output_labels.txt").read_text(encoding="utf-8") == "clean\ncorroded\n"
        assert list((tmp_path / run).glob("events.out.tfevents.*"))
        graphs.append(graph)
    assert graphs[0].read_bytes() == graphs[1].read_bytes()
    assert json.loads(graphs[0].with_suffix(".json").read_text())["final_tensor"] == "answer"
    picture = cv2.imread(str(tmp_path / "pictures" / "Corroded" / "plate3" / "a.png"))
    assert _probabilities(graphs[0], picture)[0].argmax() == 1


@pytest.mark.slow
def test_fine_tuning_says_what_it_costs(tmp_path):
    """A graph with a backbone of its own is announced as such, and its backbone is another one."""
    _folders(tmp_path / "pictures")
    flags = ["--image_dir", tmp_path / "pictures", "--size_px", 64, "--how_many_training_steps", 4]
    graph = tmp_path / "graph.pb"
    result = _converter(*flags, "--fine_tune", 2, "--validation_percentage", 20, "--output_graph", graph)
    assert result.returncode == 0, result.stderr
    assert "costs the node a whole inference more" in result.stdout
    record = read_record(graph)
    assert record.fine_tuned_convolutions == 2
    assert record.weights_sha256 != load_backbone("efficientnet_lite0", size_px=64).weights_sha256


def test_one_sentence_where_something_is_missing(plates, tmp_path):
    """A recipe that asks for what no picture shows ends with one sentence and no traceback."""
    recipe = _recipe(
        tmp_path,
        _CASCADE.replace('"aluminium", "steel"', '"aluminium", "titanium"').replace("{ steel", "{ titanium"),
    )
    result = _converter("--image_dir", plates, "--cascade", recipe, "--output_dir", tmp_path / "out")
    assert result.returncode == 1
    assert "stage material: no picture has material = 'titanium'" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()
    result = _converter("--image_dir", plates, "--column", "form")
    assert result.returncode == 1
    assert (
        "column form: no labels; wanted two or more labels; columns with labels are corroded" in result.stderr
    )


@pytest.fixture
def retrain(monkeypatch):
    """Return what runs the command in this process with flags."""
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")  # which the command sets, for good
    parser = argparse.ArgumentParser()
    retrain_cli.add_arguments(parser)
    return lambda *flags: retrain_cli.run(parser.parse_args([str(flag) for flag in flags]))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--output_dir out", "--output_dir is for --cascade"),
        ("--cascade absent.toml", "name their folder with --output_dir"),
        ("--cascade absent.toml --output_dir out --seed 4", "--seed is for one graph"),
        ("--cascade absent.toml --output-dir out --random-crop 10", "--random_crop is for one graph"),
        ("--output_graph out/g.json", "out/g.json: two outputs have this name"),
        ("--output_graph out/retrained_labels.txt", "retrained_labels.txt: two outputs have this name"),
        ("--output_graph g.pb --output_labels ./g.pb", "g.pb: two outputs have this name"),
        ("--output_graph g.pb --output_labels retrained_model.json", "json: two outputs have this name"),
    ],
)
def test_flags_that_would_do_nothing_are_refused(tmp_path, monkeypatch, retrain, flags, message):
    """What a recipe says is not said twice; it is told before anything is read."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatasetError, match=message):
        retrain("--image_dir", "absent", *flags.split())


def test_a_picture_comes_with_one_folder_only(plates, retrain):
    """Folders that overlap would count pictures twice: the picture is named, and no training is begun."""
    flags = ["--image_dir", plates, "--image_dir", plates / "labels.csv"]
    with pytest.raises(DatasetError, match=r"\.png: comes with two --image_dir"):
        retrain(*flags)


def test_a_source_that_is_not_there_is_told_before_any_training(plates, retrain):
    """A mistyped source of a cross-validation ends it before its network, unknown here, is even built."""
    flags = ["--image_dir", plates, "--cross_validate", "2", "--architecture", "unknown"]
    flags += ["--leave_out", "s1,elsewhere"]
    with pytest.raises(DatasetError, match="--leave-out elsewhere: no such source; known are plates, s0"):
        retrain(*flags)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("[[stage]]", "[training.sets]\nelsewhere = 1\n[[stage]]"),
            "no picture of elsewhere; known are plates",
        ),
        (
            ('material = ["steel"]', 'material = ["tin", ""]'),
            "'corroded' where material is tin or unknown; lab",
        ),
    ],
)
def test_a_choice_that_leaves_no_picture_is_named(plates, tmp_path, retrain, change, message):
    """Sets and conditions that no picture meets are what is told of, not percentages or labels."""
    assert change[0] in _CASCADE
    recipe = _recipe(tmp_path, _CASCADE.replace(*change, 1))
    flags = ["--image_dir", plates, "--cascade", recipe, "--output_dir", tmp_path / "out"]
    with pytest.raises(DatasetError, match=message):
        retrain(*flags)


@pytest.mark.parametrize(
    "flags",
    [
        "--how_many_training_steps 0",
        "--learning_rate nan",
        "--testing_percentage 101",
        "--random-crop 100",
        "--cross-validate 1",
        "--copies x",
        "--seed 4294967296",
        "--final_tensor_name a@b",
    ],
)
def test_numbers_out_of_bounds_are_refused_by_their_flag(capsys, flags):
    """The flag is named with what it wants; no training is begun that would end in a traceback."""
    parser = argparse.ArgumentParser()
    retrain_cli.add_arguments(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["--image_dir", "absent", *flags.split()])
    said = capsys.readouterr().err.splitlines()[-1]
    assert f"argument {flags.split()[0].replace('-', '_').replace('__', '--')}" in said
    assert "wanted" in said


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            "fine_tune = 3",
            "fine_tun = 3",
            r'\[training\] has an unknown key "fine_tun"; did you mean "fine_tune"',
        ),
        ('otherwise = "steel"', 'otherwise = "iron"', "stage material: route to 'iron', which is no stage"),
        ('name = "where"', 'name = "steel"', "two stages have one name"),
        ('map_from = "where"', 'otherwise = "material"', "routes run in a circle: material -> steel -> mat"),
        ('column = "material"', 'column = "material"\nmap_from = "where"', "its map's are corroded, uncor"),
        ("steps = 60", "steps = 0", "training.steps"),
        ("steps = 60", "seed = -3", r"Expected int >= 0 - at \$.training.seed"),
        ("steps = 60", "seed = 4294967296", "training.seed"),
        ('map_from = "where"', 'learn = "everything"', "Invalid enum value 'everything'"),
        ('labels = ["aluminium", "steel"]', 'labels = ["aluminium"]', "length >= 2"),
        ('column = "material"', 'column = "material"\nlearn = "both"', "masks show corroded, not material"),
        ("fine_tune = 3", "style_mixing = 0.5", "style_mixing changes layers that are trained along"),
        (
            "[training]",
            "[[variation]]\nsize_px = 96\n[training]",
            r"variation 1: size_px belongs into \[training\]",
        ),
        ("[training]", "[[variation]]\nsteps = 0\n[training]", "variation 1: Expected `?int`? >= 1"),
        ("[training]", '[[variation]]\nbalanc = "sources"\n[training]', 'did you mean "balance"'),
        ("[training]", "[training", "not TOML"),
    ],
)
def test_recipes_that_contradict_themselves(tmp_path, before, after, message):
    """A recipe is refused with the key, what was found and the nearest name."""
    assert before in _CASCADE
    with pytest.raises(DatasetError, match=message):
        read_recipe(_recipe(tmp_path, _CASCADE.replace(before, after)))


def test_the_cut_leaves_the_network_as_it_is():
    """The frozen part and the part above compute together what the whole does, branches included."""
    import tensorflow as tf

    model = load_backbone("mobilenet_v2", weights="random", size_px=_SIZE_PX).model
    pictures = np.random.default_rng(0).normal(size=(2, _SIZE_PX, _SIZE_PX, 3)).astype(np.float32)
    for count in (1, 7, 20):
        cut = cut_before(model, count)
        lower = tf.keras.Model(model.input, model.get_layer(cut.layer).output)
        np.testing.assert_allclose(
            np.asarray(cut.upper(lower(pictures))), np.asarray(model(pictures)), atol=1e-4
        )
        assert count <= cut.convolutions < count + 4
    with pytest.raises(GraphError, match="--fine-tune 99: the network has"):
        cut_before(model, 99)


def test_unknown_labels_teach_nothing():
    """A picture without a label for a stage does not change that stage's head."""
    random = np.random.default_rng(0)
    activations = random.normal(size=(1, 40, 1, 1, 6)).astype(np.float16)
    targets = np.array([0, 1] * 20)
    targets[20:] = UNKNOWN
    activations[0, :20, 0, 0, 0] = np.where(targets[:20] == 1, 2, -2)
    settings = TrainingSettings(steps=150, learning_rate=0.05, batch=16, dropout=0, seed=3)

    def head(values):
        weights = (targets >= 0) * 1.0
        material = TrainingData(values, None, weights, np.zeros(40, bool))
        return train(material, [TrainingTarget("q", ("a", "b"), targets)], settings)[0]

    changed = activations.copy()
    changed[0, 20:] += 100
    first, second = head(activations), head(changed)
    np.testing.assert_array_equal(first.weights, second.weights)
    assert (first.logits(activations[0, :20]).argmax(1) == targets[:20]).all()


def test_small_features_are_learned_from_as_well_as_usual_ones():
    """A head on features of a fiftieth of the size says the same: its weights are as much larger."""
    random = np.random.default_rng(0)
    usual = random.normal(0, 0.4, size=(1, 60, 2, 2, 6)).astype(np.float16)
    targets = np.array([0, 1] * 30)
    usual[0, :, :, :, 0] += np.where(targets == 1, 0.5, -0.5)[:, None, None]
    settings = TrainingSettings(steps=120, learning_rate=0.02, batch=16, dropout=0, seed=3)
    for validation in (np.zeros(60, bool), targets >= 0):
        logits = []
        for values in (usual, (usual.astype(np.float32) / 50).astype(np.float16)):
            looks = []
            material = TrainingData(values, None, np.ones(60), validation)
            (head,) = train(
                material, [TrainingTarget("q", ("a", "b"), targets)], settings, report=looks.append
            )
            logits.append(head.logits(values[0]))
        assert (logits[1].argmax(axis=1) == targets).mean() > 0.95
        assert np.abs(logits[1]).mean() == pytest.approx(np.abs(logits[0]).mean(), rel=0.5)
        right = (logits[1].argmax(axis=1) == targets).mean()
        assert not looks[-1].accuracies or looks[-1].accuracies["q"] == pytest.approx(right)


def test_rare_labels_count_as_much_as_frequent_ones():
    """Where features say nothing, nine of ten pictures of one label do not make it the answer."""
    targets = np.array([0] * 90 + [1] * 10)
    material = TrainingData(np.ones((1, 100, 1, 1, 4), np.float16), None, np.ones(100), np.zeros(100, bool))
    settings = TrainingSettings(steps=400, learning_rate=0.02, dropout=0, label_smoothing=0)
    (head,) = train(material, [TrainingTarget("q", ("a", "b"), targets)], settings)
    logits = head.logits(np.ones((1, 4), np.float32))[0]
    # Weights are bounded at 4: 90 / 1.8 against 10 * 4, log odds of 0.22 and not of 2.2.
    assert logits[0] - logits[1] == pytest.approx(np.log(50 / 40), abs=0.25)


def test_training_stops_when_validation_gets_no_better():
    """With patience, training on noise ends early and keeps the best look, not the last."""
    random = np.random.default_rng(0)
    activations = random.normal(size=(1, 60, 1, 1, 30)).astype(np.float16)
    question = TrainingTarget("q", ("a", "b"), random.integers(0, 2, 60))
    validation = np.arange(60) >= 40
    looks = []
    settings = TrainingSettings(steps=1000, learning_rate=0.05, dropout=0, evaluate_every=10, patience=3)
    material = TrainingData(activations, None, 1.0 - validation, validation)
    (head,) = train(material, [question], settings, report=looks.append)
    assert looks[-1].step < 1000
    kept = cross_entropy(head.logits(activations[0, validation]).astype(float), question.targets[validation])
    assert kept == pytest.approx(min(look.validation_loss for look in looks), abs=1e-4)


def test_temperature_is_the_one_that_was_used():
    """Labels drawn from softmax(logits / 2.5) give back 2.5."""
    random = np.random.default_rng(0)
    logits = random.normal(0, 4, (20000, 3))
    shares = np.exp(logits / 2.5)
    shares /= shares.sum(1, keepdims=True)
    targets = (random.random((20000, 1)) > shares.cumsum(1)).sum(1)
    assert fitted_temperature(logits, targets) == pytest.approx(2.5, rel=0.05)
    assert fitted_temperature(logits[:0], targets[:0]) == 1.0


def test_licences_are_left_out_of_training(plates, tmp_path):
    """Rows whose licence the recipe leaves out have no weight in training."""
    recipe = read_recipe(_recipe(tmp_path, _CASCADE))
    samples = load_dataset(plates)
    assert sum(recipe.training.admits(sample) for sample in samples) == 40
    prepared = prepare(samples, recipe)
    only_left_out = np.arange(48) >= 40
    with pytest.raises(DatasetError, match="stage material: no picture of aluminium, steel is left"):
        fit(prepared, only_left_out, np.zeros(48, bool))


def test_variations_are_averaged(plates, tmp_path):
    """Trained together, two variations give the mean of what each of them gives from the same start."""
    samples = load_dataset(plates)
    base = _CASCADE.replace("steps = 60", "steps = 5")
    variations = ["steps = 5", 'steps = 7\nbalance = "sources"\nstyle_mixing = 1.0']
    together = "".join(f"[[variation]]\n{one}\n" for one in variations)
    everything, nothing = np.ones(len(samples), bool), np.zeros(len(samples), bool)

    def fitted(text):
        recipe = read_recipe(_recipe(tmp_path, base.replace("[training]", text + "[training]")))
        found = fit(prepare(samples, recipe), everything, nothing)
        return found.backbone.model.get_weights(), found.heads

    alone = [fitted(f"[[variation]]\n{one}\n") for one in variations]
    weights, heads = fitted(together)
    for mean, first, second in zip(weights, *(one[0] for one in alone), strict=True):
        np.testing.assert_allclose(mean, (first + second) / 2, atol=1e-6)
    for mean, first, second in zip(heads, *(one[1] for one in alone), strict=True):
        np.testing.assert_allclose(mean.weights, (first.weights + second.weights) / 2, atol=1e-6)
    assert any(not np.array_equal(*both) for both in zip(*(one[0] for one in alone), strict=True))
