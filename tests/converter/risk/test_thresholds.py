"""Temperature and the confidences from which a stage is sure, chosen for a share of wrong answers."""

from __future__ import annotations

import numpy as np
import pytest

from converter.risk.thresholds import SureFrom, choose_sure, fit_temperature, weigh_sources
from edge_node.inference.cascade import choose_label
from edge_node.inference.manifest import Stage
from edge_node.inference.probabilities import softmax


def _stage(labels):
    return Stage(name="s", labels=labels, model="m", output="o")


def _said(stage, logits):
    """Return the label of each picture as the node says it, -1 where it abstains."""
    found = []
    for row in softmax(logits, stage.temperature):
        at = choose_label(stage, row)
        found.append(at if row[at] >= stage.abstain_below else -1)
    return np.array(found)


def _noisy(labels, count=4000):
    """Return logits whose wrong answers are the unsure ones, mostly, and the right labels."""
    random = np.random.default_rng(0)
    truth = random.integers(0, labels, count)
    logits = random.normal(0, 1.2, (count, labels))
    logits[np.arange(count), truth] += random.gamma(2.0, 1.5, count)
    return logits, truth


@pytest.mark.parametrize("labels", [("a", "b"), ("a", "b", "c")])
@pytest.mark.parametrize("wrong_share", [0.01, 0.05])
def test_the_share_holds_with_the_most_answers(labels, wrong_share):
    """By the node's own rule so many answers are wrong at most, and not many fewer."""
    logits, truth = _noisy(len(labels))
    weights = np.ones(len(truth))
    sure = choose_sure(logits, truth, weights, wrong_share, 1.0)
    said = _said(sure.apply(_stage(labels)), logits)
    decided = said >= 0
    wrong = (said[decided] != truth[decided]).mean()
    assert 0.7 * wrong_share < wrong <= wrong_share
    assert (said != truth).mean() > wrong_share  # else nothing was abstained for
    assert decided.mean() > 0.4


@pytest.mark.parametrize(
    "probabilities", [(0.9, 0.6), (0.6, 0.9), (0.8, 0.8), (1.0, 0.7), (0.7, 1.0), (0.5, 0.5)]
)
def test_each_of_two_labels_has_a_confidence_of_its_own(probabilities):
    """The manifest's two values say from which probability each label is sure, whichever is the surer."""
    stage = SureFrom(1.0, probabilities).apply(_stage(("metal", "other")))
    for first in np.linspace(0.0005, 0.9995, 1000):
        row = np.array([first, 1 - first])
        at = choose_label(stage, row)
        said = at if row[at] >= stage.abstain_below else -1
        wanted = 0 if first >= probabilities[0] else 1 if 1 - first >= probabilities[1] else -1
        if abs(first - probabilities[0]) > 1e-6 and abs(1 - first - probabilities[1]) > 1e-6:
            assert said == wanted, (first, said)


def test_what_cannot_be_told_is_not_said():
    """Answers that are wrong as often when sure as when not give no answer at all, of either label."""
    random = np.random.default_rng(1)
    logits, truth = random.normal(0, 2, (500, 2)), random.integers(0, 2, 500)
    sure = choose_sure(logits, truth, np.ones(500), 0.001, 1.0)
    assert (_said(sure.apply(_stage(("a", "b"))), logits) >= 0).mean() < 0.05


def test_the_temperature_is_the_one_that_was_used():
    """Labels that were drawn by a temperature give it back; pictures without weight have no say."""
    random = np.random.default_rng(2)
    logits = random.normal(0, 4, (6000, 3))
    shares = softmax(logits, 2.5).cumsum(axis=1)
    truth = (random.random((6000, 1)) > shares).sum(axis=1)
    assert fit_temperature(logits, truth, np.ones(6000)) == pytest.approx(2.5, rel=0.06)
    weights = np.repeat([1.0, 0.0], 3000)
    spoilt = np.where(weights > 0, truth, (truth + 1) % 3)
    assert fit_temperature(logits, spoilt, weights) == pytest.approx(2.5, rel=0.06)


def test_one_long_series_does_not_decide_alone():
    """A source of 900 pictures weighs three times one of 100, not nine times."""
    weights = weigh_sources(["long"] * 900 + ["short"] * 100)
    assert weights[:900].sum() / weights[900:].sum() == pytest.approx(3.0)
    assert weights.mean() == pytest.approx(1.0)
