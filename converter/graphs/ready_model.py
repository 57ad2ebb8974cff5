"""Make a classifier that is a `.tflite` file already fit for a bundle: its numbers stay as they are."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from converter.nodes.output_contract import OutputContract, OutputForm
from converter.tflite.foreign_file import describe_tensor
from converter.tflite.metadata_reader import read_metadata
from converter.tflite.tflite_edit import ModelEditor
from converter.tflite.tflite_file import (
    encode_model,
    list_operators,
    parse_model,
    set_input,
)
from edge_node.errors import GraphError
from edge_node.inference.interpreter import Interpreter
from edge_node.inference.manifest import OutputKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from converter.graphs.scaling import Preprocessing
    from converter.nodes.graph_index import Ref
    from converter.tflite.foreign_file import ForeignFile, TensorFacts
    from converter.tflite.skeleton import Sketch

NO_MAP = "it is a .tflite file already, whose last layer stays where it is"
# Spans of real numbers that a picture's darkest and brightest value become, with mean and std.
_USUAL_SPANS = {
    (0.0, 1.0): (0.0, 255.0),
    (-1.0, 1.0): (127.5, 127.5),
    (0.0, 255.0): (0.0, 1.0),
    (-128.0, 127.0): (128.0, 1.0),
}
_FLAG_TOLERANCE = 0.3  # of the span: scaling per channel leaves a part of it unused
_SPAN_TOLERANCE = 0.04  # of the span
_WHITE_TOLERANCE = 0.4  # of the span: calibration pictures may be dark


@dataclass(frozen=True, slots=True)
class StatedInput:
    """What a `.tflite` file says of its input beside its ops.

    Attributes:
        dtype: of the input's numbers.
        source: where mean and std come from; empty if nothing states them.
        mean: taken from each pixel.
        std: divides what is left.
        colours: order that the metadata state, or None.
        span: real numbers that its lowest and highest integers stand for; None without such bounds.
    """

    dtype: str
    source: str = ""
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    colours: Literal["RGB", "GREY"] | None = None
    span: tuple[float, float] | None = None

    def refuses(self, means: Sequence[float], stds: Sequence[float]) -> bool:
        """Return whether a picture scaled so would lie far from the numbers that it can take."""
        pairs = [((0 - mean) / std, (255 - mean) / std) for mean, std in zip(means, stds, strict=True)]
        return self.span is not None and not all(
            _is_close(self.span, pair, _FLAG_TOLERANCE) for pair in pairs
        )


@dataclass(frozen=True, slots=True)
class ReadyModel:
    """A `.tflite` file as the bundle takes it.

    Attributes:
        content: the file; byte for byte the user's where it ends in a softmax or in logits.
        mode: its number format, as ``--quantize`` calls it.
        tensor: its output.
        kind: of the output's numbers.
        changes: in words, what of the file had to change; none if it is the user's byte for byte.
    """

    content: bytes = field(repr=False)
    mode: Literal["int8", "int8-float-io", "int16x8", "float16", "dynamic", "none"]
    tensor: str
    kind: OutputKind
    changes: tuple[str, ...] = ()


def state_input(file: ForeignFile) -> StatedInput:
    """Return what metadata and quantization say of a file's one input."""
    tensor = file.inputs[0]
    found = read_metadata(file.model, file.content)
    colours = None if found is None else found.colours
    span = _real_span(tensor) or _quantized_span(file)
    if found is not None and found.mean and found.std and all(found.std):
        ends = [
            [(value - mean) / std for value in (0.0, 255.0)]
            for mean, std in zip(found.mean, found.std, strict=False)
        ]
        if span is None or all(_is_close(span, tuple(pair), 0.1) for pair in ends):
            return StatedInput(tensor.dtype, "its metadata", found.mean, found.std, colours, span)
    for usual, (mean, std) in _USUAL_SPANS.items():
        if span is not None and _is_part(span, usual):
            source = f"its 8 bits stand for {span[0]:.3g} to {span[1]:.3g}"
            return StatedInput(tensor.dtype, source, (mean,), (std,), colours, span)
    return StatedInput(tensor.dtype, colours=colours, span=span)


