"""Losses by hand: weights of rare labels, cross-entropy, and positions with and without masks."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from converter.training.steps.losses import (
    CORRODED_POSITION_WEIGHT,
    MAX_CLASS_WEIGHT,
    cross_entropy,
    position_loss,
    weigh_classes,
)


def test_rare_labels_weigh_more_within_bounds() -> None:
    """One of four: 2 against 2/3; one of a hundred is held at the bound, as is a label without a picture."""
    even = np.full(4, 0.25)
    np.testing.assert_allclose(weigh_classes(np.array([0, 1, 1, 1]), 2, even), [2.0, 2 / 3], rtol=1e-6)
    rare = np.array([0] + [1] * 99)
    assert weigh_classes(rare, 2, np.full(100, 0.01))[0] == MAX_CLASS_WEIGHT
    assert weigh_classes(np.array([0, 0]), 2, np.full(2, 0.5)).tolist() == [0.5, MAX_CLASS_WEIGHT]


def test_pictures_of_unknown_label_weigh_nothing() -> None:
    """Their targets are negative."""
    known = weigh_classes(np.array([0, 1]), 2, np.full(2, 0.5))
    np.testing.assert_array_equal(weigh_classes(np.array([0, 1, -1]), 2, np.full(3, 0.5)), known)


def test_cross_entropy_by_hand() -> None:
    """Alike logits cost ln 2; large ones do not overflow."""
    logits = np.array([[0.0, 0.0], [1000.0, 0.0]])
    assert cross_entropy(logits, np.array([1, 0])) == pytest.approx(np.log(2) / 2)


def test_positions_are_held_against_the_mask_or_else_the_highest_tenth_against_the_label() -> None:
    """A 1 x 2 map, half and half: ln 2 where it is clean, twice that where it is corroded."""
    logits = tf.zeros((1, 1, 2, 2))
    one, none = tf.ones(1), tf.zeros(1)
    masked = position_loss(logits, 0, tf.constant([[[1.0, 0.0]]]), one, one)
    assert float(masked) == pytest.approx(np.log(2) * (CORRODED_POSITION_WEIGHT + 1) / 2, rel=1e-5)
    half_known = position_loss(logits, 0, tf.constant([[[-1.0, 0.0]]]), one, one)
    assert float(half_known) == pytest.approx(np.log(2), rel=1e-5)  # of the clean position alone
    unmasked = tf.fill((1, 1, 2), -1.0)
    assert float(position_loss(logits, 0, unmasked, one, one)) == pytest.approx(np.log(2), rel=1e-5)
    assert float(position_loss(logits, 0, unmasked, one, none)) == 0.0
