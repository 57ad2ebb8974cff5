"""Evaluation: figures by hand, and bundles and graphs on real pictures."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from converter.cli import evaluate
from converter.data.dataset import Sample
from converter.data.stage_truth import with_meanings
from converter.evaluation import evaluation
from converter.evaluation.evaluation import Mistake, find_mistakes, measure
from converter.evaluation.judge import JudgedSample, load_judge
from converter.evaluation.map_quality import area_under_curve, measure_maps
from converter.evaluation.metrics import (
    bootstrap_by_group,
    calibration_error,
    measure_detection,
    tabulate_confusions,
    wilson_interval,
)
from converter.evaluation.questions import choose_questions
from converter.graphs.label_names import derive_meanings
from edge_node.errors import DatasetError, GraphError
from edge_node.inference.manifest import Cascade, Stage
from edge_node.messages.verdict import Decision, Outcome, StageVerdict

_DEFAULT_BUNDLE = Path(evaluate.__file__).parents[2] / "edge_node" / "default_bundle"


def test_wilson_by_hand():
    """8 of 10 is 0.490 to 0.943, as the published formula gives; none of none is unknown."""
    interval = wilson_interval(8, 10)
    assert (interval.value, interval.low, interval.high) == pytest.approx((0.8, 0.4902, 0.9433), abs=1e-4)
    assert wilson_interval(0, 5).low == 0.0
    assert math.isnan(wilson_interval(0, 0).value)


def test_precision_recall_and_f_are_the_thesis_ones():
    """3 found, 1 false alarm, 2 missed, one of them without an answer: 3/4, 3/5, 2/3."""
    truth = ["corroded"] * 5 + ["uncorroded"] * 3
    said = ["corroded"] * 3 + ["uncorroded", None] + ["corroded", "uncorroded", "uncorroded"]
    found = measure_detection(truth, said, "corroded")
    assert (found.precision, found.recall) == pytest.approx((3 / 4, 3 / 5))
    assert found.f_measure == pytest.approx(2 / 3)
    assert tabulate_confusions(truth, said) == {
        "corroded": {"corroded": 3, "uncorroded": 1, "-": 1},
        "uncorroded": {"corroded": 1, "uncorroded": 2, "-": 0},
    }
    assert math.isnan(measure_detection(["uncorroded"], ["uncorroded"], "corroded").recall)


def test_intervals_know_that_pictures_of_one_specimen_go_together():
    """Ten specimens that are wholly right or wrong are no surer for having fifty pictures each."""
    groups = np.repeat(np.arange(10), 50)
    right = groups < 8
    together, apart = bootstrap_by_group(right, groups.tolist()), bootstrap_by_group(right, list(range(500)))
    assert together.value == apart.value == 0.8
    assert together.high - together.low > 4 * (apart.high - apart.low)


def test_calibration_error_by_hand():
    """Two bins: 0.95 sure and always right is off by 0.05, 0.75 sure and half right by 0.25."""
    confidence = np.array([0.95, 0.95, 0.75, 0.75])
    assert calibration_error(confidence, np.array([True, True, True, False])) == pytest.approx(0.15)


def _answer(material, corroded, outcome, said_material, group="g"):
    sample = Sample(Path("x"), group, source="s", labels={"material": material, "corroded": corroded})
    decision = Decision(
        outcome=outcome, material=said_material, condition_confidence=0.9, material_confidence=0.9
    )
    return JudgedSample(sample, decision, 1.0)


def test_abstentions_are_errors_and_reported_apart():
    """An uncertain outcome counts against the accuracy, and not against that of the decided ones."""
    answers = [
        _answer("steel", "corroded", Outcome.CORRODED, "steel", "a"),
        _answer("steel", "corroded", Outcome.UNCERTAIN, None, "b"),
        _answer("aluminium", "uncorroded", Outcome.UNCORRODED, "aluminium", "c"),
        _answer("aluminium", "uncorroded", Outcome.CORRODED, "steel", "c"),
    ]
    by_name = {question.name: measure(question, answers) for question in choose_questions([])}
    any_metal = by_name["any metal corroded?"]
    assert (any_metal.pictures, any_metal.groups) == (4, 3)
    assert any_metal.accuracy.value == 0.5
    assert any_metal.accuracy_decided == pytest.approx(2 / 3)
    assert any_metal.abstained == 0.25
    assert by_name["steel corroded?"].pictures == 2
    assert by_name["severity"] is None
    four = by_name["material and condition"]
    assert four.between_materials == 1.0
    assert four.crossover["aluminium, uncorroded"]["steel, corroded"] == 1


def test_areas_under_the_curve_by_hand():
    """Perfectly apart is 1, alike is a half, one pair of four the wrong way round is three quarters."""
    assert area_under_curve(np.array([0, 5]), np.array([5, 0])) == 1.0
    assert area_under_curve(np.array([3, 3]), np.array([7, 7])) == 0.5
    assert area_under_curve(np.array([0, 1, 0, 1]), np.array([1, 0, 1, 0])) == 0.75
    assert math.isnan(area_under_curve(np.array([1]), np.array([0])))


def test_maps_are_held_against_masks(tmp_path):
    """A map that is right on three of four quarters, with one false and none missed, has an IoU of a half."""
    mask = np.zeros((64, 64), np.uint8)
    mask[:32, :32] = 255
    cv2.imwrite(str(tmp_path / "m.png"), mask)
    sample = Sample(tmp_path / "p.png", "g", source="here", mask=tmp_path / "m.png")
    answers = [
        JudgedSample(
            sample, Decision(outcome=Outcome.CORRODED), 1.0, np.array([[0.9, 0.8], [0.1, 0.2]], np.float32)
        ),
        JudgedSample(Sample(tmp_path / "p.png", "g"), Decision(outcome=Outcome.CORRODED), 1.0),
    ]
    both, here = measure_maps(answers)
    assert (both.source, here.source, both.pictures) == ("all", "here", 1)
    assert here.iou == 0.5
    assert here.area_error == pytest.approx(0.25, abs=0.02)
    assert 0.85 < here.pixel_auroc < 1.0


def test_folder_names_are_read_as_labels():
    """A class folder called 'corroded steel' answers the questions about material and condition."""
    (sample,) = with_meanings([Sample(Path("x"), "g", labels={"label": "corroded steel"})])
    assert sample.labels == {
        "label": "corroded steel",
        "material": "steel",
        "corroded": "corroded",
        "metal": "metal",
    }


def _pictures(folder, count=6):
    random = np.random.default_rng(0)
    for index in range(count):
        name = "corroded steel" if index % 2 else "uncorroded steel"
        path = folder / name / f"plate{index}" / "a.png"
        path.parent.mkdir(parents=True)
        noise = random.normal(0, 40, (100, 120, 3)) + ((30, 60, 140) if index % 2 else (140, 140, 140))
        cv2.imwrite(str(path), np.clip(noise, 0, 255).astype(np.uint8))
    return folder


def _evaluate(*arguments):
    parser = argparse.ArgumentParser()
    evaluate.add_arguments(parser)
    return evaluate.run(parser.parse_args([str(argument) for argument in arguments]))


def test_a_bundle_is_evaluated_through_the_nodes_own_path(tmp_path, capsys):
    """Table, JSON and page agree with what the node's engine says of every picture."""
    data = _pictures(tmp_path / "data")
    outputs = ["--json", tmp_path / "e.json", "--html", tmp_path / "e.html"]
    assert _evaluate(_DEFAULT_BUNDLE, data, *outputs) == 0
    judge = load_judge(_DEFAULT_BUNDLE)
    right = [
        judge.predict(cv2.imread(str(path))).decision.outcome.value == path.parts[-3].split()[0]
        for path in sorted(data.rglob("*.png"))
    ]
    found = json.loads((tmp_path / "e.json").read_text())
    any_metal = found["figures"][0]
    assert any_metal["question"] == "any metal corroded?"
    assert any_metal["accuracy"]["value"] == pytest.approx(np.mean(right))
    assert found["mean_ms"] > 0
    output = capsys.readouterr().out
    assert f"accuracy    {100 * np.mean(right):.2f} %" in output
    page = (tmp_path / "e.html").read_text(encoding="utf-8")
    materials = [
        judge.predict(cv2.imread(str(path))).decision.material for path in sorted(data.rglob("*.png"))
    ]
    whole = [good and material == "steel" for good, material in zip(right, materials, strict=True)]
    assert page.count("<figure>") == len(whole) - sum(whole)
    assert f"Wrong or undecided: {len(whole) - sum(whole)} pictures" in page


