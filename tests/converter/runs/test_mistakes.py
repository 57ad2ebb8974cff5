"""Predictions against the truth: figures, and the misclassified pictures."""

from __future__ import annotations

import csv

import cv2
import numpy as np
import pytest

from converter.data.dataset import load_dataset
from converter.runs.mistakes import draw_mistakes, format_mistakes, judge_stage
from converter.training.steps.training_data import TrainingTarget


@pytest.fixture
def judged(plates):
    """The material of four plates, one of them wrong, one without a truth and one that was not chosen."""
    samples = load_dataset(plates)[:4]
    question = TrainingTarget("material", ("aluminium", "steel"), np.array([1, 0, 1, -1]), None)
    logits = np.float32([[0, 2], [0, 3], [5, 0], [5, 0]])
    return samples, judge_stage(samples, question, logits, np.array([True, True, False, True]), "test")


def test_figures_count_what_was_chosen_and_is_known(judged):
    """One of two is right; the crossover says which label was taken for which."""
    figures, _ = judged[1]
    assert (figures.pictures, figures.right, figures.pictures_of) == (2, 0.5, "test")
    assert figures.crossover == {
        "aluminium": {"aluminium": 0, "steel": 1},
        "steel": {"aluminium": 0, "steel": 1},
    }


def test_mistakes_are_listed_and_shown(judged):
    """The table names the picture, the truth, what was predicted and how surely; the sheet has one cell."""
    samples, (_, mistakes) = judged
    (row,) = csv.DictReader(format_mistakes(mistakes).decode().splitlines())
    assert row == {
        "file": str(samples[1].path),
        "stage": "material",
        "truth": "aluminium",
        "predicted": "steel",
        "probability": "0.9526",
    }
    sheet = cv2.imdecode(np.frombuffer(draw_mistakes(mistakes), np.uint8), cv2.IMREAD_COLOR)
    assert sheet.shape[1] == 244
    none = cv2.imdecode(np.frombuffer(draw_mistakes([]), np.uint8), cv2.IMREAD_COLOR)
    assert none.shape[1] == 244
