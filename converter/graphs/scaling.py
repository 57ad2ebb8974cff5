"""Find how a graph's pixels are scaled: from flags, the retrain record, the graph or its architecture."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_node.errors import GraphError
from edge_node.inference.manifest import Resize, Triple

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from converter.architectures.backbones import InputRule
    from converter.graphs.graph_index import GraphIndex

INCEPTION_2015 = "Inception v3 of 2015"
_INCEPTION_SIZE_PX = 299
_ARITHMETIC = frozenset({"Mul", "RealDiv", "Sub", "Add", "AddV2", "Cast"})
# A network is fed numbers of order 1: the span of its scaled pixels shows if they began as 0 to 255 or 0 to
# 1.
_SPAN = (0.5, 16.0)
_KERAS_SYMMETRIC = ("mobilenet", "inception", "xception", "nasnet")  # "tf" mode of keras.applications


@dataclass(frozen=True, slots=True)
class GraphFlags:
    """Facts about a graph that the user gives with flags; None is to be found in the graph."""

    input_layer: str | None = None
    output_layer: str | None = None
    input_height: int | None = None
    input_width: int | None = None
    input_mean: float | None = None
    input_std: float | None = None


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Size in pixels and scaling of a graph's input: ``(pixel - mean) / std``, red first."""

    height: int
    width: int
    mean: Triple
    std: Triple
    resize: Resize = Resize.BILINEAR_TF1


@dataclass(frozen=True, slots=True)
class InGraphScaling:
    """Scaling of pixels inside a graph: the node ``last`` computes ``input * factor + offset``."""

    last: str
    factor: NDArray[np.float64]
    offset: NDArray[np.float64]


def recognise_architecture(graph: GraphIndex) -> str:
    """Return a graph's architecture in words, recognised by the names of its nodes."""
    if graph.op("Mul") == "Mul" and graph.op("DecodeJpeg") == "DecodeJpeg":
        return INCEPTION_2015
    scopes = sorted({match[0] for name in graph.nodes if (match := re.search(r"MobilenetV\d", name))})
    if scopes:
        return f"MobileNet v{scopes[0][-1]}"
    pattern = r"(?:^|/)((?:mobilenet|inception|xception|nasnet|efficientnet|resnet)[\w.]*?)(?:_\d+)?/"
    names = sorted({match[1] for name in graph.nodes if (match := re.search(pattern, name, re.IGNORECASE))})
    return names[0] if names else "unknown architecture"


def find_in_graph_scaling(graph: GraphIndex, name: str) -> InGraphScaling | None:
    """Return the arithmetic with constants at the beginning of a graph, if there is any.

    The node then does it together with its own scaling, at no cost.
    """
    factor, offset, last = np.ones(1), np.zeros(1), name
    while True:
        consumers = graph.consumers(last)
        if len(consumers) != 1 or graph.op(consumers[0]) not in _ARITHMETIC | {"Identity"}:
            break
        step = _read_step(graph, consumers[0])
        if step is None:
            break
        factor, offset, last = factor * step[0], offset * step[0] + step[1], consumers[0]
    return InGraphScaling(last, factor, offset) if last != name else None


