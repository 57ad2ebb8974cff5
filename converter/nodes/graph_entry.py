"""Read what a graph does to its input before its first layer: layout, order of channels, arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from converter.nodes.graph_index import CONVOLUTIONS, TRANSPARENT_OPS, GraphIndex, Ref
from converter.tensorflow_import import tensorflow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Layout = Literal["NHWC", "NCHW"]

CHANNELS = (1, 3, 4)  # grey, colours, colours and opacity
_TO_CHANNELS_LAST, _TO_CHANNELS_FIRST = [0, 2, 3, 1], [0, 3, 1, 2]
_EXCHANGING_SIDES = ([0, 2, 1, 3], [0, 1, 3, 2], [0, 3, 2, 1])
_BATCH_NORMS = frozenset({"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"})
_LEFT_TO_RIGHT = frozenset({"Sub", "RealDiv", "Div"})
_SUMS = frozenset({"Add", "AddV2", "BiasAdd"})
# Ops that leave each dimension what it was.
_SAME_LAYOUT = (
    TRANSPARENT_OPS
    | _LEFT_TO_RIGHT
    | _SUMS
    | _BATCH_NORMS
    | {"Mul", "Cast", "Pad", "PadV2", "MirrorPad", "ReverseV2", "StridedSlice", "GatherV2", "ExpandDims"}
    | {"Relu", "Relu6", "Maximum", "Minimum", "ResizeBilinear", "ResizeNearestNeighbor", "ResizeBicubic"}
)
_UNCHANGED_NUMBERS = TRANSPARENT_OPS | {"Pad", "PadV2", "Transpose", "ExpandDims", "SpaceToBatchND"}
_MAX_STEPS = 40  # from an input to its first layer


@dataclass(frozen=True, slots=True)
class DeclaredInput:
    """Form of an input as its node declares it.

    Attributes:
        shape: with None for each open size; None where even the rank is open.
        dtype: TensorFlow's name of its numbers.
    """

    shape: tuple[int | None, ...] | None
    dtype: str

    @property
    def is_integer(self) -> bool:
        """Whether it takes whole numbers, so that only bytes of a picture can be meant."""
        return "int" in self.dtype


@dataclass(frozen=True, slots=True)
class GraphEntry:
    """Part of a graph between its input and its first layer.

    The node ``last`` has ``input * factor + offset`` in its own layout and order of channels.

    Attributes:
        last: the node that the first layer reads.
        layout: of ``last``.
        dtype: of ``last``.
        rank: of ``last``; 3 has no batch.
        reverses: whether the channels' order was turned round on the way.
        factor: one number, or one per channel in the order of ``last``.
        offset: the same.
    """

    last: str
    layout: Layout
    dtype: str
    reverses: bool
    factor: Numbers
    offset: Numbers
    rank: int = 4

    @property
    def is_arithmetic(self) -> bool:
        """Whether any number changes on the way."""
        return bool((self.factor != 1).any() or (self.offset != 0).any())


def read_declared_input(graph: GraphIndex, name: str) -> DeclaredInput:
    """Return the form that the node ``name`` declares."""
    attributes = graph.nodes[name].attr
    shape = attributes["shape"].shape if "shape" in attributes else None
    sizes = tuple(dim.size if dim.size > 0 else None for dim in shape.dim) if shape is not None else ()
    key = next((key for key in ("dtype", "T", "DstT") if key in attributes), None)
    dtype = tensorflow().dtypes.as_dtype(attributes[key].type).name if key else "float32"
    return DeclaredInput(sizes or None, dtype)


def describe_misfit(graph: GraphIndex, name: str, declared: DeclaredInput) -> str:
    """Return as the end of a sentence what keeps a declared input from taking a picture; or nothing."""
    if declared.dtype == "bool":
        return " and bool, wanted the numbers of a picture; name the node that takes them with --input-layer"
    node = _follow(graph, name)
    if graph.op(node) == "Transpose" and _read_constant(graph, node) in _EXCHANGING_SIDES:
        return (
            f", and {node!r} exchanges height and width: pictures lie on their side in it; give"
            f" --input-layer {node} with --input-height and --input-width, as the picture stands upright"
        )
    return "" if declared.shape is None else _describe_shape(declared.shape)


def write_shape(shape: tuple[int | None, ...]) -> str:
    """Return a shape as people read it, with a question mark for each open size."""
    return f"({', '.join('?' if size is None else str(size) for size in shape)})"


def _describe_shape(shape: tuple[int | None, ...]) -> str:
    sizes = shape[1:] if len(shape) == 3 else shape
    is_plane = len(sizes) == 2 and all(size is not None and size > max(CHANNELS) for size in sizes)
    if is_plane and (len(shape) == 2 or shape[0] not in CHANNELS[1:]):
        height, width = sizes
        return (
            ", height and width without channels; name the node behind it that adds them, such as an"
            f" ExpandDims or Reshape: --input-layer NODE --input-height {height} --input-width {width}"
        )
    return "" if len(shape) in {3, 4} else ", wanted a picture"


def find_layout(graph: GraphIndex, name: str, declared: DeclaredInput) -> tuple[Layout | None, str]:
    """Return where an input's channels stand and what shows it; None if nothing does, or two things."""
    used = _find_used_layout(graph, name)
    if used is not None:
        return used, "the graph's own ops"
    shape = declared.shape
    if shape is not None and len(shape) in {3, 4}:
        first, last = shape[-3] in CHANNELS, shape[-1] in CHANNELS
        if first != last:
            return ("NCHW" if first else "NHWC"), "the input's shape"
        if first or None not in {shape[-3], shape[-1]}:
            return None, ""
    return "NHWC", "not stated: TensorFlow's own layout is taken"


