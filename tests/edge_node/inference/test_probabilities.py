"""Probabilities: the softmax by hand, its range, and logits of outputs of both kinds."""

from __future__ import annotations

import numpy as np
import pytest

from edge_node.inference.manifest import OutputKind
from edge_node.inference.probabilities import mean_logits, softmax


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