def test_a_graph_is_evaluated_in_tensorflow(shared, tmp_path, capsys):
    """A frozen graph of an older tool, with its own preprocessing, is right on most real steel."""
    table = (shared / "data" / "labels.csv").read_text(encoding="utf-8").splitlines()
    rows = [row for row in table[1:] if row.startswith("surfaces/syukri") and ",steel," in row][:30]
    (tmp_path / "surfaces").symlink_to(shared / "data" / "surfaces")
    (tmp_path / "labels.csv").write_text("\n".join([table[0], *rows]), encoding="utf-8")
    assert (
        _evaluate(shared / "graphs" / "steel" / "retrained_graph.pb", tmp_path, "--json", tmp_path / "e") == 0
    )
    found = json.loads((tmp_path / "e").read_text())
    steel = next(one for one in found["figures"] if one["question"] == "steel corroded?")
    assert steel["pictures"] == 30
    assert steel["accuracy"]["value"] > 0.9
    assert "steel corroded?  30 pictures" in capsys.readouterr().out


def test_nothing_to_compare_with_is_said(tmp_path):
    """Sets that do not exist, and labels that say nothing of metal, end in one sentence."""
    data = _pictures(tmp_path / "data", 2)
    with pytest.raises(GraphError, match="nothing there; wanted a bundle's folder or a frozen graph"):
        _evaluate(tmp_path / "mistyped", data)
    with pytest.raises(DatasetError, match="no picture of nowhere; known are"):
        _evaluate(_DEFAULT_BUNDLE, data, "--set", "nowhere")
    (data / "corroded steel").rename(data / "cats")
    (data / "uncorroded steel").rename(data / "dogs")
    with pytest.raises(DatasetError, match="nothing to compare with"):
        _evaluate(_DEFAULT_BUNDLE, data)