def find_first_kernel_channels(graph: GraphIndex, name: str) -> int | None:
    """Return how many channels the first convolution takes, for inputs that do not declare it."""
    node = _follow(graph, name)
    if graph.op(node) != "Conv2D":
        return None
    kernel = graph.constant(graph.inputs(node)[1])
    return None if kernel is None else int(kernel.shape[2])


def read_entry(graph: GraphIndex, name: str, layout: Layout, declared: DeclaredInput) -> GraphEntry:
    """Return everything between an input and its first layer that the node can do instead, at no cost."""
    rank = len(declared.shape) if declared.shape else 4
    entry = GraphEntry(name, layout, declared.dtype, False, np.ones(1), np.zeros(1), rank)
    for _ in range(_MAX_STEPS):
        consumers = graph.consumers(entry.last)
        after = _read_step(graph, consumers[0], entry) if len(consumers) == 1 else None
        if after is None:
            break
        entry = replace(after, last=consumers[0])
    return entry


def feeds_first_layer(graph: GraphIndex, name: str) -> bool:
    """Return whether convolutions take ``name`` as it is, padded or transposed at most.

    What else stands between may be scaling that was not read.
    """
    pending = [name]
    for _ in range(_MAX_STEPS):
        if not pending:
            return True
        for reader in graph.consumers(pending.pop()):
            op = graph.op(reader)
            if op in _UNCHANGED_NUMBERS or op.startswith("FakeQuant"):
                pending.append(reader)
            elif op not in CONVOLUTIONS and op != "Shape":
                return False
    return not pending


def _find_used_layout(graph: GraphIndex, name: str) -> Layout | None:
    """Return the layout that the first transposition or convolution after an input is made for."""
    node = _follow(graph, name)
    if graph.op(node) == "Transpose":
        order = _read_constant(graph, node)
        return "NCHW" if order == _TO_CHANNELS_LAST else "NHWC" if order == _TO_CHANNELS_FIRST else None
    if graph.op(node) in CONVOLUTIONS:
        attributes = graph.nodes[node].attr  # reading an absent key would add it
        is_first = "data_format" in attributes and attributes["data_format"].s == b"NCHW"
        return "NCHW" if is_first else "NHWC"
    return None


def _follow(graph: GraphIndex, name: str) -> str:
    """Return the first node after ``name`` that may change its layout; the last node seen if none does."""
    for _ in range(_MAX_STEPS):
        readers = [reader for reader in graph.consumers(name) if graph.op(reader) != "Shape"]
        if len(readers) != 1:
            break
        name = readers[0]
        if graph.op(name) not in _SAME_LAYOUT:
            break
    return name


def _read_step(graph: GraphIndex, name: str, entry: GraphEntry) -> GraphEntry | None:
    """Return the entry with one node more; None if the node does more than that."""
    op = graph.op(name)
    if op == "Cast":
        return _read_cast(graph, name, entry)
    if op in TRANSPARENT_OPS or (op == "ExpandDims" and _read_constant(graph, name) == [0]):
        return replace(entry, rank=entry.rank + (op == "ExpandDims"))
    if op == "Transpose":
        turned = entry.layout == "NCHW" and _read_constant(graph, name) == _TO_CHANNELS_LAST
        return replace(entry, layout="NHWC") if turned else None
    if _reverses_channels(graph, name, entry.layout):
        factor, offset = entry.factor[::-1], entry.offset[::-1]
        return replace(entry, reverses=not entry.reverses, factor=factor, offset=offset)
    step = _read_batch_norm(graph, name) if op in _BATCH_NORMS else _read_arithmetic(graph, name, entry)
    if step is None:
        return None
    return replace(entry, factor=entry.factor * step[0], offset=entry.offset * step[0] + step[1])


