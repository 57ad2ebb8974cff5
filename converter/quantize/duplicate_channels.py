"""Duplicate important channels into idle ones, half a quantization step apart.

In MobileNet v1 most of the loss in 8 bits is the rounding after the first convolution: smooth parts of a
picture give values that hardly vary, all of them are rounded the same way, and the depthwise convolution
multiplies the small differences by twenty. Seven of the 32 channels there are zero for every picture. Each of
these takes a copy of an important channel, shifted by half a step of the 8-bit tensor; the depthwise
convolution subtracts the shift again and the pointwise one reads the mean of both. The mean of two numbers
rounded half a step apart has half the error of one, and the model does no more work than before.

Only channels that a rectifier never clips can be shifted, and only in large maps: a convolution pads the
border with zeros, shifted or not, and the border is a large part of a small map. How important a channel is
follows from the gradient: how much its rounding changes the stages' logits, to first order, on the
calibration pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.graphs.graph_edit import add_constant, redirect_readers
from converter.graphs.graph_index import GraphIndex, Ref, infer_shapes
from converter.tensorflow_import import tensorflow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from converter.quantize.tflite_converter import StepContext

    Array = NDArray[np.float64]

_RECTIFIERS = frozenset({"Relu", "Relu6"})
_RELU6_TOP = 6.0
# Ops that treat each channel of a convolution's output on its own, with constants.
_CHANNELWISE = frozenset(
    {"Mul", "Add", "AddV2", "Sub", "BiasAdd", "FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"}
)
_STEPS = 255
_SMALLEST_MAP = 64  # rows and columns: less than a fifteenth of the positions then touch the border
_GRADIENT_PICTURES = 40  # enough to rank channels by importance


@dataclass(frozen=True, slots=True)
class _Block:
    """A convolution, a depthwise one, and a pointwise one that reads the mean of copies; nodes by name.

    Attributes:
        convolution: a Conv2D.
        to_rectifier: the nodes after it, up to the rectifier.
        rectifier: its 8-bit tensor holds the copies; only the depthwise convolution reads it.
        depthwise: a DepthwiseConv2dNative with one output per channel.
        to_pointwise: the nodes after that, up to a second rectifier.
        second: the second rectifier.
        pointwise: a Conv2D of 1x1, the only reader of the second rectifier.
    """

    convolution: str
    to_rectifier: tuple[str, ...]
    rectifier: str
    depthwise: str
    to_pointwise: tuple[str, ...]
    second: str
    pointwise: str


@dataclass(frozen=True, slots=True)
class _Statistics:
    """Statistics of a rectifier's channels over the calibration pictures, each ``(channels,)``.

    Attributes:
        low: least value before the rectifier.
        high: largest value before the rectifier.
        cost: sum of the squared changes of the logits that rounding the channel to 8 bits makes.
        idle: the second rectifier's value where the channel is zero.
    """

    low: Array
    high: Array
    cost: Array
    idle: Array


def duplicate_channels(graph_def: Any, context: StepContext) -> Any:
    """Return a graph that computes the same, with idle channels used as copies of important ones.

    Args:
        graph_def: a fused graph, its channels equalized; not changed.
        context: its input and outputs, and the calibration pictures.
    """
    index = GraphIndex(graph_def)
    shapes = infer_shapes(graph_def)
    blocks = [
        block for name in index.nodes if _is_large(shapes[name]) and (block := _find_block(index, name))
    ]
    changed = tensorflow().compat.v1.GraphDef()
    changed.CopyFrom(graph_def)
    if not blocks:
        return changed
    for block, measured in zip(blocks, _measure(graph_def, context, blocks), strict=True):
        rectifier = index.op(block.rectifier)
        copies = assign_copies(measured.low, measured.high, measured.cost, rectifier)
        # One block's last convolution is the next one's first, so each is found again in the changed graph.
        if copies and (found := _find_block(GraphIndex(changed), block.rectifier)):
            _BlockWriter(changed, found, copies, _step(measured.high, rectifier)).write(measured.idle)
    return changed


def assign_copies(low: Array, high: Array, cost: Array, rectifier: str = "Relu6") -> dict[int, list[int]]:
    """Return the idle channels that take each channel's copies, given out by largest gain.

    Args:
        low: least value of each channel before the rectifier, ``(channels,)``.
        high: largest value, likewise.
        cost: of rounding each channel; k copies leave 1 / k² of it.
        rectifier: its op; a channel that it clips cannot be shifted.
    """
    top = _RELU6_TOP if rectifier == "Relu6" else np.inf
    step = _step(high, rectifier)
    shiftable = (low > 0) & (high + step <= top) & (cost > 0)
    # Later pictures reach further: a channel is idle if its largest value plus its span stays below zero.
    far_below = high + (high - low) <= 0
    copies: dict[int, list[int]] = {}
    for idle in np.flatnonzero(far_below):
        counts = np.array([1 + len(copies.get(channel, ())) for channel in range(len(cost))])
        gains = np.where(shiftable, cost * (1 / counts**2 - 1 / (counts + 1) ** 2), 0.0)
        best = int(gains.argmax())
        if gains[best] > 0:
            copies.setdefault(best, []).append(int(idle))
    return copies


def _is_large(shape: tuple[int | None, ...] | None) -> bool:
    return shape is not None and len(shape) == 4 and min(size or 0 for size in shape[1:3]) >= _SMALLEST_MAP


def _step(high: Array, rectifier: str) -> float:
    """Return the step of a rectifier's 8-bit tensor."""
    top = float(high.max())
    return (min(top, _RELU6_TOP) if rectifier == "Relu6" else top) / _STEPS