def fit_model(
    path: Path,
    read: tuple[ForeignFile, Sketch],
    rule: Preprocessing,
    contract: OutputContract,
    logits: Ref,
) -> ReadyModel:
    """Return the file as the bundle takes it.

    A sigmoid at the end is cut off, because the node makes probabilities of logits; one sigmoid becomes two
    logits; an open size is fixed.

    Args:
        path: of the file, for messages.
        read: the file, and its sketch.
        rule: size of the input.
        contract: of the output.
        logits: the node before its softmax or sigmoid.

    Raises:
        GraphError: the TFLite runtime does not run it.
    """
    (file, sketch), form, output = read, contract.form, contract.tensor
    tensor, model = file.inputs[0], parse_model(file.content)
    at, editor = sketch.tensor(output), ModelEditor(model)
    changes = list[str]()
    if form in {OutputForm.SIGMOID, OutputForm.ONE_SIGMOID}:
        at = sketch.tensor(logits.node)
        if at is None:
            raise GraphError(f"{path}: what its sigmoid is made of cannot be taken out; give the graph")
        editor.keep([editor.input], [at])
        at = int(model.subgraphs[0].outputs[0])  # tensors were renumbered
        changes.append("its sigmoid is left to the node")
    if at is None:
        raise GraphError(f"{path}: output {output!r} is inside another op; name another --output-layer")
    name = model.subgraphs[0].tensors[at].name.decode()
    if form is OutputForm.ONE_SIGMOID:
        name = f"{name}/of_two"
        _put_zero_before(editor, model, at, name)
    is_first, is_bare = tensor.signature[1] == 3, tensor.scale == 0 and tensor.dtype != "float32"
    shape = (1, 3, rule.height, rule.width) if is_first else (1, rule.height, rule.width, 3)
    if is_bare or tensor.shape != shape:
        set_input(model, shape, scale=1.0 if is_bare else None)
        changes.append("its size is fixed" if tensor.shape != shape else "its bytes have a scale")
    if is_first:
        _take_channels_last(editor, model, f"{tensor.name}/channels_last")
        changes.append("its channels are turned round")
    content = encode_model(model) if changes else file.content
    Interpreter(content, where=str(path))
    kept = form is OutputForm.SOFTMAX and not _is_logarithm(sketch, output)
    kind = OutputKind.PROBABILITIES if kept else OutputKind.LOGITS
    return ReadyModel(content, file.mode, name, kind, tuple(changes))  # type: ignore[arg-type]  # as _find_mode has it


def refuse_unfit(path: Path, file: ForeignFile) -> None:
    """Refuse a file whose input is no single picture, before anything is derived of it.

    Raises:
        GraphError: it is one.
    """
    if len(file.inputs) != 1:
        names = ", ".join(tensor.name for tensor in file.inputs) or "none"
        raise GraphError(f"{path}: {len(file.inputs)} inputs ({names}), wanted one picture")
    tensor = file.inputs[0]
    if tensor.dtype not in {"float32", "uint8", "int8"}:
        raise GraphError(
            f"{path}: input {tensor.name!r} is {tensor.dtype}, wanted float32, uint8 or int8; convert the"
            " graph that it was made from"
        )
    if len(tensor.signature) != 4:
        raise GraphError(
            f"{path}: input {tensor.name!r} is of shape {tensor.shape}, wanted a picture:"
            " (1, height, width, 3)"
        )
    if tensor.shape[0] != 1:
        raise GraphError(
            f"{path}: input {tensor.name!r} takes {tensor.shape[0]} pictures at a time, wanted one; convert"
            " the graph that it was made from with a batch of 1"
        )


