"""Convert a model's output to logits, and logits to probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from edge_node.inference.manifest import OutputKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_node.inference.manifest import Stage

_Float = TypeVar("_Float", bound=np.floating[Any])

_TINY = 1e-12  # keeps the logarithm of a probability of 0 finite


def softmax(logits: NDArray[_Float], temperature: float = 1.0) -> NDArray[_Float]:
    """Return the probabilities of logits over the last axis.

    The largest logit is subtracted first, so that no exponential overflows.

    Args:
        logits: float, ``(..., labels)``.
        temperature: divides the logits; 1 leaves them as they are.

    Returns:
        Shape and dtype of ``logits``; the last axis sums to 1.
    """
    powers = np.exp((logits - logits.max(axis=-1, keepdims=True)) / temperature)
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), logits.dtype)


def sigmoid(logits: NDArray[_Float], temperature: float = 1.0) -> NDArray[_Float]:
    """Return the probability of each logit by itself; no exponential overflows."""
    powers = np.exp(-np.abs(logits) / temperature)
    return np.asarray(np.where(logits >= 0, 1.0, powers) / (1.0 + powers), logits.dtype)


def label_probabilities(
    stage: Stage, logits: NDArray[_Float], temperature: float | None = None
) -> NDArray[_Float]:
    """Return a stage's probabilities of logits over the last axis.

    Args:
        stage: says whether its labels are independent of each other.
        logits: float, ``(..., labels)``.
        temperature: divides the logits; None: the stage's own.
    """
    divisor = stage.temperature if temperature is None else temperature
    return sigmoid(logits, divisor) if stage.is_independent else softmax(logits, divisor)


def mean_over_positions(output: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the mean of an output over all axes but the last, ``(labels,)``."""
    positions = output.reshape(-1, output.shape[-1])
    # Half the time of `mean`, which checks its arguments in Python.
    return np.asarray(np.add.reduce(positions, axis=0, dtype=np.float64) / len(positions))


def mean_logits(output: NDArray[np.float32], kind: OutputKind) -> NDArray[np.float64]:
    """Return the logits of one picture, ``(labels,)``; those of probabilities are their logarithms.

    Args:
        output: ``(1, labels)``, or ``(1, rows, columns, labels)`` for a map.
        kind: whether ``output`` holds logits or probabilities.
    """
    mean = mean_over_positions(output)
    return np.log(np.maximum(mean, _TINY)) if kind is OutputKind.PROBABILITIES else mean