def _find_block(index: GraphIndex, rectifier: str) -> _Block | None:
    if index.op(rectifier) not in _RECTIFIERS:
        return None
    before = _trace_back(index, rectifier, "Conv2D")
    depthwise = _only_reader(index, rectifier, "DepthwiseConv2dNative")
    if before is None or depthwise is None or _kernel_shape(index, depthwise)[3:] != (1,):
        return None
    after, name = list[str](), depthwise
    while (readers := index.consumers(name)) and len(readers) == 1:
        (name,) = readers
        if index.op(name) in _RECTIFIERS:
            break
        after.append(name)
    pointwise = _only_reader(index, name, "Conv2D")
    chain = _trace_back(index, name, "DepthwiseConv2dNative") if index.op(name) in _RECTIFIERS else None
    if pointwise is None or chain is None or _kernel_shape(index, pointwise)[:2] != (1, 1):
        return None
    return _Block(before[0], before[1], rectifier, depthwise, tuple(after), name, pointwise)


def _trace_back(index: GraphIndex, rectifier: str, op: str) -> tuple[str, tuple[str, ...]] | None:
    """Return the convolution before a rectifier and the nodes between, if each has only one reader."""
    found, name = list[str](), index.inputs(rectifier)[0].node
    while index.op(name) in _CHANNELWISE and len(index.consumers(name)) == 1:
        found.append(name)
        sources = [ref.node for ref in index.inputs(name) if _depends_on_picture(index, ref)]
        if len(sources) != 1:
            return None
        (name,) = sources
    if index.op(name) != op or len(index.consumers(name)) != 1 or not _kernel_shape(index, name):
        return None
    return name, tuple(reversed(found))


def _depends_on_picture(index: GraphIndex, ref: Ref) -> bool:
    """Return whether a tensor depends on the picture, not on constants alone."""
    return any(index.op(node) == "Placeholder" for node in index.upstream([ref]))


def _only_reader(index: GraphIndex, name: str, op: str) -> str | None:
    """Return the only reader of a node, if it is a convolution of it with a constant kernel."""
    readers = index.consumers(name)
    if len(readers) != 1 or index.op(readers[0]) != op or not _kernel_shape(index, readers[0]):
        return None
    return readers[0] if index.inputs(readers[0])[0] == Ref(name) else None


def _kernel_shape(index: GraphIndex, convolution: str) -> tuple[int, ...]:
    """Return the shape of a constant kernel; () if it is not constant, or channels come first."""
    if index.nodes[convolution].attr["data_format"].s == b"NCHW":
        return ()
    kernel = index.constant(index.inputs(convolution)[1])
    return () if kernel is None else kernel.shape


