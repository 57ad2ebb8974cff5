"""Training of heads: labels that are unknown or rare, small features, an early stop, temperatures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from converter.data.stage_truth import UNKNOWN
from converter.training.steps.head_training import fit_head_temperature, train
from converter.training.steps.losses import cross_entropy
from converter.training.steps.training_data import TrainingData, TrainingSettings, TrainingTarget


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
    """Labels drawn from softmax(logits / 2.5) give back 2.5; no labels, or positions only, give 1."""
    random = np.random.default_rng(0)
    logits = random.normal(0, 4, (20000, 3))
    shares = np.exp(logits / 2.5)
    shares /= shares.sum(1, keepdims=True)
    targets = (random.random((20000, 1)) > shares.cumsum(1)).sum(1)
    question = TrainingTarget("stage", ("a", "b", "c"), targets)
    assert fit_head_temperature(question, logits, targets) == pytest.approx(2.5, rel=0.05)
    assert fit_head_temperature(question, logits[:0], targets[:0]) == 1.0
    on_positions = replace(question, on_pictures=False)
    assert fit_head_temperature(on_positions, logits, targets) == 1.0
