"""Compute the losses of a head's training: weights of rare labels, positions against masks, cross-entropy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from converter.tensorflow_import import tensorflow

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Corroded positions are few; without this weight their logits are 0.5 to 1 too low on unseen series.
CORRODED_POSITION_WEIGHT = 2.0
# A larger weight would overfit the few pictures of a rare label.
MAX_CLASS_WEIGHT = 4.0


def weigh_classes(
    targets: NDArray[np.intp], labels: int, chances: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return a weight for each label so that rare labels count as much as frequent ones, within bounds.

    Args:
        targets: index of the label of each picture, ``(pictures,)``; negative where unknown.
        labels: their number.
        chances: probability that each picture is drawn, ``(pictures,)``.

    Returns:
        float32 ``(labels,)``.
    """
    drawn = np.array([chances[targets == label].sum() for label in range(labels)])
    even = drawn.sum() / len(drawn)
    weights = np.clip(even / np.maximum(drawn, 1e-12), 1 / MAX_CLASS_WEIGHT, MAX_CLASS_WEIGHT)
    return np.asarray(weights, np.float32)


def position_loss(logits_map: Any, corroded: int, masks: Any, known: Any, is_corroded: Any) -> Any:
    """Return the loss of positions: against the mask where there is one, else against the picture's label.

    In a corroded picture without a mask, the tenth of the positions with the highest score is trained as
    corroded.

    Args:
        logits_map: ``(n, rows, columns, labels)``.
        corroded: index of the label that masks mark.
        masks: corroded share of each position, ``(n, rows, columns)``; negative where it is not known, and
            in all of a picture that has no mask.
        known: 1 for pictures whose label is known, ``(n,)``.
        is_corroded: 1 for those of them that are corroded, ``(n,)``.

    Returns:
        A scalar.
    """
    tf = tensorflow()

    log_shares = tf.nn.log_softmax(logits_map)
    inside = log_shares[..., corroded]
    outside = tf.math.log1p(-tf.minimum(tf.exp(inside), 1 - 1e-6))
    share = tf.clip_by_value(masks, 0.0, 1.0)
    by_mask = -(CORRODED_POSITION_WEIGHT * share * inside + (1 - share) * outside)
    told = tf.cast(masks >= 0, tf.float32)
    count = tf.reduce_sum(told, (1, 2))
    has_mask = known * tf.minimum(count, 1.0)
    masked = tf.reduce_sum(has_mask * tf.reduce_sum(by_mask * told, (1, 2)) / tf.maximum(count, 1.0))
    flat = tf.reshape(inside, (tf.shape(inside)[0], -1))
    highest = tf.math.top_k(flat, max(1, logits_map.shape[1] * logits_map.shape[2] // 10)).values
    labelled = (1 - has_mask) * is_corroded
    by_label = tf.reduce_sum(labelled * -tf.reduce_mean(highest, 1))
    return (masked + by_label) / tf.maximum(tf.reduce_sum(has_mask + labelled), 1.0)


def cross_entropy(logits: NDArray[np.float64], targets: NDArray[np.intp]) -> float:
    """Return the mean negative log-likelihood of ``targets``, ``(n,)``, under ``logits``, ``(n, labels)``."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    normalised = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-normalised[np.arange(len(targets)), targets].mean())
