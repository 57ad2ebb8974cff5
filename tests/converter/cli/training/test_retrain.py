"""``converter retrain``: flags and recipes that cannot be obeyed are refused before any training."""

from __future__ import annotations

import argparse

import pytest

from converter.cli.training import retrain as retrain_cli
from converter.graphs.label_names import load_labels
from converter.runs.run_table import list_runs
from converter.training.recipe import read_recipe
from edge_node.errors import DatasetError, DestinationError, GraphError
from tests.support.plates import CASCADE, run_retrain, write_recipe

_QUICK = ["--weights", "random", "--size_px", 32, "--architecture", "mobilenet_0.25_128"]


def test_one_sentence_where_something_is_missing(plates, tmp_path):
    """A recipe that asks for what no picture shows ends with one sentence and no traceback."""
    recipe = write_recipe(
        tmp_path,
        CASCADE.replace('"aluminium", "steel"', '"aluminium", "titanium"').replace("{ steel", "{ titanium"),
    )
    result = run_retrain("--image_dir", plates, "--cascade", recipe, "--output_dir", tmp_path / "out")
    assert result.returncode == 1
    assert "stage material: no picture has material = 'titanium'" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()
    result = run_retrain("--image_dir", plates, "--column", "form")
    assert result.returncode == 1
    assert (
        "column form: no labels; wanted two or more labels; columns with labels are corroded" in result.stderr
    )


@pytest.fixture
def retrain(monkeypatch, tmp_path):
    """Return what runs the command in this process with flags, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
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
        ("--output_graph out/g.keras", "out/g.keras: two outputs have this name"),
        ("--output_graph g.pb --output_labels ./g.pb", "g.pb: two outputs have this name"),
        ("--output_graph g.pb --output_labels g.json", "g.json: two outputs have this name"),
        ("--output_labels retrained_model.json", "json: two outputs have this name"),
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
    assert change[0] in CASCADE
    recipe = write_recipe(tmp_path, CASCADE.replace(*change, 1))
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


def test_two_trainings_in_one_folder_keep_their_own_labels(plates, tmp_path, retrain, capsys):
    """Each graph has its labels, record and Keras file, and its run folder; none replaces another's."""
    pictures = ["--image_dir", plates, "--testing_percentage", 30, *_QUICK, "--how_many_training_steps", 2]
    retrain(*pictures, "--output_graph", "steel.pb")
    assert load_labels(tmp_path / "steel.pb") == ("corroded", "uncorroded")
    assert not (tmp_path / "retrained_labels.txt").exists()
    said = capsys.readouterr().out
    assert "steel: test accuracy" in said
    assert "a group is one specimen" in said
    assert "next: converter convert --quantize steel.pb --calibration" in said
    with pytest.raises(DestinationError, match=r"steel\.pb: exists already .*--force"):
        retrain(*pictures, "--column", "material", "--output_graph", "steel.pb")
    retrain(*pictures, "--column", "material", "--output_graph", "metal.pb")
    assert load_labels(tmp_path / "steel.pb") == ("corroded", "uncorroded")
    assert load_labels(tmp_path / "metal.pb") == ("aluminium", "steel")
    runs = list_runs(tmp_path / "runs")
    assert {run.name for run in runs} == {"steel-1", "metal-1"}
    assert all(run.state == "finished" and run.measured[0].pictures > 0 for run in runs)
    kept = tmp_path / "runs" / "metal-1"
    assert read_recipe(kept / "recipe.toml").stage[0].labels == ("aluminium", "steel")
    assert (kept / "record.json").read_bytes() == (tmp_path / "metal.json").read_bytes()
    attributions = [tmp_path / f"{name}_ATTRIBUTION.md" for name in ("steel", "metal")]
    assert all("| s0 | CC0 |" in path.read_text(encoding="utf-8") for path in attributions)
    names = {"curves.csv", "curves.png", "misclassified.csv", "misclassified.jpg", "figures.json"}
    assert names <= {path.name for path in kept.iterdir()}


def test_what_exists_is_told_before_any_training(plates, tmp_path, retrain):
    """Also the Keras file, and each file of a cascade; a training that is refused leaves no run folder."""
    (tmp_path / "own.keras").touch()
    with pytest.raises(DestinationError, match=r"own\.keras: exists already; .*--force"):
        retrain("--image_dir", plates, "--output_graph", "own.pb", "--architecture", "unknown")
    with pytest.raises(GraphError, match="'unknown' is unknown"):
        retrain("--image_dir", plates, "--output_graph", "own.pb", "--architecture", "unknown", "--force")
    recipe = write_recipe(tmp_path, CASCADE)
    (tmp_path / "graphs" / "where").mkdir(parents=True)
    (tmp_path / "graphs" / "where" / "retrained_labels.txt").touch()
    with pytest.raises(DestinationError, match=r"where/retrained_labels\.txt: exists already"):
        retrain("--image_dir", plates, "--cascade", recipe, "--output_dir", "graphs")
    assert not any((tmp_path / "runs").iterdir())
