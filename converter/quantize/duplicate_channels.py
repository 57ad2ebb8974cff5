"""Channels of one tensor kept twice, half a step of 8 bits apart, where that costs nothing.

In MobileNet v1 most of what 8 bits cost is the rounding behind the first convolution: smooth parts of a
picture give values that hardly vary, all of them are rounded the same way, and the depthwise convolution
multiplies the small differences by twenty. Seven of the 32 channels there answer zero to every picture. Each
such place takes a copy of a channel that matters, shifted by half a step of the 8-bit tensor; the depthwise
convolution takes the shift off again and the pointwise one reads the mean of both. The mean of two numbers
rounded half a step apart has half the error of one, and the model does no more work than before.

Only channels that a rectifier never cuts off can be shifted, and only in large maps: what a convolution
reads beyond the border is zero, shifted or not, and of a small map the border is a large part. Which channels
matter is told by the gradient: what the rounding of a channel changes the stages' logits by, to first order,
on the calibration pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.graphs.graph_edit import add_constant, read_from
from converter.graphs.graph_index import GraphIndex, Ref, static_shapes
from converter.tensorflow_import import tensorflow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_RECTIFIERS = frozenset({"Relu", "Relu6"})
_RELU6_TOP = 6.0
# Behind a convolution these do something to each channel for itself, with constants.
_CHANNELWISE = frozenset(
    {"Mul", "Add", "AddV2", "Sub", "BiasAdd", "FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"}
)
_STEPS = 255
_SMALLEST_MAP = 64  # rows and columns: less than a fifteenth of the positions then see the border
_ASKED_PICTURES = 40  # so many tell which channels matter


@dataclass(frozen=True, slots=True)
class _Block:
    """A convolution, a depthwise one, and a pointwise one that reads the mean of copies.

    Attributes:
        convolution: a Conv2D.
        to_rectifier: what lies behind it, up to the rectifier, which the depthwise convolution alone reads.
        rectifier: whose 8-bit tensor the copies stand in.
        depthwise: a DepthwiseConv2dNative with one output per channel.
        to_pointwise: what lies behind that, up to a second rectifier.
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
class _Seen:
    """What the calibration pictures show of a rectifier's channels, each ``(channels,)``.

    Attributes:
        low, high: least and largest value before the rectifier.
        cost: mean square of what rounding the channel to 8 bits changes the logits by.
        idle: the second rectifier's value where the channel is zero.
    """

    low: Array
    high: Array
    cost: Array
    idle: Array


def with_doubled_channels(
    graph_def: Any, input_name: str, outputs: Sequence[str], tensors: Sequence[NDArray[np.float32]]
) -> Any:
    """Return the graph with idle channels in use as copies of others; it computes the same.

    Args:
        graph_def: a fused graph, its channels equalized; not changed.
        input_name: its placeholder.
        outputs: names of the stages' logits or maps.
        tensors: inputs ``(1, height, width, 3)`` of the calibration pictures.
    """
    index = GraphIndex(graph_def)
    shapes = static_shapes(graph_def)
    blocks = [block for name in index.nodes if _is_large(shapes[name]) and (block := _block(index, name))]
    changed = tensorflow().compat.v1.GraphDef()
    changed.CopyFrom(graph_def)
    if not blocks:
        return changed
    for block, seen in zip(blocks, _seen(graph_def, input_name, outputs, blocks, tensors), strict=True):
        rectifier = index.op(block.rectifier)
        copies = copies_of(seen.low, seen.high, seen.cost, rectifier)
        # One block's last convolution is the next one's first, so each is found again in what became of it.
        if copies and (found := _block(GraphIndex(changed), block.rectifier)):
            _Copying(changed, found, copies, _step(seen.high, rectifier)).write(seen.idle)
    return changed


def copies_of(low: Array, high: Array, cost: Array, rectifier: str = "Relu6") -> dict[int, list[int]]:
    """Return the idle channels that each channel gets for its copies, largest gain first.

    Args:
        low: least value of each channel before the rectifier, ``(channels,)``.
        high: largest value, alike.
        cost: what rounding it costs; k copies leave 1 / k² of that.
        rectifier: its op; what it cuts off cannot be shifted.
    """
    top = _RELU6_TOP if rectifier == "Relu6" else np.inf
    step = _step(high, rectifier)
    shiftable = (low > 0) & (high + step <= top) & (cost > 0)
    # Pictures that come later reach further: a channel is idle if as much again would not wake it.
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
    """Return the step of the 8-bit tensor behind a rectifier."""
    top = float(high.max())
    return (min(top, _RELU6_TOP) if rectifier == "Relu6" else top) / _STEPS


