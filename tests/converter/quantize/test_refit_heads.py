"""Heads are fitted again to what a rounded backbone gives them."""

from __future__ import annotations

import numpy as np

from converter.quantize.refit_heads import fit_head


def test_a_head_takes_off_what_is_linear_in_its_inputs():
    """Inputs that a backbone scales by a tenth: on pictures not seen, half of the error or more is gone."""
    random = np.random.default_rng(0)
    exact = np.abs(random.normal(size=(240, 64)))
    weights = random.normal(size=(64, 3))
    crooked = exact * random.uniform(0.9, 1.1, 64) + 0.05
    fitted, bias = fit_head(crooked[:120], exact[:120] @ weights, weights)
    wanted = exact[120:] @ weights
    before = (crooked[120:] @ weights - wanted).std()
    assert (crooked[120:] @ fitted + bias - wanted).std() < before / 2


def test_a_head_is_left_alone_where_rounding_is_mere_noise():
    """What repeats in no picture cannot be learnt: only the mean is corrected."""
    random = np.random.default_rng(1)
    features, weights = random.normal(size=(60, 64)), random.normal(size=(64, 2))
    logits = features @ weights + 5.0 + random.normal(size=(60, 2))
    fitted, bias = fit_head(features, logits, weights)
    assert np.abs(fitted - weights).max() < 0.1
    np.testing.assert_allclose(bias, 5.0, atol=0.5)
