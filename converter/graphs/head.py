"""Find the head of a classifier, the part after the mean over positions, and multiply it into one matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.nodes.graph_index import TRANSPARENT_OPS, GraphIndex, Ref

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Shapes = Mapping[str, tuple[int | None, ...] | None]

_SHAPE_OPS = frozenset({"Squeeze", "Reshape", "ExpandDims"})  # at one position they keep the channels' order


@dataclass(frozen=True, slots=True)
class AffineHead:
    """``logits = mean over positions of (features @ weights + biases)``.

    Attributes:
        features: the tensor before the mean, ``(1, rows, columns, channels)``.
        pool: the node that takes the mean: the bottleneck.
        weights: float64 ``(channels, labels)``.
        biases: float64 ``(labels,)``.
    """

    features: Ref
    pool: str
    weights: NDArray[np.float64]
    biases: NDArray[np.float64]


class NotAffineError(Exception):
    """The head cannot be moved before the mean; the message says why. Caught inside the converter."""


def find_affine_head(graph: GraphIndex, shapes: Shapes, logits: Ref) -> AffineHead:
    """Return the head that ends in ``logits``, all its layers multiplied into one.

    Raises:
        NotAffineError: a node between the mean and the logits is not affine, or there is no mean.
    """
    chain: list[str] = []
    ref = graph.resolve(logits)
    while not _is_mean(graph, shapes, ref.node):
        if ref.node not in graph:
            raise NotAffineError(f"no mean over positions before {logits.node}")
        chain.append(ref.node)
        ref = graph.resolve(_find_data_input(graph, ref.node))
    features = graph.resolve(graph.inputs(ref.node)[0])
    shape = shapes.get(features.node)
    if shape is None or len(shape) != 4 or shape[-1] is None:
        raise NotAffineError(f"the shape of {features.node} is open")
    weights, biases = np.eye(shape[-1], dtype=np.float64), np.zeros(shape[-1], dtype=np.float64)
    for name in reversed(chain):
        weights, biases = _append_node(graph, name, weights, biases)
    return AffineHead(features, ref.node, weights, biases)


def find_trunk_end(graph: GraphIndex, shapes: Shapes, logits: Ref) -> Ref:
    """Return the last tensor with positions before ``logits``: the end of a backbone that stages can share.

    Without a mean over positions it is the logits themselves.
    """
    means = [name for name in graph.upstream([logits]) if _is_mean(graph, shapes, name)]
    # Squeeze-and-excitation takes means too; the last of them in the order of computation is the head's.
    return graph.resolve(graph.inputs(means[-1])[0]) if means else logits


def _is_mean(graph: GraphIndex, shapes: Shapes, name: str) -> bool:
    """Return whether the node takes the mean over all positions."""
    if graph.op(name) not in {"AvgPool", "Mean"}:
        return False
    shape = shapes.get(graph.inputs(name)[0].node)
    if shape is None or len(shape) != 4:
        return False
    if graph.op(name) == "Mean":
        axes = graph.constant(graph.inputs(name)[1])
        return axes is not None and sorted(int(axis) % 4 for axis in axes.reshape(-1)) == [1, 2]
    window = list(graph.nodes[name].attr["ksize"].list.i)
    positions = shapes.get(name)
    return window[1:3] == list(shape[1:3]) and positions is not None and positions[1:3] == (1, 1)


def _find_data_input(graph: GraphIndex, name: str) -> Ref:
    """Return the one input of an affine node that is not a constant."""
    node_op = graph.op(name)
    if node_op not in _AFFINE:
        raise NotAffineError(f"{name} ({node_op}) after the mean is not affine")
    open_inputs = [ref for ref in graph.inputs(name) if graph.constant(ref) is None]
    if len(open_inputs) != 1:
        raise NotAffineError(
            f"{name} ({node_op}) has {len(open_inputs)} inputs that are no constants, wanted 1"
        )
    return open_inputs[0]


def _append_node(
    graph: GraphIndex, name: str, weights: NDArray[np.float64], biases: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return weights and biases with one affine node multiplied into them."""
    node_op = graph.op(name)
    if node_op in _SHAPE_OPS or node_op in TRANSPARENT_OPS:
        return weights, biases
    values = next(value for ref in graph.inputs(name) if (value := graph.constant(ref)) is not None)
    operand = values.astype(np.float64)
    if node_op in {"MatMul", "Conv2D"}:
        matrix = _read_matrix(graph, name, operand)
        return weights @ matrix, biases @ matrix
    if operand.size not in {1, biases.size}:
        raise NotAffineError(f"{name} ({node_op}) has {operand.size} values for {biases.size} channels")
    flat = operand.reshape(-1)
    if node_op == "Mul":
        return weights * flat, biases * flat
    if node_op == "RealDiv":
        _require_order(graph, name)
        return weights / flat, biases / flat
    if node_op == "Sub":
        _require_order(graph, name)
        return weights, biases - flat
    return weights, biases + flat


def _read_matrix(graph: GraphIndex, name: str, operand: NDArray[np.float64]) -> NDArray[np.float64]:
    attributes = graph.nodes[name].attr
    if graph.op(name) == "MatMul":
        if attributes["transpose_a"].b:
            raise NotAffineError(f"{name} transposes its input")
        return np.asarray(operand.T) if attributes["transpose_b"].b else operand
    if operand.shape[:2] != (1, 1):
        raise NotAffineError(f"{name} is a {operand.shape[0]}x{operand.shape[1]} convolution, wanted 1x1")
    return np.asarray(operand[0, 0])


def _require_order(graph: GraphIndex, name: str) -> None:
    if graph.constant(graph.inputs(name)[0]) is not None:
        raise NotAffineError(f"{name} has its constant on the left")


_AFFINE: frozenset[Any] = frozenset(
    {"MatMul", "Conv2D", "BiasAdd", "Add", "AddV2", "Sub", "Mul", "RealDiv"} | _SHAPE_OPS | TRANSPARENT_OPS
)