def _block(index: GraphIndex, rectifier: str) -> _Block | None:
    if index.op(rectifier) not in _RECTIFIERS:
        return None
    before = _chain(index, rectifier, "Conv2D")
    depthwise = _only_reader(index, rectifier, "DepthwiseConv2dNative")
    if before is None or depthwise is None or _kernel_shape(index, depthwise)[3:] != (1,):
        return None
    behind, name = list[str](), depthwise
    while (readers := index.consumers(name)) and len(readers) == 1:
        (name,) = readers
        if index.op(name) in _RECTIFIERS:
            break
        behind.append(name)
    pointwise = _only_reader(index, name, "Conv2D")
    chain = _chain(index, name, "DepthwiseConv2dNative") if index.op(name) in _RECTIFIERS else None
    if pointwise is None or chain is None or _kernel_shape(index, pointwise)[:2] != (1, 1):
        return None
    return _Block(before[0], before[1], rectifier, depthwise, tuple(behind), name, pointwise)


def _chain(index: GraphIndex, rectifier: str, op: str) -> tuple[str, tuple[str, ...]] | None:
    """Return the convolution before a rectifier and what lies between them, if each has that one reader."""
    found, name = list[str](), index.inputs(rectifier)[0].node
    while index.op(name) in _CHANNELWISE and len(index.consumers(name)) == 1:
        found.append(name)
        sources = [ref.node for ref in index.inputs(name) if _of_picture(index, ref)]
        if len(sources) != 1:
            return None
        (name,) = sources
    if index.op(name) != op or len(index.consumers(name)) != 1 or not _kernel_shape(index, name):
        return None
    return name, tuple(reversed(found))


def _of_picture(index: GraphIndex, ref: Ref) -> bool:
    """Return whether a tensor hangs on the picture rather than on constants alone."""
    return any(index.op(node) == "Placeholder" for node in index.upstream([ref]))


def _only_reader(index: GraphIndex, name: str, op: str) -> str | None:
    """Return the only reader of a node, if it is a convolution of it with a constant kernel."""
    readers = index.consumers(name)
    if len(readers) != 1 or index.op(readers[0]) != op or not _kernel_shape(index, readers[0]):
        return None
    return readers[0] if index.inputs(readers[0])[0] == Ref(name) else None


def _kernel_shape(index: GraphIndex, convolution: str) -> tuple[int, ...]:
    """Return the shape of a constant kernel; () where it is none, or channels come first."""
    if index.nodes[convolution].attr["data_format"].s == b"NCHW":
        return ()
    kernel = index.constant(index.inputs(convolution)[1])
    return () if kernel is None else kernel.shape


