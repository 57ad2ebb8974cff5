"""Turn the numbers of a source model into probabilities per label, by its last op and by the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from converter.source_model.session import ReadingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.float64]

Form = Literal["exclusive", "independent"]
_SUM_TOLERANCE = 1e-3
_TINY = 1e-12


def find_probabilities(rows: Rows, last_op: str, labels: int) -> tuple[Rows, Form, str]:
    """Return probabilities ``(pictures, labels)``, how labels exclude each other, and what the rows were.

    Args:
        rows: output per picture.
        last_op: that made them.
        labels: how many there are.

    Raises:
        ReadingError: there are not as many numbers as labels.
    """
    if rows.shape[1] == 1 and labels == 2:  # as Keras numbers two classes: of the second
        second = rows if _are_shares(rows, last_op) else 1 / (1 + np.exp(-rows))
        return np.concatenate([1 - second, second], 1), "exclusive", "one number: the second label's"
    if rows.shape[1] != labels:
        raise ReadingError(f"{rows.shape[1]} outputs for {labels} labels")
    if last_op == "Sigmoid":
        return rows, "independent", "a sigmoid per label, as the model says it"
    if last_op == "LogSoftmax":
        return np.exp(rows), "exclusive", "the logarithm of a softmax"
    sums = rows.sum(axis=1)
    if _are_shares(rows, last_op) and (last_op == "Softmax" or np.allclose(sums, 1, atol=_SUM_TOLERANCE)):
        # A softmax in 8 bits sums to nearly 1: 255 stands for 255/256.
        return (
            rows / np.maximum(sums, _TINY)[:, np.newaxis],
            "exclusive",
            "probabilities that sum to 1, as the model says them",
        )
    if (rows <= 0).all() and np.allclose(np.exp(rows).sum(axis=1), 1, atol=_SUM_TOLERANCE):
        return np.exp(rows), "exclusive", "the logarithm of a softmax"
    return soften(rows), "exclusive", "logits, under a softmax"


def soften(rows: Rows) -> Rows:
    """Return the softmax of each row."""
    powers = np.exp(rows - rows.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _are_shares(rows: Rows, last_op: str) -> bool:
    if last_op in {"MatMul", "BiasAdd", "Add", "AddV2"}:  # a linear layer: shares by chance
        return False
    return bool((rows >= 0).all() and (rows <= 1 + _SUM_TOLERANCE).all())