def _read_constant(graph: GraphIndex, name: str) -> list[int] | None:
    """Return the numbers of a node's second input, if they are constant."""
    value = graph.constant(graph.inputs(name)[1])
    return None if value is None else [int(number) for number in value.reshape(-1)]


def _read_cast(graph: GraphIndex, name: str, entry: GraphEntry) -> GraphEntry | None:
    wanted = tensorflow().dtypes.as_dtype(graph.nodes[name].attr["DstT"].type)
    if wanted.is_integer and "int" not in entry.dtype:  # cuts fractions off
        return None
    return replace(entry, dtype=wanted.name)


def _reverses_channels(graph: GraphIndex, name: str, layout: Layout) -> bool:
    """Return whether a node turns the order of the channels round, and does nothing else."""
    axis, op = (3 if layout == "NHWC" else 1), graph.op(name)
    if op not in {"ReverseV2", "GatherV2", "StridedSlice"}:
        return False
    rest = [graph.constant(ref) for ref in graph.inputs(name)[1:]]
    if any(value is None for value in rest):
        return False
    values = [np.asarray(value).reshape(-1).tolist() for value in rest]
    if op == "ReverseV2":
        return [at % 4 for at in values[0]] == [axis]
    if op == "GatherV2":
        return values[0] == [2, 1, 0] and [at % 4 for at in values[1]] == [axis]
    return _is_reversing_slice(graph.nodes[name].attr, values[2], axis)


def _is_reversing_slice(attributes: Any, strides: list[int], axis: int) -> bool:
    """Return whether a slice takes everything, with a stride of -1 along ``axis`` alone."""
    flags = {
        key: attributes[f"{key}_mask"].i if f"{key}_mask" in attributes else 0
        for key in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    }
    if flags["new_axis"] or flags["shrink_axis"]:
        return False
    whole = flags["begin"] & flags["end"] | flags["ellipsis"]
    if whole != (1 << len(strides)) - 1:
        return False
    if flags["ellipsis"]:  # [..., ::-1]: the positions after the dots count from the end
        return axis == 3 and flags["ellipsis"] == 1 and strides[1:] == [-1]
    return [at for at, stride in enumerate(strides) if stride != 1] == [axis] and strides[axis] == -1


def _read_arithmetic(graph: GraphIndex, name: str, entry: GraphEntry) -> tuple[Numbers, Numbers] | None:
    """Return a sum or product with constants as ``(factor, offset)``."""
    op = graph.op(name)
    if op != "Mul" and op not in _LEFT_TO_RIGHT | _SUMS:
        return None
    left, right = graph.inputs(name)
    is_right = graph.resolve(left) == graph.resolve(Ref(entry.last))
    if not is_right and op in _LEFT_TO_RIGHT:
        return None
    value = _per_channel(graph.computed_constant(right if is_right else left), entry.layout, op)
    if value is None:
        return None
    if op == "Mul":
        return value, np.zeros(1)
    if op in {"RealDiv", "Div"}:
        return (1 / value, np.zeros(1)) if value.all() else None
    return np.ones(1), -value if op == "Sub" else value


def _per_channel(constant: NDArray[np.generic] | None, layout: Layout, op: str) -> Numbers | None:
    """Return a constant as one number, or one per channel; None if it is another kind of operand."""
    if constant is None:
        return None
    value = np.asarray(constant, np.float64)
    if value.size == 1:
        return value.reshape(-1)
    axis = -1 if layout == "NHWC" or op == "BiasAdd" else -3
    along = value.ndim >= -axis and value.shape[axis] == value.size
    return value.reshape(-1) if along and value.size in CHANNELS else None


def _read_batch_norm(graph: GraphIndex, name: str) -> tuple[Numbers, Numbers] | None:
    """Return a batch normalisation of an input as ``(factor, offset)``."""
    attributes = graph.nodes[name].attr
    read = [graph.computed_constant(ref) for ref in graph.inputs(name)[1:5]]
    trains = "is_training" not in attributes or attributes["is_training"].b  # absent means true
    if trains or any(value is None for value in read):
        return None
    gamma, beta, mean, variance = (np.asarray(value, np.float64) for value in read)
    factor = gamma / np.sqrt(variance + (attributes["epsilon"].f if "epsilon" in attributes else 1e-4))
    return factor, beta - mean * factor
