"""Temperatures and abstention, on logits whose truth is drawn from known probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from converter.evaluation.confidence_fit import fit_abstention, fit_temperature
from converter.evaluation.metrics import expected_calibration_error
from edge_node.errors import ConversionError
from edge_node.inference.probabilities import softmax


def drawn(pictures: int, seed: int = 0):
    """Logits, and truth drawn from their softmax: perfectly calibrated at temperature 1."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (pictures, 3))
    chances = softmax(logits)
    truth = np.array([rng.choice(3, p=row) for row in chances])
    return logits, truth


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_a_factor_on_the_logits(factor):
    """Logits that were multiplied by three need a temperature of three; 4000 pictures settle 7 %."""
    logits, truth = drawn(4000)
    assert fit_temperature(logits * factor, truth) == pytest.approx(factor, rel=0.07)


def test_a_fitted_temperature_brings_confidence_to_accuracy():
    """Overconfident by a factor of three: off by more than a tenth before, less than two hundredths after."""
    logits, truth = drawn(4000)
    assert expected_calibration_error(softmax(logits * 3), truth) > 0.1
    temperature = fit_temperature(logits * 3, truth)
    assert expected_calibration_error(softmax(logits * 3, temperature), truth) < 0.02


def test_abstaining_holds_the_risk_on_specimens_never_seen():
    """The threshold is chosen on some specimens; on as many others the error stays near what was asked."""
    logits, truth = drawn(6000)
    groups = [f"specimen {at // 20}" for at in range(3000)]
    found = fit_abstention(softmax(logits[:3000]), truth[:3000], groups, 0.05)
    assert found.held_out_risk <= 0.05
    assert 0.2 < found.held_out_coverage < 1.0
    fresh = softmax(logits[3000:])
    decided = fresh.max(axis=1) >= found.threshold
    assert (fresh.argmax(axis=1) != truth[3000:])[decided].mean() < 0.065  # 0.05 and three standard errors


def test_no_risk_to_spare_decides_everything():
    """Where every answer is right, no picture is left undecided."""
    logits = np.eye(2)[np.arange(40) % 2] * 5.0
    groups = [str(at // 2) for at in range(40)]
    found = fit_abstention(softmax(logits), np.arange(40) % 2, groups, 0.01)
    assert found.held_out_coverage == 1.0
    assert found.held_out_risk == 0.0


def test_too_few_specimens_are_refused():
    """A hundred pictures of three specimens say nothing of a fourth."""
    logits, truth = drawn(100)
    with pytest.raises(ConversionError, match="found 3"):
        fit_abstention(softmax(logits), truth, [str(at % 3) for at in range(100)], 0.05)


def test_a_risk_that_no_threshold_holds_is_refused():
    """Confident and always wrong: there is nothing to choose."""
    logits = np.tile([[4.0, 0.0]], (40, 1))
    with pytest.raises(ConversionError, match=r"1\.00%"):
        fit_abstention(softmax(logits), np.ones(40, int), [str(at) for at in range(40)], 0.01)
