"""The study of the thesis' models."""

from __future__ import annotations

import argparse
import json

import cv2
import msgspec
import numpy as np
import pytest

from converter.cli import specimens, study
from converter.data.stage_truth import UNKNOWN
from converter.evaluation.metrics import Interval
from converter.study.figures import (
    SPECIMEN,
    Predictions,
    Study,
    combine_predictions,
    compare_cascades,
    measure_model,
)
from converter.study.models import (
    CASCADE,
    FOUR_CLASSES,
    MODELS,
    PILOT,
    SEVERITY_CASCADE,
    TITLES,
    select_answerable,
    with_classes,
)
from converter.study.page import make_plot, render_study
from converter.study.text import draw_conclusions, format_study
from converter.training.training_data import TrainingTarget
from edge_node.errors import DatasetError, GraphError


def _run(module, *arguments):
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    return module.run(parser.parse_args([str(argument) for argument in arguments]))


def _pictures(folder, rows, columns="file,material,corroded,severity,group,set"):
    for number, text in enumerate(rows):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((40, 40, 3), 5 * number, np.uint8))
        rows[number] = f"{number}.png,{text}"
    (folder / "labels.csv").write_text("\n".join([columns, *rows]), encoding="utf-8")


@pytest.mark.slow
def test_a_study_of_rendered_specimens(tmp_path, capsys):
    """Every model of the thesis, both cascades and the severity stages are trained, tested and compared."""
    data = tmp_path / "rendered"
    assert _run(specimens, data, "--count", 96, "--size", "96x96") == 0
    flags = ["--size-px", 64, "--folds", 2, "--steps", 120, "--pilot-steps", 40, 80, "--set", "specimens"]
    figures, report = tmp_path / "s.json", tmp_path / "s.html"
    outputs = ["--json", figures, "--html", report, "--bottleneck-dir", tmp_path / "b"]
    assert _run(study, data, *flags, *outputs) == 0
    found = json.loads(figures.read_text())
    by_model = {(one["model"], one["split"], one["steps"]): one for one in found["rows"]}
    assert by_model[PILOT, "known", 40]["pictures"] > 20
    for split in ("specimen", "picture"):
        for title in (*TITLES.values(), CASCADE, SEVERITY_CASCADE):
            accuracy = by_model[title, split, None]["accuracy"]
            assert 0 <= accuracy["low"] <= accuracy["value"] <= accuracy["high"] <= 1
    binary = by_model[TITLES["binary"], "specimen", None]
    assert binary["pictures"] == 96
    assert binary["accuracy"]["value"] > 0.7
    assert sum(sum(counts.values()) for counts in binary["crossover"].values()) == 96
    assert 0.5 < binary["detection"]["recall"] <= 1
    text = capsys.readouterr().out
    assert "97.67 %" in text
    staged, four = (by_model[title, "specimen", None] for title in (CASCADE, TITLES["four"]))
    assert f"{staged['accuracy']['value']:.2%}".replace("%", " %") in text
    compared = next(c for c in found["comparisons"] if (c["cascade"], c["split"]) == (CASCADE, "specimen"))
    gained = staged["accuracy"]["value"] - four["accuracy"]["value"]
    assert compared["gained"]["value"] == pytest.approx(gained)
    html = report.read_text(encoding="utf-8")
    assert html.count('<b class="specimen"') == 1 + sum(one["split"] == "specimen" for one in found["rows"])
    assert f"{100 * binary['accuracy']['value']:.2f} %" in html


def test_errors_between_materials_by_hand():
    """Of four errors, three name the other material, and two the other condition."""
    targets, said = np.array([0, 0, 1, 2, 3, 3, UNKNOWN]), np.array([0, 2, 3, 3, 1, 3, 0])
    groups = np.array(list("abcdefg"))
    found = measure_model(Predictions(TITLES["four"], FOUR_CLASSES, targets, said), groups, SPECIMEN)
    assert (found.pictures, found.errors, found.between_materials, found.wrong_condition) == (6, 4, 3, 1)
    assert found.accuracy.value == pytest.approx(2 / 6)
    assert found.most_frequent == pytest.approx(2 / 6)
    assert found.crossover["steel, corroded"]["steel, uncorroded"] == 1


def _logits(*said, labels):
    return np.eye(labels, dtype=np.float32)[list(said)]


def _question(name, *targets):
    labels = next(model.stage.labels for model in MODELS if model.stage.name == name)
    return TrainingTarget(name, labels, np.array(targets, np.intp))


def test_a_cascade_says_what_its_stages_say():
    """The material stage chooses who is asked for the condition; steel's stage, whether severity counts."""
    questions = [
        _question("four", 0, 1, 2, 3),
        _question("material", 0, 0, 1, 1),
        _question("steel", UNKNOWN, UNKNOWN, 0, 1),
        _question("aluminium", 0, 1, UNKNOWN, UNKNOWN),
        _question("severity", UNKNOWN, UNKNOWN, 1, UNKNOWN),
        _question("severities", UNKNOWN, UNKNOWN, 1, 2),
    ]
    logits = {
        "four": _logits(0, 1, 2, 1, labels=4),
        "material": _logits(0, 1, 1, 1, labels=2),
        "steel": _logits(0, 1, 0, 1, labels=2),
        "aluminium": _logits(0, 0, 1, 1, labels=2),
        "severity": _logits(0, 0, 1, 0, labels=2),
        "severities": _logits(0, 0, 0, 2, labels=3),
    }
    answered = combine_predictions(questions, logits)
    said = {one.title: one.predicted.tolist() for one in answered}
    assert said[CASCADE] == [0, 3, 2, 3]
    assert said[SEVERITY_CASCADE][2:] == [1, 2]
    found = {one.cascade: one for one in compare_cascades(answered, np.array(list("abcd")), SPECIMEN)}
    assert (found[CASCADE].only_cascade, found[CASCADE].only_model) == (1, 1)
    assert found[CASCADE].gained.value == 0
    assert found[SEVERITY_CASCADE].gained.value == pytest.approx(1 / 2)


