"""Probabilities: the softmax by hand, its range, and logits of outputs of both kinds."""

from __future__ import annotations

import numpy as np
import pytest

from edge_node.inference.manifest import OutputKind, Stage
from edge_node.inference.probabilities import label_probabilities, mean_logits, sigmoid, softmax


def test_the_softmax_by_hand():
    """Logits 0 and ln 3 are one and three quarters; at temperature 2 they are 1 to the root of 3."""
    logits = np.array([[0.0, np.log(3.0)]])
    assert softmax(logits)[0] == pytest.approx([0.25, 0.75])
    assert softmax(logits, 2.0)[0] == pytest.approx([1 / (1 + 3**0.5), 3**0.5 / (1 + 3**0.5)])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_logits_do_not_overflow(dtype):
    """A logit of 10000 gives 1 and not NaN, and shape and dtype are kept."""
    found = softmax(np.array([[[1e4, 0.0, -1e4]]], dtype))
    assert found.dtype == dtype
    assert found.tolist() == [[[1.0, 0.0, 0.0]]]


def test_logits_are_the_mean_over_positions():
    """A map's logits are averaged over rows and columns; probabilities come back as their logarithms."""
    found = np.array([[[[4.0, 0.0]], [[0.0, 0.0]]]], np.float32)
    assert mean_logits(found, OutputKind.LOGITS).tolist() == [2.0, 0.0]
    probabilities = softmax(mean_logits(np.array([[0.2, 0.8]], np.float32), OutputKind.PROBABILITIES))
    assert probabilities == pytest.approx([0.2, 0.8])


def test_the_sigmoid_by_hand():
    """Each logit by itself, and without an overflow at either end."""
    with np.errstate(over="raise"):
        found = sigmoid(np.array([0.0, np.log(3), -np.log(3), 1e4, -1e4]))
    assert found == pytest.approx([0.5, 0.75, 0.25, 1.0, 0.0])


def test_a_stage_says_which_of_the_two_its_labels_have():
    """Without thresholds per label it is the softmax, at the stage's temperature."""
    logits = np.array([2.0, -2.0])
    one_of_them = Stage(name="a", labels=("x", "y"), model="m", output="o", temperature=2.0)
    assert label_probabilities(one_of_them, logits) == pytest.approx(softmax(logits, 2.0))
    independent = Stage(name="a", labels=("x", "y"), model="m", output="o", label_thresholds={})
    assert label_probabilities(independent, logits) == pytest.approx(sigmoid(logits))
