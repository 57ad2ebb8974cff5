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

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.nodes.graph_edit import add_constant, redirect_readers
from converter.nodes.graph_index import CONVOLUTIONS, GraphIndex
from converter.tensorflow_import import tensorflow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from converter.quantize.tflite_converter import StepContext

    Array = NDArray[np.float64]

CORRECTED = "/corrected"  # suffix of a convolution's name: the node that subtracts its mean error
_TOP = 127  # int8 weights are symmetric: -127 to 127
_TINY = 1e-30
_POSITIONS = 64  # per picture for covariances; neighbouring positions are much alike
_WIDEST = 2048  # inputs of one output; a wider convolution's weights are rounded to their nearest
_DAMPING = 0.01  # of the mean variance, for inputs that hardly vary
_BLOCK = 64  # weights whose errors are passed on together to all later ones
_BRANCHES = 512  # roundings that are followed at once: all of a 3x3 kernel's nine weights
_FEW = 25  # inputs of one output up to which both neighbours of each weight are tried


@dataclass(frozen=True, slots=True)
class _Kernel:
    """A convolution's weights as matrices: ``(groups, inputs, outputs)``.

    A convolution is one group; a depthwise one has a group per channel.
    """

    name: str
    shape: tuple[int, ...]
    depthwise: bool
    matrices: Array

    def reshape(self, matrices: Array) -> NDArray[np.float32]:
        """Return matrices in the kernel's own shape."""
        rows, columns, channels, outputs = self.shape
        if self.depthwise:
            matrices = matrices.reshape(channels, rows, columns, outputs).transpose(1, 2, 0, 3)
        return np.asarray(matrices.reshape(self.shape), np.float32)


@dataclass(frozen=True, slots=True)
class _Inputs:
    """Statistics of a convolution's inputs over the calibration pictures.

    Attributes:
        mean: ``(groups, inputs)``.
        covariance: ``(groups, inputs, inputs)``; None where it would be too large.
    """

    mean: Array
    covariance: Array | None


def round_weights(graph_def: Any, context: StepContext) -> Any:
    """Return the graph with the weights of all convolutions on the grid that a converter will find for them.

    Args:
        graph_def: a fused graph; not changed.
        context: its input and the calibration pictures.
    """
    index = GraphIndex(graph_def)
    kernels = [kernel for name in index.nodes if (kernel := _read_kernel(index, name))]
    found = _measure(graph_def, context.input, kernels, context.tensors)
    rounded = tensorflow().compat.v1.GraphDef()
    rounded.CopyFrom(graph_def)
    nodes = {node.name: node for node in rounded.node}
    shifts = {}
    for kernel, inputs in zip(kernels, found, strict=True):
        matrices = round_to_grid(kernel.matrices, inputs.covariance)
        error = matrices - kernel.matrices
        shifts[kernel.name] = np.einsum("gi,gio->go", inputs.mean, error).reshape(-1)
        nodes[kernel.name].input[1] = add_constant(
            rounded, f"{kernel.name}/rounded", kernel.reshape(matrices)
        )
    for name in shifts:
        redirect_readers(rounded, name, f"{name}{CORRECTED}")
    for name, shift in shifts.items():
        _add_after(rounded, name, -shift.astype(np.float32))
    return rounded


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
    groups, count = weights.shape
    rest, cost = sorted_weights[:, np.newaxis], np.zeros((groups, 1))
    found = np.zeros((groups, 1, count))
    for at in range(count):
        steps = np.floor(rest[:, :, at] / scale[:, np.newaxis])[..., np.newaxis] + [0.0, 1.0]
        if at == 0:
            steps = np.rint(rest[:, :, at] / scale[:, np.newaxis])[..., np.newaxis]
        values = np.clip(steps, -_TOP, _TOP) * scale[:, np.newaxis, np.newaxis]
        losses = (rest[:, :, at, np.newaxis] - values) / factor[:, at, at, np.newaxis, np.newaxis]
        cost = (cost[..., np.newaxis] + np.square(losses)).reshape(groups, -1)
        later = np.where(np.arange(count) > at, factor[:, at], 0.0)[:, np.newaxis, np.newaxis]
        rest = (rest[:, :, np.newaxis] - losses[..., np.newaxis] * later).reshape(groups, -1, count)
        found = np.repeat(found, values.shape[-1], axis=1)
        found[:, :, at] = values.reshape(groups, -1)
        if cost.shape[1] > _BRANCHES:
            best = np.argpartition(cost, _BRANCHES, axis=1)[:, :_BRANCHES]
            cost = np.take_along_axis(cost, best, axis=1)
            rest, found = (np.take_along_axis(kept, best[..., np.newaxis], axis=1) for kept in (rest, found))
    chosen = found[np.arange(groups), cost.argmin(axis=1)]
    return np.take_along_axis(chosen, np.argsort(order, axis=1), axis=1)