def test_a_gain_that_chance_explains_is_not_called_one():
    """Only where the whole range over groups is on one side does the text say who is better."""
    groups = np.array([f"g{number}" for number in range(100)])
    targets = np.zeros(100, np.intp)
    better = Predictions(CASCADE, FOUR_CLASSES, targets, np.where(np.arange(100) < 5, 1, 0))
    worse = Predictions(TITLES["four"], FOUR_CLASSES, targets, np.where(np.arange(100) < 45, 1, 0))
    alike = Predictions(TITLES["four"], FOUR_CLASSES, targets, np.where(np.arange(100) > 93, 1, 0))
    for other, words in ((worse, "beats the four-class model: 95.00 % against 55.00 %"), (alike, "neither")):
        text = "\n".join(draw_conclusions(_study([better, other], groups)))
        assert words in text


def _study(answered, groups, **changes):
    of_all = {
        "data": "d",
        "pictures": len(groups),
        "groups": len(groups),
        "folds": 2,
        "steps": 10,
        "seed": 0,
        "left_out": (),
        "rows": tuple(measure_model(one, groups, SPECIMEN) for one in answered),
        "comparisons": compare_cascades(answered, groups, SPECIMEN),
    }
    return Study(**{**of_all, **changes})


def test_several_architectures_stand_side_by_side():
    """With two architectures there is a table with a column for each, as text and on the page."""
    groups = np.array(list("abcd"))
    one = measure_model(
        Predictions(TITLES["binary"], ("corroded", "uncorroded"), np.arange(4) % 2, np.arange(4) % 2),
        groups,
        SPECIMEN,
    )
    rows = tuple(msgspec.structs.replace(one, architecture=name) for name in ("net<1>", "net2"))
    found = _study([], groups, rows=rows, comparisons=())
    assert "Architectures" in "\n".join(format_study(found))
    html = render_study(found).decode()
    assert "<th>net&lt;1&gt;</th><th>net2</th>" in html
    assert "net<1>" not in html


def test_marks_of_the_plot_stand_where_their_accuracy_is():
    """The axis ends at 100 % and begins at a ten below everything that is drawn."""
    groups = np.array(list("abcde"))
    answered = Predictions(TITLES["four"], FOUR_CLASSES, np.zeros(5, np.intp), np.array([0, 0, 0, 0, 1]))
    one = msgspec.structs.replace(measure_model(answered, groups, SPECIMEN), accuracy=Interval(0.8, 0.6, 1.0))
    drawn = make_plot([one])
    assert drawn.low == pytest.approx(0.6)
    assert [label for label, _ in drawn.ticks] == ["60 %", "70 %", "80 %", "90 %", "100 %"]
    ((_, _, (mark, of_thesis)),) = drawn.lines
    assert (mark.low, mark.at, mark.high) == (0, 50, 100)
    assert of_thesis.at == 50  # 80 %


def test_models_that_the_pictures_cannot_answer_are_named(tmp_path):
    """A label that is missing, or that is in one fold only, leaves its models out, with the reason."""
    rows = [f"steel,{number % 2},,g{number},s" for number in range(12)]
    rows += ["aluminium,0,,a,s", "aluminium,0,,b,s", "aluminium,1,,c,s", "aluminium,1,,c,s"]
    _pictures(tmp_path, rows)
    samples = tuple(with_classes(sample) for sample in study.load_dataset(tmp_path))
    numbers = np.array([0] * 6 + [1] * 6 + [0, 1, 0, 0])
    numbers[1] = 1
    models, reasons = select_answerable(samples, [numbers])
    assert [model.stage.name for model in models] == ["binary", "steel", "material"]
    said = "\n".join(reasons)
    assert "Model 6: aluminium alone: left out, all 2 pictures of corroded (1 groups) are in one fold" in said
    assert "mid or late: left out, no picture is labelled late (column severity, material = steel)" in said


def test_pictures_without_conditions_cannot_be_studied(tmp_path):
    """A data set that says nothing of corrosion is refused in one sentence."""
    _pictures(
        tmp_path, [f"{'cat' if index % 2 else 'dog'},g{index}" for index in range(4)], "file,label,group"
    )
    with pytest.raises(DatasetError, match=r"nothing to study; Model 2: .* no picture is labelled corroded"):
        _run(study, tmp_path)


@pytest.mark.parametrize(
    ("flags", "error", "words"),
    [
        (["--set", "elsewhere"], DatasetError, "no picture of elsewhere; known are s"),
        (["--architecture", "a", "--architecture", "b", "--weights", "w"], DatasetError, "NAME=WEIGHTS"),
        (
            ["--architecture", "efficientnet_lite0", "--architecture", "lite9"],
            GraphError,
            "'lite9' is unknown",
        ),
    ],
)
def test_flags_that_cannot_be_meant_are_refused_before_anything_is_computed(tmp_path, flags, error, words):
    """A set that is not there, weights for two networks, an unknown second network: one sentence each."""
    _pictures(tmp_path, [f"steel,{number % 2},,g{number},s" for number in range(12)])
    with pytest.raises(error, match=words):
        _run(study, tmp_path, *flags, "--bottleneck-dir", tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
