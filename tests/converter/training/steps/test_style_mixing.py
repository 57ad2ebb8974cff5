"""Mixing the manner of pictures."""

from __future__ import annotations

import numpy as np
import pytest

from converter.training.steps.head_training import train
from converter.training.steps.style_mixing import Mixing, draw_mixing, mix_styles
from converter.training.steps.training_data import TrainingData, TrainingSettings, TrainingTarget


@pytest.fixture
def activations():
    """Four pictures whose channels differ in mean and deviation."""
    random = np.random.default_rng(1)
    means, deviations = random.normal(0, 3, (4, 1, 1, 5)), random.uniform(0.5, 2, (4, 1, 1, 5))
    return (random.normal(size=(4, 6, 6, 5)) * deviations + means).astype(np.float32)


def test_the_statistics_are_the_others_and_the_pattern_its_own(activations):
    """With nothing of its own manner kept, a picture has its partner's statistics, and its own pattern."""
    partners = np.array([1, 2, 3, 0])
    out = np.asarray(mix_styles(activations, Mixing(partners, np.zeros((4, 1, 1, 1), np.float32))))
    np.testing.assert_allclose(out.mean((1, 2)), activations[partners].mean((1, 2)), atol=1e-4)
    np.testing.assert_allclose(out.std((1, 2)), activations[partners].std((1, 2)), atol=1e-4)
    for before, after in zip(activations, out, strict=True):
        for channel in range(5):
            one, other = before[..., channel].ravel(), after[..., channel].ravel()
            assert np.corrcoef(one, other)[0, 1] == pytest.approx(1.0, abs=1e-5)


def test_what_keeps_its_manner_is_left_alone(activations):
    """A share of 1 changes nothing, whoever the partner is."""
    out = mix_styles(activations, Mixing(np.array([3, 2, 1, 0]), np.ones((4, 1, 1, 1), np.float32)))
    np.testing.assert_allclose(out, activations, atol=1e-5)


def test_the_share_says_how_many_are_changed():
    """Half of a share changes half as many; none at 0; some draws keep a manner to the last bit."""
    changed = [
        (draw_mixing(20_000, share, np.random.default_rng(0)).kept < 1).mean() for share in (0.0, 0.5, 1.0)
    ]
    assert changed[0] == 0
    assert changed[1] == pytest.approx(changed[2] / 2, rel=0.05)
    assert changed[2] > 0.5


def test_training_under_changed_manners_leans_less_on_the_manner():
    """Two things tell the labels apart: brightness, and a mark. Mixed manners leave the mark more to say."""
    import tensorflow as tf

    random = np.random.default_rng(0)
    targets = np.arange(80) % 2
    sign = (2 * targets - 1)[:, np.newaxis, np.newaxis]
    activations = random.normal(0, 0.3, (80, 4, 4, 2)).astype(np.float32)
    activations[:, :, :2, 0] += 2.0 * sign  # the mark: which half is lighter; its mean is no hint
    activations[:, :, 2:, 0] -= 2.0 * sign
    activations[..., 1] += sign  # brightness
    question = TrainingTarget("stage", ("dark", "bright"), targets)
    material = TrainingData(
        activations[np.newaxis].astype(np.float16), None, np.ones(80), np.zeros(80, np.bool_)
    )
    misleading = activations.copy()
    misleading[..., 1] -= 2.0 * sign
    margins = []
    for share in (0.0, 1.0):
        layers = [tf.keras.layers.Conv2D(8, 4, activation="relu"), tf.keras.layers.Conv2D(8, 1)]
        tf.keras.utils.set_random_seed(0)
        upper = tf.keras.Sequential([tf.keras.Input((4, 4, 2)), *layers])
        settings = TrainingSettings(steps=200, learning_rate=0.01, dropout=0.0, style_mixing=share)
        (head,) = train(material, (question,), settings, upper=upper)
        logits = head.logits(np.asarray(upper(misleading)))
        margins.append(float(((logits[:, 1] - logits[:, 0]) * sign.ravel()).mean()))
    assert margins[1] > margins[0] + 0.5, margins