def find_preprocessing(
    path: Path, graph: GraphIndex, name: str, flags: GraphFlags, rule: InputRule | None = None
) -> tuple[str, Preprocessing]:
    """Return the node that takes scaled pixels, and the preprocessing of its input.

    Args:
        path: of the graph, for messages.
        graph: as read.
        name: its input.
        flags: of the user; they come before anything else.
        rule: of the record that retraining wrote beside the graph.

    Raises:
        GraphError: size or scaling are not to be found; the text names the flags.
    """
    architecture = recognise_architecture(graph)
    height, width = _find_size(path, graph, name, flags, rule)
    resize = rule.resize if rule else _find_resize(graph, architecture)
    if (flags.input_mean is None) != (flags.input_std is None):
        raise GraphError(f"{path}: --input-mean and --input-std go together; give both, or neither")
    if flags.input_mean is not None and flags.input_std is not None:
        if flags.input_std == 0 or not math.isfinite(flags.input_std) or not math.isfinite(flags.input_mean):
            raise GraphError(
                f"{path}: --input-std is {flags.input_std:g}, --input-mean {flags.input_mean:g}: wanted what"
                " training took from each pixel and the divisor that it used (127.5 or so)"
            )
        mean, std = (flags.input_mean,) * 3, (flags.input_std,) * 3
        return name, Preprocessing(height, width, mean, std, resize)
    if rule:
        return name, Preprocessing(height, width, rule.mean, rule.std, resize)
    inside = find_in_graph_scaling(graph, name)
    if inside is not None and (base := _find_base(inside)) is not None:
        factor, offset = _broadcast(inside.factor / base), _broadcast(inside.offset)
        return inside.last, Preprocessing(
            height, width, _triple(-offset / factor), _triple(1 / factor), resize
        )
    known = _look_up_mean(architecture)
    if known is None:
        raise GraphError(
            f"{path}: {architecture}: how its pixels were scaled is not to be seen;"
            " give --input-mean and --input-std as in training"
        )
    return name, Preprocessing(height, width, (known,) * 3, (known,) * 3, resize)


def _find_size(
    path: Path, graph: GraphIndex, name: str, flags: GraphFlags, rule: InputRule | None
) -> tuple[int, int]:
    sizes = [dim.size for dim in graph.nodes[name].attr["shape"].shape.dim]
    declared = (sizes[1], sizes[2]) if len(sizes) == 4 else (0, 0)
    default = rule.size_px if rule else _INCEPTION_SIZE_PX if graph.op(name) == "Mul" else 0
    height, width = (
        (flags.input_height or max(declared[0], 0) or default),
        (flags.input_width or max(declared[1], 0) or default),
    )
    if not height or not width:
        raise GraphError(f"{path}: input {name!r} has no fixed size; give --input-height and --input-width")
    return height, width


def _find_resize(graph: GraphIndex, architecture: str) -> Resize:
    """Return TensorFlow 1's resizing for its graphs; TensorFlow 2's for graphs traced by it or Keras."""
    traced = any(node.op in {"FusedBatchNormV3", "AddV2"} for node in graph.graph_def.node)
    old = architecture == INCEPTION_2015 or architecture.startswith("MobileNet v")
    return Resize.BILINEAR if traced and not old else Resize.BILINEAR_TF1


def _look_up_mean(architecture: str) -> float | None:
    """Return the number that is both mean and std of an architecture's pixels, if it is known."""
    if architecture == INCEPTION_2015:
        return 128.0
    return 127.5 if architecture.lower().startswith(_KERAS_SYMMETRIC) else None


def _find_base(inside: InGraphScaling) -> float | None:
    """Return by what pixels must be divided before they enter the graph: 1 or 255; None if neither fits."""
    factor = float(np.abs(inside.factor).max())
    if (inside.factor <= 0).any():
        return None
    return next((base for base in (1.0, 255.0) if _SPAN[0] <= 255 * factor / base <= _SPAN[1]), None)


def _read_step(graph: GraphIndex, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return one node as ``(factor, offset)``; None if it computes more than that."""
    op = graph.op(name)
    if op in {"Cast", "Identity"}:
        return np.ones(1), np.zeros(1)
    left, right = graph.inputs(name)
    constant = graph.constant(right)
    swapped = constant is None
    if swapped:
        constant = graph.constant(left)
    if constant is None or constant.size not in {1, 3} or (swapped and op in {"Sub", "RealDiv"}):
        return None
    value = constant.astype(np.float64).reshape(-1)
    if op == "Mul":
        return value, np.zeros(1)
    if op == "RealDiv":
        return 1 / value, np.zeros(1)
    return np.ones(1), -value if op == "Sub" else value


def _broadcast(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.broadcast_to(values, (3,))


def _triple(values: NDArray[np.float64]) -> Triple:
    first, second, third = (float(value) for value in values)
    return first, second, third
