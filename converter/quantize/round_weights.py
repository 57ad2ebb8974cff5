"""Round convolution weights to the int8 grid, so that later weights compensate the errors of earlier ones.

Rounding every weight to its nearest makes two errors at a convolution's output: it shifts the mean, because
rectified inputs have one, and it adds noise that differs from picture to picture. In MobileNet v1 the shifts
of the first depthwise kernels alone move logits by a tenth of their size.

The covariance of the inputs keeps the noise small: weights are rounded one after the other, and the error of
each is added to those after it, as far as their inputs are correlated with its own. The shift that is left is
known beforehand and subtracted after the convolution.

A kernel of few weights can be rounded better than one weight after the other: both neighbours on the grid are
followed for each. The nine inputs of a depthwise kernel are strongly correlated, so roundings whose errors
cancel nearly always exist; they halve the error that MobileNet's first depthwise kernel makes in the logits.

After E. Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers",
2022, section 3, on inputs without their mean; and M. Nagel et al., "Data-Free Quantization Through Weight
Equalization and Bias Correction", 2019, section 4.2, with the means measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from converter.quantize.convolutions import read_convolutions
from converter.tflite.tflite_file import encode_model, parse_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from converter.quantize.activations import Activations

    Array = NDArray[np.float64]

_TOP = 127  # int8 weights are symmetric: -127 to 127
_DOWN_OR_UP = np.array([0.0, 1.0])
_TINY = 1e-30
_DAMPING = 0.01  # of the mean variance, for inputs that hardly vary
_BLOCK = 64  # weights whose errors are passed on together to all later ones
# Roundings that are followed at once: with 256 the noise of 5x5 kernels falls by less than 1 %.
_BRANCHES = 64
_TOGETHER = 64  # kernels that are rounded at once: their branches stay in the processor's cache
_FEW = 25  # inputs of one output up to which both neighbours of each weight are tried


def round_weights(
    content: bytes, activations: Activations, report: Callable[[float], None] = lambda _share: None
) -> bytes:
    """Return the model with the weights of all convolutions on the grid that the quantizer will find.

    Args:
        content: a ``.tflite`` file in float32.
        activations: of this model.
        report: called with the share of the convolutions that is done, 0 to 1.
    """
    model = parse_model(content)
    convolutions = read_convolutions(model)
    for at, convolution in enumerate(convolutions, 1):
        inputs = activations.readings[convolution.reading]
        weights = round_to_grid(convolution.weights, inputs.covariance)
        shift = np.einsum("gi,gio->go", inputs.mean, weights - convolution.weights).reshape(-1)
        convolution.change(model, weights, shift)
        report(at / len(convolutions))
    return encode_model(model)


def round_to_grid(weights: Array, covariance: Array | None) -> Array:
    """Return weights rounded to multiples of a 127th of each output's largest weight.

    Args:
        weights: ``(groups, inputs, outputs)``.
        covariance: of the inputs, ``(groups, inputs, inputs)``; None rounds each weight to its nearest
            multiple.
    """
    scale = np.maximum(np.abs(weights).max(axis=1, keepdims=True) / _TOP, _TINY)
    if covariance is None:
        return np.asarray(np.rint(weights / scale) * scale)
    if weights.shape[1] <= _FEW and weights.shape[2] == 1:
        return _round_by_branches(weights[..., 0], covariance, scale[:, 0, 0])[..., np.newaxis]
    found = _round_in_turn(weights, _factor_errors(covariance), scale)
    # The converter takes each scale from the largest weight it finds, so that one must stay where it was.
    smaller = np.abs(found).max(axis=1, keepdims=True) < (_TOP - 0.5) * scale
    largest = np.abs(weights) >= (_TOP - 1e-3) * scale
    return np.where(smaller & largest, np.rint(weights / scale) * scale, found)


def _round_in_turn(weights: Array, factor: Array, scale: Array) -> Array:
    """Return weights rounded one after the other; ``factor`` passes each one's error on to the later ones."""
    rest, found = weights.copy(), np.zeros_like(weights)
    count = weights.shape[1]
    for start in range(0, count, _BLOCK):
        stop = min(start + _BLOCK, count)
        losses = np.zeros_like(rest[:, start:stop])
        for at in range(start, stop):
            steps = np.clip(np.rint(rest[:, at] / scale[:, 0]), -_TOP, _TOP)
            found[:, at] = steps * scale[:, 0]
            losses[:, at - start] = (rest[:, at] - found[:, at]) / factor[:, at, at, np.newaxis]
            later = factor[:, at, at + 1 : stop, np.newaxis]
            rest[:, at + 1 : stop] -= later * losses[:, at - start, np.newaxis]
        rest[:, stop:] -= np.swapaxes(factor[:, start:stop, stop:], 1, 2) @ losses
    return found


