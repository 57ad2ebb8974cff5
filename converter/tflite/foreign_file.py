"""Read what a `.tflite` file is: its inputs and outputs, its number format, ops that a robot cannot run."""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.tflite.tflite_file import WEIGHTED, list_operators, name_type, parse_model
from edge_node.errors import GraphError

if TYPE_CHECKING:
    from pathlib import Path

IDENTIFIER = b"TFL3"
_INTEGERS = frozenset({"INT8", "UINT8", "INT16"})


@dataclass(frozen=True, slots=True)
class TensorFacts:
    """One tensor of a model.

    Attributes:
        at: its number in the file.
        name: in the file.
        shape: as stored, with 1 for an open size.
        signature: the same, with None for an open size.
        dtype: numpy's name.
        scale: of its integers; 0 where they stand for themselves.
        zero_point: of its integers.
    """

    at: int
    name: str
    shape: tuple[int, ...]
    signature: tuple[int | None, ...]
    dtype: str
    scale: float
    zero_point: int


@dataclass(frozen=True, slots=True)
class ForeignFile:
    """A `.tflite` file that others made.

    Attributes:
        content: its bytes.
        inputs: of the model.
        outputs: of the model.
        mode: its number format, as ``--quantize`` calls it.
        model: the tree of the schema; not to be changed.
    """

    content: bytes = field(repr=False)
    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...]
    mode: str
    model: Any = field(repr=False)


def is_foreign_file(path: Path) -> bool:
    """Return whether a file is a TFLite model, by its first bytes."""
    try:
        with path.open("rb") as file:
            return file.read(8)[4:] == IDENTIFIER
    except OSError:
        return False


def read_foreign_file(path: Path, content: bytes) -> ForeignFile:
    """Read a `.tflite` file.

    Raises:
        GraphError: it is damaged, or holds ops that the TFLite runtime alone does not have.
    """
    try:
        model = parse_model(content)
        graph = model.subgraphs[0]
        inputs, outputs = (
            tuple(describe_tensor(model, at) for at in places) for places in (graph.inputs, graph.outputs)
        )
        mode = _find_mode(model, inputs)
    except (IndexError, TypeError, ValueError, KeyError, AttributeError, struct.error) as err:
        raise GraphError(
            f"{path}: a TFLite file that is damaged or cut off; copy or export it again"
        ) from err
    for code in model.operatorCodes:
        if code.customCode:
            name = code.customCode.decode(errors="replace")
            why = "TensorFlow's own ops (Flex)" if name.startswith("Flex") else "a library of its own"
            raise GraphError(
                f"{path}: op {name} runs only with {why}, which no robot has; give the graph that it was"
                " made from, or convert that without such ops"
            )
    return ForeignFile(content, inputs, outputs, mode, model)


def describe_tensor(model: Any, at: int) -> TensorFacts:
    """Return the facts of tensor ``at`` of a parsed model."""
    tensor = model.subgraphs[0].tensors[at]
    shape = tuple(int(size) for size in (tensor.shape if tensor.shape is not None else ()))
    signature = shape if tensor.shapeSignature is None else tuple(map(int, tensor.shapeSignature))
    scale, zero_point = read_quantization(tensor)
    return TensorFacts(
        at=int(at),
        name=tensor.name.decode(errors="replace"),
        shape=shape,
        signature=tuple(size if size > 0 else None for size in signature),
        dtype=name_type(tensor).lower(),
        scale=float(scale[0]) if len(scale) == 1 else 0.0,
        zero_point=int(zero_point[0]) if len(scale) == 1 else 0,
    )


def read_quantization(tensor: Any) -> tuple[Any, Any]:
    """Return scales and zero points of a tensor, one or one per channel; none where it has none."""
    found = tensor.quantization
    if found is None or found.scale is None or len(found.scale) == 0:
        return np.zeros(0), np.zeros(0)
    zero_point = found.zeroPoint if found.zeroPoint is not None and len(found.zeroPoint) else [0]
    return np.asarray(found.scale, np.float64), np.asarray(zero_point, np.int64)


def _find_mode(model: Any, inputs: tuple[TensorFacts, ...]) -> str:
    """Return the number format: by what the operators with weights compute in, and by the weights."""
    tensors = model.subgraphs[0].tensors
    activations, weights = Counter[str](), Counter[str]()
    for operator, read in list_operators(model):
        if read.name in WEIGHTED:
            activations[name_type(tensors[operator.outputs[0]])] += 1
            weights[read.weights_type] += 1
    halves = any(name_type(tensor) == "FLOAT16" for tensor in tensors)
    common = activations.most_common(1)[0][0] if activations else "FLOAT32"
    if common == "INT16":
        return "int16x8"
    if common in _INTEGERS:
        return "int8" if inputs and inputs[0].dtype in {"int8", "uint8"} else "int8-float-io"
    if _INTEGERS & weights.keys():
        return "dynamic"
    return "float16" if halves else "none"
