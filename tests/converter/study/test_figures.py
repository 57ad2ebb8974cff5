"""Figures of a study by hand: errors between materials, and what a cascade says."""

from __future__ import annotations

import numpy as np
import pytest

from converter.data.stage_truth import UNKNOWN
from converter.study.figures import (
    SPECIMEN,
    Predictions,
    combine_predictions,
    compare_cascades,
    measure_model,
)
from converter.study.models import (
    CASCADE,
    FOUR_CLASSES,
    MODELS,
    SEVERITY_CASCADE,
    TITLES,
)
from converter.training.steps.training_data import TrainingTarget


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