def _factor_errors(covariance: Array) -> Array:
    """Return the upper Cholesky factor of the inverse covariance, dead inputs made harmless."""
    variance = np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0.0)  # float32 sums round below zero
    floor = _DAMPING * variance.mean(axis=1, keepdims=True) + _TINY
    damped = covariance + floor[..., np.newaxis] * np.eye(covariance.shape[1])
    # Scaled to a unit diagonal first: variances lie many powers of ten apart.
    spread = np.sqrt(np.diagonal(damped, axis1=1, axis2=2))
    inverse = np.linalg.inv(damped / (spread[:, :, np.newaxis] * spread[:, np.newaxis]))
    factor = np.swapaxes(np.linalg.cholesky((inverse + np.swapaxes(inverse, 1, 2)) / 2), 1, 2)
    return np.asarray(factor / spread[:, np.newaxis])


def _read_kernel(index: GraphIndex, name: str) -> _Kernel | None:
    """Return the weights of a convolution; None for other nodes."""
    if index.op(name) not in CONVOLUTIONS or index.nodes[name].attr["data_format"].s == b"NCHW":
        return None
    weights = index.constant(index.inputs(name)[1])
    if weights is None:
        return None
    rows, columns, channels, outputs = weights.shape
    if index.op(name) == "Conv2D":
        matrices = weights.reshape(1, rows * columns * channels, outputs)
        return _Kernel(name, weights.shape, depthwise=False, matrices=matrices.astype(np.float64))
    matrices = weights.reshape(rows * columns, channels, outputs).transpose(1, 0, 2)
    return _Kernel(name, weights.shape, depthwise=True, matrices=matrices.astype(np.float64))


def _measure(
    graph_def: Any, input_name: str, kernels: list[_Kernel], tensors: Iterable[NDArray[np.float32]]
) -> list[_Inputs]:
    """Measure the inputs of each convolution; sums stay inside TensorFlow, because they are large."""
    tf = tensorflow()
    nodes = {node.name: node for node in graph_def.node}
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
        sums, additions = [], []
        for kernel in kernels:
            values = _extract_patches(graph, nodes[kernel.name], kernel)
            totals = [tf.reduce_mean(values, axis=1)]
            if kernel.matrices.shape[1] <= _WIDEST:
                few = _sample_positions(values)
                squares = tf.matmul(few, few, transpose_a=True) / tf.cast(tf.shape(few)[1], tf.float32)
                totals += [tf.reduce_mean(few, axis=1), squares]
            for total in totals:
                sums.append(tf.compat.v1.Variable(tf.zeros(total.shape), use_resource=True, trainable=False))
                additions.append(sums[-1].assign_add(total).op)
        with tf.compat.v1.Session(graph=graph) as session:
            session.run([total.initializer for total in sums])
            pictures = 0
            for tensor in tensors:
                session.run(additions, {f"{input_name}:0": tensor})
                pictures += 1
            return list(_read_inputs(kernels, [np.float64(session.run(total)) / pictures for total in sums]))


def _read_inputs(kernels: list[_Kernel], means: list[Array]) -> Iterable[_Inputs]:
    remaining = iter(means)
    for kernel in kernels:
        mean, covariance = next(remaining), None
        if kernel.matrices.shape[1] <= _WIDEST:
            few, squares = next(remaining), next(remaining)
            covariance = squares - few[:, :, np.newaxis] * few[:, np.newaxis]
        yield _Inputs(mean, covariance)


def _extract_patches(graph: Any, node: Any, kernel: _Kernel) -> Any:
    """Return the values that a convolution multiplies its weights with, ``(groups, positions, inputs)``."""
    tf = tensorflow()
    rows, columns, channels, _ = kernel.shape
    source = node.input[0] if ":" in node.input[0] else f"{node.input[0]}:0"
    values, padding = graph.get_tensor_by_name(source), node.attr["padding"].s.decode()
    if padding == "EXPLICIT":
        pads = list(node.attr["explicit_paddings"].list.i)
        values, padding = tf.pad(values, [pads[at : at + 2] for at in range(0, 8, 2)]), "VALID"
    values = tf.image.extract_patches(
        values,
        sizes=[1, rows, columns, 1],
        strides=list(node.attr["strides"].list.i),
        rates=list(node.attr["dilations"].list.i) or [1, 1, 1, 1],
        padding=padding,
    )
    if not kernel.depthwise:
        return tf.reshape(values, (1, -1, rows * columns * channels))
    return tf.transpose(tf.reshape(values, (-1, rows * columns, channels)), (2, 0, 1))


def _sample_positions(values: Any) -> Any:
    """Return ``_POSITIONS`` evenly spaced positions of ``(groups, positions, inputs)``."""
    positions = values.shape[1]
    if positions is None or positions <= _POSITIONS:
        return values
    chosen = np.linspace(0, positions - 1, _POSITIONS).astype(np.int32)
    return tensorflow().gather(values, chosen, axis=1)


def _add_after(graph_def: Any, name: str, bias: NDArray[np.float32]) -> None:
    node = graph_def.node.add()
    node.name, node.op = f"{name}{CORRECTED}", "BiasAdd"
    node.input.extend([name, add_constant(graph_def, f"{name}/correction", bias)])
    node.attr["T"].type = tensorflow().float32.as_datatype_enum
    node.attr["data_format"].s = b"NHWC"
