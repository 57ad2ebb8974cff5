"""Find how a graph's output tells its classes apart: by a softmax, as logits, or by one sigmoid per label."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.nodes.graph_edit import add_constant
from converter.nodes.graph_index import GraphIndex, Ref
from converter.tensorflow_import import tensorflow

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHAPE_OPS = frozenset({"Reshape", "Squeeze", "ExpandDims", "Cast"})
_LINEAR_LAYERS = frozenset(
    {"MatMul", "Conv2D", "DepthwiseConv2dNative", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum"}
)
_SUMS = frozenset({"Add", "AddV2", "AddN", "BiasAdd", "Sub", "Mean", "AvgPool", "ConcatV2"})
_SCALINGS = frozenset({"Mul", "RealDiv"})  # by a constant


class OutputForm(str, Enum):
    """What a graph makes of its logits."""

    SOFTMAX = "softmax"
    LOGITS = "logits"
    SIGMOID = "sigmoid"  # one per label: the labels are independent of each other
    ONE_SIGMOID = "one sigmoid"  # of two labels the second's probability


class UnknownOutputError(Exception):
    """An output is squashed by something that is no softmax or sigmoid; the message names the op."""


@dataclass(frozen=True, slots=True)
class OutputContract:
    """What a graph says of a picture.

    Attributes:
        tensor: the graph's output, as the user knows it.
        form: what the graph makes of its logits.
        classes: number of labels.
    """

    tensor: str
    form: OutputForm
    classes: int

    @property
    def is_independent(self) -> bool:
        """Whether each label has a probability of its own, so that they need not sum to 1."""
        return self.form is OutputForm.SIGMOID


def describe_output(contract: OutputContract) -> Iterator[tuple[str, str]]:
    """Yield each fact's name and a line about it."""
    yield "answer", f"{contract.classes} labels: {_MEANINGS[contract.form]}"
    if contract.is_independent:
        yield (
            "thresholds",
            "per label, 0.5 unless told: --threshold LABEL=P; in a cascade file thresholds = { label = P }",
        )


def find_form(graph: GraphIndex, output: Ref) -> tuple[OutputForm, Ref]:
    """Return the form of an output and its logits, which 8 bits resolve better than probabilities.

    Raises:
        UnknownOutputError: it is squashed by something else.
    """
    ref = _skip_shapes(graph, output)
    op = graph.op(ref.node)
    if op in {"Softmax", "LogSoftmax", "Sigmoid"}:
        form = OutputForm.SIGMOID if op == "Sigmoid" else OutputForm.SOFTMAX
        return form, graph.resolve(graph.inputs(ref.node)[0])
    if op == "Log":  # of a softmax, or it is nothing that is known
        form, logits = find_form(graph, graph.inputs(ref.node)[0])
        if form is OutputForm.SOFTMAX:
            return form, logits
    if op == "RealDiv" and (exponents := _read_written_softmax(graph, ref)) is not None:
        return OutputForm.SOFTMAX, exponents
    if (squashing := _find_squashing(graph, ref)) is not None:
        known = squashing in {"Softmax", "Sigmoid"}
        raise UnknownOutputError(f"arithmetic on a {squashing}" if known else squashing)
    return OutputForm.LOGITS, graph.resolve(output)


def widen_one_sigmoid(graph_def: Any, logits: Ref) -> Ref:
    """Add two logits whose softmax gives ``1 - sigmoid`` and ``sigmoid`` of the one logit; return them."""
    float_type, name = tensorflow().float32.as_datatype_enum, f"{logits.node}/of_two"
    shape = add_constant(graph_def, f"{name}/shape", np.array([1, 1], np.int32))
    kernel = add_constant(graph_def, f"{name}/kernel", np.array([[0, 1]], np.float32))
    flat, product = graph_def.node.add(), graph_def.node.add()
    flat.name, flat.op = f"{name}/flat", "Reshape"
    flat.input.extend([f"{logits.node}:{logits.output}" if logits.output else logits.node, shape])
    flat.attr["T"].type, flat.attr["Tshape"].type = float_type, tensorflow().int32.as_datatype_enum
    product.name, product.op = name, "MatMul"
    product.input.extend([flat.name, kernel])
    product.attr["T"].type = float_type
    return Ref(name)


_MEANINGS = {
    OutputForm.SOFTMAX: "one of them, by a softmax",
    OutputForm.LOGITS: "one of them, by a softmax of the logits that the graph gives",
    OutputForm.SIGMOID: "independent of each other, by a sigmoid each, kept as they are",
    OutputForm.ONE_SIGMOID: "one of them; the one sigmoid is the second's, as Keras numbers them",
}


def _skip_shapes(graph: GraphIndex, ref: Ref) -> Ref:
    ref = graph.resolve(ref)
    while graph.op(ref.node) in _SHAPE_OPS:
        ref = graph.resolve(graph.inputs(ref.node)[0])
    return ref


def _read_written_softmax(graph: GraphIndex, ref: Ref) -> Ref | None:
    """Return the exponents of ``exp(x) / sum(exp(x))``, if a division is that."""
    above, below = (_skip_shapes(graph, operand) for operand in graph.inputs(ref.node)[:2])
    if graph.op(above.node) != "Exp" or graph.op(below.node) != "Sum":
        return None
    summed, axes = graph.resolve(graph.inputs(below.node)[0]), graph.constant(graph.inputs(below.node)[1])
    if summed != above or axes is None or not np.any(axes):  # along the batch alone it is no softmax
        return None
    exponents = graph.resolve(graph.inputs(above.node)[0])
    if graph.op(exponents.node) == "Sub":  # of the largest, so that nothing overflows
        logits, largest = (graph.resolve(operand) for operand in graph.inputs(exponents.node)[:2])
        if graph.op(largest.node) == "Max" and graph.resolve(graph.inputs(largest.node)[0]) == logits:
            return logits
    return exponents


def _find_squashing(graph: GraphIndex, output: Ref) -> str | None:
    """Return the op that makes an output something else than a linear layer's numbers; None if none does."""
    pending, seen = [output], set[Ref]()
    while pending:
        ref = _skip_shapes(graph, pending.pop())
        op = graph.op(ref.node)
        if ref in seen or op in _LINEAR_LAYERS:
            continue
        seen.add(ref)
        open_inputs = [at for at in graph.inputs(ref.node) if graph.constant(at) is None] if op else []
        if op not in _SUMS | _SCALINGS or (op in _SCALINGS and len(open_inputs) != 1):
            return op or "nothing"
        if op == "RealDiv" and graph.constant(graph.inputs(ref.node)[0]) is not None:
            return op
        pending += open_inputs
    return None