def _seen(
    graph_def: Any,
    input_name: str,
    outputs: Sequence[str],
    blocks: Sequence[_Block],
    tensors: Sequence[NDArray[np.float32]],
) -> list[_Seen]:
    tf = tensorflow()
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
        logits = tf.concat([_pooled(graph.get_tensor_by_name(f"{name}:0")) for name in outputs], axis=0)
        sign = tf.compat.v1.placeholder(tf.float32, logits.shape)
        slopes = tf.gradients(tf.reduce_sum(logits * sign), values)
        changes = [
            tf.reduce_sum(slope * (tf.round(value / step) * step - value), axis=axes)
            for slope, value, step in zip(slopes, values, step_sizes, strict=True)
        ]
        with tf.compat.v1.Session(graph=graph) as session:
            runs = [session.run([lows, highs, middles], {f"{input_name}:0": tensor}) for tensor in tensors]
            low = [np.min([run[0][at] for run in runs], axis=0) for at in range(len(blocks))]
            high = [np.max([run[1][at] for run in runs], axis=0) for at in range(len(blocks))]
            steps = [_step(largest, value.op.type) for largest, value in zip(high, values, strict=True)]
            sizes = dict(zip(step_sizes, steps, strict=True))
            costs = [np.zeros(len(found)) for found in low]
            for tensor in tensors[:: max(1, len(tensors) // _ASKED_PICTURES)]:
                # Signs by chance: squares of the sum are then, on average, the sum of every logit's squares.
                drawn = signs.choice([-1.0, 1.0], size=logits.shape)
                found = session.run(changes, {f"{input_name}:0": tensor, sign: drawn, **sizes})
                costs = [cost + np.square(change) for cost, change in zip(costs, found, strict=True)]
    return [
        _Seen(np.float64(low[at]), np.float64(high[at]), costs[at], np.float64(runs[0][2][at]))
        for at in range(len(blocks))
    ]


def _pooled(output: Any) -> Any:
    """Return a stage's centred logits, ``(labels,)``, from its logits or its map."""
    tf = tensorflow()
    logits = tf.reduce_mean(tf.reshape(output, (-1, output.shape[-1])), axis=0)
    return logits - tf.reduce_mean(logits)


class _Copying:
    """One block of a graph being changed: columns of constants copied, the shift put on and taken off."""

    def __init__(self, changed: Any, block: _Block, copies: dict[int, list[int]], step: float) -> None:
        self._changed, self._block, self._copies, self._step = changed, block, copies, step
        self._index = GraphIndex(changed)
        self._nodes = self._index.nodes

    def write(self, idle: Array) -> None:
        """Change the graph; ``idle`` is what the pointwise convolution reads of idle channels."""
        block = self._block
        for name in (block.convolution, *block.to_rectifier):
            self._copy_columns(name)
        for name in (block.depthwise, *block.to_pointwise):
            self._copy_columns(name, axis=2 if name == block.depthwise else -1)
        shifts = self._shifts(len(idle))
        kernel = np.float64(self._constant(block.depthwise)).sum(axis=(0, 1))[:, 0]
        self._nodes[block.rectifier].input[0] = self._added(
            self._nodes[block.rectifier].input[0], f"{block.rectifier}/shifted", shifts
        )
        self._behind(block.depthwise, "unshifted", -shifts * self._copied(kernel))
        pointwise = np.float64(self._constant(block.pointwise))
        used = [place for places in self._copies.values() for place in places]
        # What the idle channels said all the same was always the same.
        self._behind(block.pointwise, "idle", idle[used] @ pointwise[0, 0, used])
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

    def _copied(self, values: NDArray[Any], axis: int = -1) -> NDArray[Any]:
        taken = np.arange(values.shape[axis])
        for channel, places in self._copies.items():
            taken[places] = channel
        return np.take(values, taken, axis=axis)

    def _copy_columns(self, name: str, axis: int = -1) -> None:
        """Let a node's constants say at each idle channel what they say at the channel it copies."""
        for at, ref in enumerate(self._index.inputs(name)):
            if _of_picture(self._index, ref):
                continue
            value = self._value(ref)
            if value.ndim and value.shape[axis] > 1:
                told = f"{name}/copied_{at}"
                self._nodes[name].input[at] = add_constant(self._changed, told, self._copied(value, axis))

    def _constant(self, convolution: str) -> NDArray[Any]:
        return self._value(self._index.inputs(convolution)[1])

    def _value(self, ref: Ref) -> NDArray[Any]:
        """Return what a tensor that hangs on constants alone comes to."""
        tf = tensorflow()
        with tf.Graph().as_default() as graph:
            tf.import_graph_def(self._changed, name="")
            with tf.compat.v1.Session(graph=graph) as session:
                return np.asarray(session.run(f"{ref.node}:{ref.output}"))

    def _set_kernel(self, convolution: str, kernel: Array) -> None:
        constant = add_constant(self._changed, f"{convolution}/shared_kernel", kernel.astype(np.float32))
        self._nodes[convolution].input[1] = constant

    def _behind(self, name: str, suffix: str, bias: Array) -> None:
        read_from(self._changed, name, f"{name}/{suffix}")
        self._added(name, f"{name}/{suffix}", bias)

    def _added(self, source: str, name: str, bias: Array) -> str:
        node = self._changed.node.add()
        node.name, node.op = name, "BiasAdd"
        node.input.extend([source, add_constant(self._changed, f"{name}_by", bias.astype(np.float32))])
        node.attr["T"].type = tensorflow().float32.as_datatype_enum
        node.attr["data_format"].s = b"NHWC"
        return name
