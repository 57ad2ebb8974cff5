"""Features brought to the size that their heads ask for, so that 8 bits resolve every weight of a head.

An int8 head has one scale for all weights of a label, and the largest of them sets it. Where features were
standardised before a head was fitted, one that hardly ever answers has got a weight of a thousand times the
others': these all round to nothing then, and with them what the head knows. Behind a rectifier such a feature
can be multiplied, and its weights divided by the same factor, also through Concat and pooling: the graph
computes the same. Nothing is multiplied by more than it takes, for beyond an int8 tensor's range is cut off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.graphs.graph_edit import add_constant
from converter.graphs.graph_index import GraphIndex, static_shapes
from converter.tensorflow_import import tensorflow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_RELU6_TOP = 6.0
_HEADROOM = 1.1  # pictures that come later reach further than those that ranges are measured on
_LARGEST_FACTOR = 1000.0  # what has never answered on the calibration pictures may do so yet
# Rounding of weights that does no harm: its variance as a share of what rounding of features costs a head,
# and its deviation as a share of what the head tells pictures apart by.
_SHARE_OF_FEATURES, _SHARE_OF_SIGNAL = 0.1, 0.02
_WEIGHT_STEPS, _FEATURE_STEPS = 127, 255
_FINER = 1.1  # by how much each range of weights that is tried is smaller than the one before
_TRIES = 1 + round(np.log(_LARGEST_FACTOR) / np.log(_FINER))
_POOLS = frozenset({"AvgPool", "MaxPool"})
_CHANNEL_AXES = (-1, 3)  # of NHWC
_RECTIFIERS = frozenset({"Relu", "Relu6"})
_TINY = 1e-30


@dataclass(frozen=True, slots=True)
class _Features:
    """What some heads read on the calibration pictures, channel by channel.

    Attributes:
        largest: ``(channels,)``.
        variance: of the means over a picture, ``(channels,)``.
        positions: of a map.
    """

    largest: Array
    variance: Array
    positions: int


def balance(
    graph_def: Any, input_name: str, outputs: Iterable[str], tensors: Iterable[NDArray[np.float32]]
) -> Any:
    """Return the graph with features multiplied where a head's weights lie too far apart for 8 bits.

    Args:
        graph_def: a fused graph; not changed.
        input_name: its placeholder.
        outputs: its output nodes; those are looked at that 1x1 convolutions make.
        tensors: inputs ``(1, height, width, 3)`` of the calibration pictures.
    """
    index = GraphIndex(graph_def)
    paths = _Paths(index, frozenset(outputs))
    heads = _heads(index, paths.outputs)
    measured = _measured(graph_def, input_name, list(heads), tensors)
    changed = tensorflow().compat.v1.GraphDef()
    changed.CopyFrom(graph_def)
    nodes = {node.name: node for node in changed.node}
    for features, convolutions in heads.items():
        kernels = {name: np.asarray(index.constant(index.inputs(name)[1])) for name in convolutions}
        sources = paths.rectifiers(features, frozenset(convolutions))
        bounds = _bounds(index, sources, measured[features].largest)
        weights = np.concatenate([kernel[0, 0] for kernel in kernels.values()], axis=1)
        factors = _factors(np.abs(weights.astype(np.float64)), measured[features], bounds)
        if np.all(factors == 1.0):
            continue
        for name, channels in sources.items():
            _multiply_input(changed, nodes[name], factors[channels])
        for name, kernel in kernels.items():
            divided = np.asarray(kernel / factors[:, np.newaxis], np.float32)
            nodes[name].input[1] = add_constant(changed, f"{name}/balanced_kernel", divided)
    return changed


def _heads(index: GraphIndex, outputs: Iterable[str]) -> dict[str, list[str]]:
    """Return the convolutions that make outputs, by the node that they read."""
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
    """Ways from features back to where their channels can be multiplied."""

    def __init__(self, index: GraphIndex, outputs: frozenset[str]) -> None:
        self.index, self.outputs = index, outputs
        self._shapes = static_shapes(index.graph_def)

    def rectifiers(self, name: str, readers: frozenset[str], first: int = 0) -> dict[str, slice]:
        """Return the rectifiers behind a node that nothing but ``readers`` reads, each with its channels.

        Args:
            name: the node.
            readers: those that know of a factor.
            first: the channel of the features that the node's first one is.
        """
        if name in self.outputs or not readers.issuperset(self.index.consumers(name)):
            return {}
        op, inputs = self.index.op(name), self.index.inputs(name)
        channels = self._channels(name)
        if op in _RECTIFIERS and channels is not None:
            return {name: slice(first, first + channels)}
        if op in _POOLS and self.index.nodes[name].attr["data_format"].s != b"NCHW":
            return self.rectifiers(inputs[0].node, frozenset({name}), first)
        found: dict[str, slice] = {}
        if op in {"Concat", "ConcatV2"}:
            axis, *parts = inputs if op == "Concat" else (inputs[-1], *inputs[:-1])
            if self.index.constant(axis) not in _CHANNEL_AXES or len(set(parts)) < len(parts):
                return {}
            for part in parts:
                found |= self.rectifiers(part.node, frozenset({name}), first)
                channels = self._channels(part.node)
                if channels is None:
                    break  # where the channels of the next part begin is not to be seen
                first += channels
        return found

    def _channels(self, name: str) -> int | None:
        shape = self._shapes[name]
        return shape[-1] if shape else None


def _measured(
    graph_def: Any, input_name: str, names: list[str], tensors: Iterable[NDArray[np.float32]]
) -> dict[str, _Features]:
    tf = tensorflow()
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
        values = [graph.get_tensor_by_name(f"{name}:0") for name in names]
        asked = [
            (tf.reduce_max(value, axis=[0, 1, 2]), tf.reduce_mean(value, axis=[0, 1, 2])) for value in values
        ]
        with tf.compat.v1.Session(graph=graph) as session:
            runs = [session.run(asked, {f"{input_name}:0": tensor}) for tensor in tensors]
    return {
        name: _Features(
            largest=np.max([run[at][0] for run in runs], axis=0).astype(np.float64),
            variance=np.var([run[at][1] for run in runs], axis=0, dtype=np.float64),
            positions=int(np.prod(value.shape[1:3])),
        )
        for at, (name, value) in enumerate(zip(names, values, strict=True))
    }


def _bounds(index: GraphIndex, sources: dict[str, slice], largest: Array) -> Array:
    """Return by how much each channel can be multiplied without reaching beyond the others."""
    top, bounds = max(float(largest.max()), np.finfo(np.float32).tiny), np.ones(len(largest))
    for name, channels in sources.items():
        end = min(top, _RELU6_TOP) if index.op(name) == "Relu6" else top
        reached = np.maximum(largest[channels] * _HEADROOM, end / _LARGEST_FACTOR)
        bounds[channels] = np.maximum(end / reached, 1.0)
    return bounds


def _factors(weights: Array, features: _Features, bounds: Array) -> Array:
    """Return by how much each channel is multiplied: 1 or more, and no more than all labels ask for.

    Args:
        weights: their magnitudes, ``(channels, labels)``.
        features: what they are multiplied with.
        bounds: the largest factors.
    """
    return np.asarray(np.max([_factors_of(column, features, bounds) for column in weights.T], axis=0))


def _factors_of(weights: Array, features: _Features, bounds: Array) -> Array:
    """Return the factors that one label asks for: the first of ever larger ones that are enough."""
    step = features.largest.max() / _FEATURE_STEPS
    # A feature below half a step is lost whole.
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