def _round_by_branches(weights: Array, covariance: Array, scale: Array) -> Array:
    """Return weights ``(groups, inputs)`` rounded up or down, so that together they cost the output least."""
    order = np.argsort(-np.abs(weights), axis=1)  # the largest sets the scale: it comes first and stays
    sorted_weights = np.take_along_axis(weights, order, axis=1)
    rows, columns = order[:, :, np.newaxis], order[:, np.newaxis]
    factor = _factor_errors(np.take_along_axis(np.take_along_axis(covariance, rows, 1), columns, 2))
    parts = [slice(start, start + _TOGETHER) for start in range(0, len(weights), _TOGETHER)]
    steps = np.concatenate(
        [_follow_branches(sorted_weights[part] / scale[part, np.newaxis], factor[part]) for part in parts]
    )
    return np.take_along_axis(steps, np.argsort(order, axis=1), axis=1) * scale[:, np.newaxis]


def _follow_branches(weights: Array, factor: Array) -> NDArray[np.int8]:
    """Return the steps of the grid ``(groups, inputs)`` that cost least; ``weights`` are counted in steps."""
    groups, count = weights.shape
    rest, cost = weights[:, np.newaxis], np.zeros((groups, 1))  # per branch: the weights still to round
    found = np.empty((groups, 1, 0), np.int8)
    for at in range(count):
        now = rest[:, :, :1]
        steps = np.clip(np.floor(now) + _DOWN_OR_UP if at else np.rint(now), -_TOP, _TOP)
        losses = (now - steps) / factor[:, at, at, np.newaxis, np.newaxis]
        ways = steps.shape[-1]
        cost = (cost[..., np.newaxis] + np.square(losses)).reshape(groups, -1)
        kept = np.broadcast_to(np.arange(cost.shape[1]), cost.shape)
        if cost.shape[1] > _BRANCHES:
            kept = np.argpartition(cost, _BRANCHES, axis=1)[:, :_BRANCHES]
            cost = np.take_along_axis(cost, kept, axis=1)
        steps, losses = (
            np.take_along_axis(each.reshape(groups, -1), kept, axis=1)[..., np.newaxis]
            for each in (steps, losses)
        )
        before = kept[..., np.newaxis] // ways
        later = losses * factor[:, np.newaxis, at, at + 1 :]
        rest = np.take_along_axis(rest[:, :, 1:], before, axis=1) - later
        found = np.concatenate([np.take_along_axis(found, before, axis=1), steps.astype(np.int8)], axis=2)
    return np.asarray(found[np.arange(groups), cost.argmin(axis=1)], np.int8)


def _factor_errors(covariance: Array) -> Array:
    """Return the upper Cholesky factor of the inverse covariance, dead inputs made harmless."""
    variance = np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0.0)  # float32 sums round below zero
    floor = _DAMPING * variance.mean(axis=1, keepdims=True) + _TINY
    # Scaled to a unit diagonal first: variances lie many powers of ten apart.
    spread = np.sqrt(variance + floor)
    scaled = covariance / (spread[:, :, np.newaxis] * spread[:, np.newaxis])
    every = np.arange(covariance.shape[1])
    scaled[:, every, every] = 1.0
    return np.asarray(_factor_inverse(scaled) / spread[:, np.newaxis])


def _factor_inverse(matrices: Array) -> Array:
    try:
        inverse = np.linalg.inv(matrices)
        return np.swapaxes(np.linalg.cholesky((inverse + np.swapaxes(inverse, 1, 2)) / 2), 1, 2)
    except np.linalg.LinAlgError:  # of few pictures, and rounded: without correlations any can be factored
        if len(matrices) == 1:
            return np.eye(matrices.shape[1])[np.newaxis]
        return np.concatenate([_factor_inverse(matrix[np.newaxis]) for matrix in matrices])
