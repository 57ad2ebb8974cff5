"""Refit the heads to the features of the int8 backbone, so that they give the float model's logits.

Rounding in the backbone is noise to a head, but not only noise: much of it repeats from picture to picture,
and a linear head can correct the part that is linear in its inputs. Ridge regression finds the change of
weights that brings the mean of a head's map back to float's logits on the calibration pictures; the strength
of the ridge is chosen on held-out pictures. The mean error left is zero, as with bias correction alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.quantize.round_weights import round_to_grid
from converter.quantize.tflite_file import encode_model, list_weighted_operators, parse_model
from edge_node.inference.interpreter import Interpreter
from edge_node.inference.quantization import dequantize

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from edge_node.inference.interpreter import Tensor

    Array = NDArray[np.float64]
    # From a model's input to all calibration pictures as the node feeds them to it.
    Feed = Callable[[Tensor], Sequence[NDArray[np.generic]]]

# Shares of the mean variance of an input; the last keeps the weights and corrects the mean alone.
_RIDGES = (0.01, 0.1, 1.0, 3.0, 10.0, 30.0, 100.0, np.inf)
_FOLDS = 5
_FEWEST_PICTURES = 4 * _FOLDS  # fewer cannot tell which change helps on other pictures


@dataclass(frozen=True, slots=True)
class _Head:
    """The last operator of a stage.

    Attributes:
        weights: number of the tensor in the float model.
        bias: likewise.
        output: likewise.
        name: of its output tensor; the same in every model, unlike the numbers.
        features: name of its input tensor.
    """

    weights: int
    bias: int
    output: int
    name: str
    features: str


def refit_heads(model: bytes, exact: bytes, quantized: bytes, feed: Feed) -> bytes:
    """Return a calibrated model whose heads correct the repeatable error of the int8 backbone.

    Unchanged if there are no linear heads, or fewer than 20 calibration pictures.

    Args:
        model: calibrated model, from which ``quantized`` was made.
        exact: the float model whose logits are the goal.
        quantized: int8 model whose features the heads will read.
        feed: returns the calibration pictures for a model's input, each ``(1, height, width, 3)``.
    """
    tree = parse_model(model)
    heads = _find_heads(tree)
    if not heads:
        return model
    wanted = _run(exact, [head.name for head in heads], feed)
    if len(wanted[heads[0].name]) < _FEWEST_PICTURES:
        return model
    read = _run(quantized, list(dict.fromkeys(head.features for head in heads)), feed)
    graph = tree.subgraphs[0]
    for head in heads:
        shape = graph.tensors[head.weights].shape
        weights = _read_weights(tree, head.weights).reshape(shape[0], -1).T.astype(np.float64)
        features, logits = read[head.features], wanted[head.name]
        fitted, bias = fit_head(features.mean(axis=1), logits.mean(axis=1), weights)
        positions = features.reshape(-1, features.shape[-1])
        fitted = round_to_grid(fitted[np.newaxis], np.cov(positions.T)[np.newaxis])[0]
        bias = (logits.mean(axis=1) - features.mean(axis=1) @ fitted).mean(axis=0)
        _write_weights(tree, head.weights, fitted.T)
        _write_weights(tree, head.bias, bias)
        found = positions @ fitted + bias
        ranges = graph.tensors[head.output].quantization
        ranges.min, ranges.max = [float(min(found.min(), 0.0))], [float(max(found.max(), 0.0))]
    return encode_model(tree)


def fit_head(features: Array, logits: Array, weights: Array) -> tuple[Array, Array]:
    """Fit weights near the given ones, and a bias, with which ``features`` give ``logits``.

    Args:
        features: ``(pictures, inputs)``.
        logits: ``(pictures, labels)``.
        weights: ``(inputs, labels)``; the ridge penalises a change from them.

    Returns:
        weights ``(inputs, labels)`` and bias ``(labels,)``.
    """
    rest = logits - features @ weights
    folds = np.arange(len(features)) % _FOLDS
    losses = dict.fromkeys(_RIDGES, 0.0)
    for fold in range(_FOLDS):
        seen, held_out = folds != fold, folds == fold
        for ridge in _RIDGES:
            change, bias = _solve_ridge(features[seen], rest[seen], ridge)
            losses[ridge] += float(np.square(rest[held_out] - features[held_out] @ change - bias).sum())
    change, bias = _solve_ridge(features, rest, min(losses, key=losses.__getitem__))
    return weights + change, bias


def _solve_ridge(features: Array, rest: Array, ridge: float) -> tuple[Array, Array]:
    """Return the linear map ``(inputs, labels)`` and the bias ``(labels,)`` from features to ``rest``."""
    centre, mean = features.mean(axis=0), rest.mean(axis=0)
    if np.isinf(ridge):
        return np.zeros((features.shape[1], rest.shape[1])), mean
    about, off = features - centre, rest - mean
    # In the dual form: there are fewer pictures than inputs.
    products = about @ about.T
    damping = ridge * np.trace(products) / features.shape[1] + np.finfo(np.float64).tiny
    change = about.T @ np.linalg.solve(products + damping * np.eye(len(features)), off)
    return change, mean - centre @ change


def _find_heads(tree: Any) -> list[_Head]:
    """Return the operators that compute the model's outputs and are linear at every position."""
    graph = tree.subgraphs[0]
    heads = []
    for operator, read in list_weighted_operators(tree):
        output, weights = int(operator.outputs[0]), graph.tensors[operator.inputs[1]]
        pointwise = read.name == "FULLY_CONNECTED" or (
            read.name == "CONV_2D" and list(weights.shape[1:3]) == [1, 1]
        )
        linear = operator.builtinOptions.fusedActivationFunction == 0
        if output in set(graph.outputs) and pointwise and linear and operator.inputs[2] >= 0:
            names = (graph.tensors[at].name.decode() for at in (output, operator.inputs[0]))
            heads.append(_Head(int(operator.inputs[1]), int(operator.inputs[2]), output, *names))
    return heads


def _run(content: bytes, names: Sequence[str], feed: Feed) -> dict[str, Array]:
    """Run a model on all pictures; return real values by tensor, ``(pictures, positions, channels)``.

    The tensors become outputs, and the node's own interpreter computes them: another one rounds otherwise.
    """
    tree = parse_model(content)
    graph = tree.subgraphs[0]
    numbers = {tensor.name.decode(): at for at, tensor in enumerate(graph.tensors)}
    graph.outputs = np.array([numbers[name] for name in names], np.int32)
    tree.signatureDefs = []  # they name the former outputs
    interpreter = Interpreter(encode_model(tree), where="calibrated model", threads=2)
    kinds = {output.name: output.quantization for output in interpreter.outputs}
    found: dict[str, list[Array]] = {name: [] for name in names}
    for tensor in feed(interpreter.inputs[0]):
        raw = interpreter.run(tensor)
        for name in names:
            real = raw[name] if raw[name].dtype == np.float32 else dequantize(raw[name], kinds[name])
            found[name].append(real.reshape(-1, real.shape[-1]).astype(np.float64))
    return {name: np.stack(values) for name, values in found.items()}


def _read_weights(tree: Any, tensor: int) -> NDArray[np.float32]:
    data = tree.buffers[tree.subgraphs[0].tensors[tensor].buffer].data
    return np.frombuffer(np.asarray(data, np.uint8).tobytes(), np.float32)


def _write_weights(tree: Any, tensor: int, values: Array) -> None:
    content = np.ascontiguousarray(values, dtype=np.float32).tobytes()
    tree.buffers[tree.subgraphs[0].tensors[tensor].buffer].data = np.frombuffer(content, np.uint8)