def count_labels(path: Path, tensor: TensorFacts) -> int:
    """Return how many labels an output has.

    Raises:
        GraphError: it is no vector of one value per label.
    """
    if tensor.dtype not in {"float32", "uint8", "int8", "int16"} or (
        tensor.dtype != "float32" and tensor.scale == 0
    ):
        raise GraphError(
            f"{path}: output {tensor.name!r} is {tensor.dtype}, which is no value per label; name a"
            " classifier's output with --output-layer"
        )
    if not tensor.shape or math.prod(tensor.shape) != tensor.shape[-1]:
        raise GraphError(
            f"{path}: output {tensor.name!r} is of shape {tensor.shape}, wanted (1, classes): no classifier"
            " of whole pictures; name a classifier's output with --output-layer"
        )
    return tensor.shape[-1]


def _put_zero_before(editor: ModelEditor, model: Any, at: int, name: str) -> None:
    """Put a 0 before the one number of tensor ``at``, and make both the output: logits of two labels."""
    tensor = describe_tensor(model, at)
    zero = editor.add_constant(f"{name}/zero", np.array([[tensor.zero_point]], tensor.dtype), like=at)
    pair = editor.add_tensor(name, (1, 2), tensor.dtype, like=at)
    model.subgraphs[0].outputs = [editor.append("CONCATENATION", [zero, at], pair, axis=1)]


def _take_channels_last(editor: ModelEditor, model: Any, name: str) -> None:
    """Let a model whose input has its channels first take them last."""
    source = editor.input
    tensor = describe_tensor(model, source)
    _, channels, height, width = tensor.shape
    order = editor.add_constant(f"{name}/order", np.array([0, 3, 1, 2], np.int32))
    last = editor.add_tensor(name, (1, height, width, channels), tensor.dtype, like=source)
    editor.prepend([("TRANSPOSE", [last, order], source, {})])
    model.subgraphs[0].inputs = [last]
    model.signatureDefs = None  # they name the input that is no more


def _is_logarithm(sketch: Sketch, output: str) -> bool:
    """Return whether an output holds logarithms of probabilities, of which a softmax makes probabilities."""
    ops = {node.name: node.op for node in sketch.graph_def.node}
    inputs = {node.name: list(node.input) for node in sketch.graph_def.node}
    name = output
    while ops.get(name) in {"Identity", "Reshape", "Squeeze", "ExpandDims"}:
        name = inputs[name][0]
    return ops.get(name) in {"LogSoftmax", "Log"}


def _real_span(tensor: TensorFacts) -> tuple[float, float] | None:
    """Return the real numbers that an integer input's lowest and highest stand for."""
    if tensor.dtype not in {"int8", "uint8"} or tensor.scale == 0:
        return None
    low, high = (0, 255) if tensor.dtype == "uint8" else (-128, 127)
    return (low - tensor.zero_point) * tensor.scale, (high - tensor.zero_point) * tensor.scale


def _quantized_span(file: ForeignFile) -> tuple[float, float] | None:
    """Return the same of a float input that the first operator turns into 8 bits."""
    readers = [
        (operator, read)
        for operator, read in list_operators(file.model)
        if file.inputs[0].at in map(int, operator.inputs)
    ]
    if len(readers) != 1 or readers[0][1].name != "QUANTIZE":
        return None
    return _real_span(describe_tensor(file.model, int(readers[0][0].outputs[0])))


def _is_part(span: tuple[float, float], usual: tuple[float, float]) -> bool:
    """Return whether calibration on pictures without white would leave this of a usual span."""
    width = usual[1] - usual[0]
    low, high = (abs(span[0] - usual[0]) / width, (usual[1] - span[1]) / width)
    return low <= _SPAN_TOLERANCE and -_SPAN_TOLERANCE <= high <= _WHITE_TOLERANCE


def _is_close(span: tuple[float, float], usual: tuple[float, ...], tolerance: float) -> bool:
    allowed = tolerance * (usual[1] - usual[0])
    return all(abs(found - wanted) <= allowed for found, wanted in zip(span, usual, strict=True))
