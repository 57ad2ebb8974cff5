"""Rescale backbone features per channel, so that the heads' weights fit 8 bits.

An int8 head has one scale for all weights of a label, and the largest weight sets it. Where features were
standardised before a head was fitted, a feature that is hardly ever active has a weight a thousand times as
large as the others, which then all round to zero. Before a rectifier such a feature can be multiplied, and
its weights divided by the same factor, also through Concat and pooling: the graph computes the same. No
factor is larger than needed, because an int8 tensor clips values beyond its range.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.graphs.graph_edit import add_constant
from converter.graphs.graph_index import GraphIndex, infer_shapes
from converter.tensorflow_import import tensorflow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from converter.quantize.tflite_converter import StepContext

    Array = NDArray[np.float64]

_RELU6_TOP = 6.0
_HEADROOM = 1.1  # later pictures reach further than the calibration pictures
_LARGEST_FACTOR = 1000.0  # a feature that no calibration picture activates may become active later
# Rounding of weights that does no harm: its variance as a share of the variance that rounding of features
# adds to a logit, and its standard deviation as a share of the logit's own.
_SHARE_OF_FEATURES, _SHARE_OF_SIGNAL = 0.1, 0.02
_WEIGHT_STEPS, _FEATURE_STEPS = 127, 255
_FINER = 1.1  # each range of weights that is tried is smaller than the one before by this factor
_TRIES = 1 + round(np.log(_LARGEST_FACTOR) / np.log(_FINER))
_POOLS = frozenset({"AvgPool", "MaxPool"})
_CHANNEL_AXES = (-1, 3)  # of NHWC
_RECTIFIERS = frozenset({"Relu", "Relu6"})
_TINY = 1e-30


@dataclass(frozen=True, slots=True)
class _Features:
    """Statistics of the features that some heads read, over the calibration pictures.

    Attributes:
        largest: largest value of each channel, ``(channels,)``.
        variance: of each channel's mean over a picture, ``(channels,)``.
        positions: rows times columns of the features.
    """

    largest: Array
    variance: Array
    positions: int


def balance_heads(graph_def: Any, context: StepContext) -> Any:
    """Return a graph that computes the same, with features scaled up where a head's weights need it.

    Args:
        graph_def: a fused graph; not changed.
        context: its input, its outputs, of which those of 1x1 convolutions count, and the calibration
            pictures.
    """
    index = GraphIndex(graph_def)
    paths = _Paths(index, frozenset(context.outputs))
    heads = _find_heads(index, paths.outputs)
    measured = _measure(graph_def, context.input, list(heads), context.tensors)
    changed = tensorflow().compat.v1.GraphDef()
    changed.CopyFrom(graph_def)
    nodes = {node.name: node for node in changed.node}
    for features, convolutions in heads.items():
        kernels = {name: np.asarray(index.constant(index.inputs(name)[1])) for name in convolutions}
        sources = paths.find_rectifiers(features, frozenset(convolutions))
        bounds = _bound_factors(index, sources, measured[features].largest)
        weights = np.concatenate([kernel[0, 0] for kernel in kernels.values()], axis=1)
        factors = _choose_factors(np.abs(weights.astype(np.float64)), measured[features], bounds)
        if np.all(factors == 1.0):
            continue
        for name, channels in sources.items():
            _multiply_input(changed, nodes[name], factors[channels])
        for name, kernel in kernels.items():
            divided = np.asarray(kernel / factors[:, np.newaxis], np.float32)
            nodes[name].input[1] = add_constant(changed, f"{name}/balanced_kernel", divided)
    return changed


def _find_heads(index: GraphIndex, outputs: Iterable[str]) -> dict[str, list[str]]:
    """Return the 1x1 convolutions that compute outputs, by the node that they read."""
    found: dict[str, list[str]] = {}
    for output in outputs:
        name = index.inputs(output)[0].node if index.op(output) == "BiasAdd" else output
        if index.op(name) != "Conv2D" or index.nodes[name].attr["data_format"].s == b"NCHW":
            continue
        features, kernel = index.inputs(name)
        weights = index.constant(kernel)
        if weights is not None and weights.shape[:2] == (1, 1) and features.output == 0:
            found.setdefault(features.node, []).append(name)
    return found


class _Paths:
    """Finds the rectifiers before which the channels of features can be multiplied."""

    def __init__(self, index: GraphIndex, outputs: frozenset[str]) -> None:
        self.index, self.outputs = index, outputs
        self._shapes = infer_shapes(index.graph_def)

    def find_rectifiers(self, name: str, readers: frozenset[str], first: int = 0) -> dict[str, slice]:
        """Return the rectifiers upstream of a node, each with its channels among the features.

        Empty if anything but ``readers`` reads the node.

        Args:
            name: the node.
            readers: nodes that will undo a factor.
            first: number of the node's first channel among the features.
        """
        if name in self.outputs or not readers.issuperset(self.index.consumers(name)):
            return {}
        op, inputs = self.index.op(name), self.index.inputs(name)
        channels = self._channels(name)
        if op in _RECTIFIERS and channels is not None:
            return {name: slice(first, first + channels)}
        if op in _POOLS and self.index.nodes[name].attr["data_format"].s != b"NCHW":
            return self.find_rectifiers(inputs[0].node, frozenset({name}), first)
        found: dict[str, slice] = {}
        if op in {"Concat", "ConcatV2"}:
            axis, *parts = inputs if op == "Concat" else (inputs[-1], *inputs[:-1])
            if self.index.constant(axis) not in _CHANNEL_AXES or len(set(parts)) < len(parts):
                return {}
            for part in parts:
                found |= self.find_rectifiers(part.node, frozenset({name}), first)
                channels = self._channels(part.node)
                if channels is None:
                    break  # unknown where the channels of the next part begin
                first += channels
        return found

    def _channels(self, name: str) -> int | None:
        shape = self._shapes[name]
        return shape[-1] if shape else None


def _measure(
    graph_def: Any, input_name: str, names: list[str], tensors: Iterable[NDArray[np.float32]]
) -> dict[str, _Features]:
    tf = tensorflow()
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
        values = [graph.get_tensor_by_name(f"{name}:0") for name in names]
        statistics = [
            (tf.reduce_max(value, axis=[0, 1, 2]), tf.reduce_mean(value, axis=[0, 1, 2])) for value in values
        ]
        with tf.compat.v1.Session(graph=graph) as session:
            runs = [session.run(statistics, {f"{input_name}:0": tensor}) for tensor in tensors]
    return {
        name: _Features(
            largest=np.max([run[at][0] for run in runs], axis=0).astype(np.float64),
            variance=np.var([run[at][1] for run in runs], axis=0, dtype=np.float64),
            positions=int(np.prod(value.shape[1:3])),
        )
        for at, (name, value) in enumerate(zip(names, values, strict=True))
    }


def _bound_factors(index: GraphIndex, sources: dict[str, slice], largest: Array) -> Array:
    """Return the factor with which each channel reaches as far as the largest one, ``(channels,)``."""
    top, bounds = max(float(largest.max()), np.finfo(np.float32).tiny), np.ones(len(largest))
    for name, channels in sources.items():
        end = min(top, _RELU6_TOP) if index.op(name) == "Relu6" else top
        reached = np.maximum(largest[channels] * _HEADROOM, end / _LARGEST_FACTOR)
        bounds[channels] = np.maximum(end / reached, 1.0)
    return bounds


def _choose_factors(weights: Array, features: _Features, bounds: Array) -> Array:
    """Return the factor of each channel: 1 or more, the largest that any label needs.

    Args:
        weights: magnitudes of the heads' weights, ``(channels, labels)``.
        features: their inputs.
        bounds: the largest factors, ``(channels,)``.
    """
    return np.asarray(np.max([_factors_for_label(column, features, bounds) for column in weights.T], axis=0))


def _factors_for_label(weights: Array, features: _Features, bounds: Array) -> Array:
    """Return the factors that one label needs: ever larger ones are tried until rounding is harmless."""
    step = features.largest.max() / _FEATURE_STEPS
    # A feature below half a step is rounded to zero: it loses its own variance, not more.
    lost = np.minimum(np.square(step) / 12 / features.positions, features.variance)
    allowed = np.square(weights) @ np.maximum(
        _SHARE_OF_FEATURES * lost, np.square(_SHARE_OF_SIGNAL) * features.variance
    )
    best, least = np.ones_like(weights), np.inf
    for power in range(_TRIES):
        top = float(weights.max()) / _FINER**power
        factors = np.clip(weights / max(top, _TINY), 1.0, bounds)
        rounding = np.square((weights / factors).max() / _WEIGHT_STEPS) / 12
        cost = float(rounding * np.sum(np.square(factors) * features.variance))
        if cost < least:
            best, least = factors, cost
        if cost <= allowed:
            break
    return best


def _multiply_input(graph_def: Any, node: Any, factors: Array) -> None:
    scaled = graph_def.node.add()
    scaled.name, scaled.op = f"{node.name}/balanced", "Mul"
    constant = add_constant(graph_def, f"{node.name}/balance", factors.astype(np.float32))
    scaled.input.extend([node.input[0], constant])
    scaled.attr["T"].type = tensorflow().float32.as_datatype_enum
    node.input[0] = scaled.name