def _measure(graph_def: Any, context: StepContext, blocks: Sequence[_Block]) -> list[_Statistics]:
    """Run the graph on the calibration pictures, with gradients on some of them."""
    tf, tensors, feed = tensorflow(), context.tensors, f"{context.input}:0"
    signs = np.random.default_rng(0)
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
        values = [graph.get_tensor_by_name(f"{block.rectifier}:0") for block in blocks]
        seconds = [graph.get_tensor_by_name(f"{block.second}:0") for block in blocks]
        axes = [0, 1, 2]
        before = [value.op.inputs[0] for value in values]
        lows = [tf.reduce_min(value, axis=axes) for value in before]
        highs = [tf.reduce_max(value, axis=axes) for value in before]
        middles = [second[0, second.shape[1] // 2, second.shape[2] // 2] for second in seconds]
        step_sizes = [tf.compat.v1.placeholder(tf.float32, ()) for _ in blocks]
        heads = [graph.get_tensor_by_name(f"{name}:0") for name in context.outputs]
        logits = tf.concat([_centred_logits(head) for head in heads], axis=0)
        sign = tf.compat.v1.placeholder(tf.float32, logits.shape)
        slopes = tf.gradients(tf.reduce_sum(logits * sign), values)
        changes = [
            tf.reduce_sum(slope * (tf.round(value / step) * step - value), axis=axes)
            for slope, value, step in zip(slopes, values, step_sizes, strict=True)
        ]
        with tf.compat.v1.Session(graph=graph) as session:
            runs = [session.run([lows, highs, middles], {feed: tensor}) for tensor in tensors]
            low = [np.min([run[0][at] for run in runs], axis=0) for at in range(len(blocks))]
            high = [np.max([run[1][at] for run in runs], axis=0) for at in range(len(blocks))]
            steps = [_step(largest, value.op.type) for largest, value in zip(high, values, strict=True)]
            sizes = dict(zip(step_sizes, steps, strict=True))
            costs = [np.zeros(len(found)) for found in low]
            for tensor in tensors[:: max(1, len(tensors) // _GRADIENT_PICTURES)]:
                # With random signs the square of the sum is, on average, the sum of the logits' squares.
                drawn = signs.choice([-1.0, 1.0], size=logits.shape)
                found = session.run(changes, {feed: tensor, sign: drawn, **sizes})
                costs = [cost + np.square(change) for cost, change in zip(costs, found, strict=True)]
    return [
        _Statistics(np.float64(low[at]), np.float64(high[at]), costs[at], np.float64(runs[0][2][at]))
        for at in range(len(blocks))
    ]


def _centred_logits(output: Any) -> Any:
    """Return a stage's centred logits, ``(labels,)``, from its logits or its map."""
    tf = tensorflow()
    logits = tf.reduce_mean(tf.reshape(output, (-1, output.shape[-1])), axis=0)
    return logits - tf.reduce_mean(logits)


class _BlockWriter:
    """Writes copies into one block of a graph: constants per channel, the shift and its subtraction."""

    def __init__(self, changed: Any, block: _Block, copies: dict[int, list[int]], step: float) -> None:
        self._changed, self._block, self._copies, self._step = changed, block, copies, step
        self._index = GraphIndex(changed)
        self._nodes = self._index.nodes

    def write(self, idle: Array) -> None:
        """Change the graph; ``idle`` is the input of the pointwise convolution at idle channels."""
        block = self._block
        for name in (block.convolution, *block.to_rectifier):
            self._copy_columns(name)
        for name in (block.depthwise, *block.to_pointwise):
            self._copy_columns(name, axis=2 if name == block.depthwise else -1)
        shifts = self._shifts(len(idle))
        kernel = np.float64(self._constant(block.depthwise)).sum(axis=(0, 1))[:, 0]
        self._nodes[block.rectifier].input[0] = self._add_bias(
            self._nodes[block.rectifier].input[0], f"{block.rectifier}/shifted", shifts
        )
        self._add_after(block.depthwise, "unshifted", -shifts * self._copy(kernel))
        pointwise = np.float64(self._constant(block.pointwise))
        used = [place for places in self._copies.values() for place in places]
        # Idle channels had a constant value, which becomes a bias.
        self._add_after(block.pointwise, "idle", idle[used] @ pointwise[0, 0, used])
        for channel, places in self._copies.items():
            together = [channel, *places]
            pointwise[:, :, together] = pointwise[:, :, [channel]] / len(together)
        self._set_kernel(block.pointwise, pointwise)

    def _shifts(self, channels: int) -> Array:
        shifts = np.zeros(channels)
        for places in self._copies.values():
            for at, place in enumerate(places, start=1):
                shifts[place] = self._step * at / (len(places) + 1)
        return shifts

    def _copy(self, values: NDArray[Any], axis: int = -1) -> NDArray[Any]:
        taken = np.arange(values.shape[axis])
        for channel, places in self._copies.items():
            taken[places] = channel
        return np.take(values, taken, axis=axis)

    def _copy_columns(self, name: str, axis: int = -1) -> None:
        """Give a node's constants at each idle channel their value at the channel that it copies."""
        for at, ref in enumerate(self._index.inputs(name)):
            if _depends_on_picture(self._index, ref):
                continue
            value = self._value(ref)
            if value.ndim and value.shape[axis] > 1:
                copied = add_constant(self._changed, f"{name}/copied_{at}", self._copy(value, axis))
                self._nodes[name].input[at] = copied

    def _constant(self, convolution: str) -> NDArray[Any]:
        return self._value(self._index.inputs(convolution)[1])

    def _value(self, ref: Ref) -> NDArray[Any]:
        """Compute a tensor that depends on constants alone."""
        tf = tensorflow()
        with tf.Graph().as_default() as graph:
            tf.import_graph_def(self._changed, name="")
            with tf.compat.v1.Session(graph=graph) as session:
                return np.asarray(session.run(f"{ref.node}:{ref.output}"))

    def _set_kernel(self, convolution: str, kernel: Array) -> None:
        constant = add_constant(self._changed, f"{convolution}/shared_kernel", kernel.astype(np.float32))
        self._nodes[convolution].input[1] = constant

    def _add_after(self, name: str, suffix: str, bias: Array) -> None:
        redirect_readers(self._changed, name, f"{name}/{suffix}")
        self._add_bias(name, f"{name}/{suffix}", bias)

    def _add_bias(self, source: str, name: str, bias: Array) -> str:
        node = self._changed.node.add()
        node.name, node.op = name, "BiasAdd"
        node.input.extend([source, add_constant(self._changed, f"{name}_by", bias.astype(np.float32))])
        node.attr["T"].type = tensorflow().float32.as_datatype_enum
        node.attr["data_format"].s = b"NHWC"
        return name