def _cascade(*labels):
    stage = Stage(name="s", labels=labels, model="m", output="o", meanings=derive_meanings(labels))
    return Cascade(root="s", stages=(stage,))


def test_a_model_is_only_asked_what_its_labels_tell():
    """A material graph is not said to abstain from a condition that it has never heard of."""
    asked = {
        labels: [question.name for question in choose_questions(["scenes", "surfaces"], _cascade(*labels))]
        for labels in [
            ("aluminium", "steel"),
            ("corroded", "uncorroded"),
            ("cat", "dog"),
            ("metal", "other"),
            ("none", "pitting"),
        ]
    }
    assert asked["aluminium", "steel"] == ["material"]
    assert asked["cat", "dog"] == ["label"]
    assert asked["metal", "other"] == ["metal or other"]
    assert "form" in asked["none", "pitting"]
    conditions = [
        "any metal corroded?",
        "steel corroded?",
        "aluminium corroded?",
        "scenes: any metal corroded?",
        "surfaces: any metal corroded?",
    ]
    assert asked["corroded", "uncorroded"] == conditions
    one_set = choose_questions(["surfaces"], _cascade("corroded", "uncorroded"))
    assert [question.name for question in one_set] == conditions[:3]


def test_materials_beside_the_thesis_are_asked_where_labels_name_them():
    """A picture of galvanized iron counts for a cascade that knows it, and for no other."""
    galvanized = Sample(Path("a.png"), "a", labels={"material": "galvanized"})
    for labels, truth in (
        (("aluminium", "galvanized", "steel"), "galvanized iron"),
        (("aluminium", "steel"), None),
    ):
        (material,) = (one for one in choose_questions([], _cascade(*labels)) if one.name == "material")
        assert material.truth(galvanized) == truth


def test_labels_that_say_nothing_of_metal_are_compared_as_they_are():
    """A graph of cats and dogs is right where it names the folder; a mistake says what was said instead."""
    stage = StageVerdict(
        name="s", label="dog", probabilities={"cat": 0.2, "dog": 0.8}, decision_threshold=0.5, abstain_below=0
    )
    said = Decision(outcome=Outcome.UNCERTAIN, stages=(stage,))
    answers = [
        JudgedSample(Sample(Path(name), name, labels={"label": name}), said, 1.0) for name in ("cat", "dog")
    ]
    asked = choose_questions([], _cascade("cat", "dog"))
    (found,) = evaluation.evaluate("m", "d", answers, asked).figures
    assert (found.question, found.accuracy.value, found.abstained) == ("label", 0.5, 0.0)
    assert find_mistakes(asked, answers[0]) == (Mistake("label", "cat", "dog", 0.8),)
    assert find_mistakes(asked, answers[1]) == ()


def test_a_mistake_about_the_material_is_on_the_sheet_once():
    """The questions that repeat others for a part of the pictures add no line of their own."""
    answer = _answer("steel", "corroded", Outcome.CORRODED, "aluminium")
    assert find_mistakes(choose_questions(["s"]), answer) == (Mistake("material", "steel", "aluminium", 0.9),)
