"""Read and change the content of a ``.tflite`` file: operators, types of weights, metadata. Runs nothing.

TFLite's schema is taken as the runtime's own wheel generates it, here and in ``tflite_edit``: TensorFlow is
not imported.
"""

from __future__ import annotations

from collections import Counter
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

# Operators whose second input is their weights.
WEIGHTED = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"})
_OPERATORS = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
_TYPES = {value: name for name, value in vars(schema.TensorType).items() if isinstance(value, int)}


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator of a model.

    Attributes:
        name: as in TFLite's schema, ``CONV_2D``.
        version: of its kernel; a runtime may be too old for it.
        inputs: the names of the tensors that it reads.
        output: the name of its first output tensor.
        weights_type: of its constant weights, ``INT8``; empty where it has none.
    """

    name: str
    version: int
    inputs: tuple[str, ...]
    output: str
    weights_type: str


def parse_model(content: bytes) -> Any:
    """Return a ``.tflite`` file as the object tree of the generated schema."""
    return schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))


def encode_model(model: Any) -> bytes:
    """Return the file of a tree from ``parse_model``, changed or not."""
    builder = flatbuffers.Builder(len(model.buffers) * 1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def copy_layer(content: bytes, source: bytes, at: int) -> bytes:
    """Return a model in which one weighted operator has the weights and bias of another model's.

    Args:
        content: a ``.tflite`` file.
        source: a model with the same operators in the same order, whose weights are taken.
        at: number of the operator among those with weights, from 0.
    """
    model, exact = parse_model(content), parse_model(source)
    targets, origins = (list_weighted_operators(tree)[at][0].inputs[1:3] for tree in (model, exact))
    for target, origin in zip(targets, origins, strict=True):
        if target < 0 or origin < 0:
            continue  # no bias
        values = exact.buffers[exact.subgraphs[0].tensors[origin].buffer]
        model.buffers[model.subgraphs[0].tensors[target].buffer].data = values.data
    return encode_model(model)


def list_operators(model: Any) -> list[tuple[Any, Operator]]:
    """Return the operators of a parsed model, each as a schema object and as ``Operator``."""
    return list(zip(model.subgraphs[0].operators, _operators(model), strict=True))


def list_weighted_operators(model: Any) -> list[tuple[Any, Operator]]:
    """Return those with weights."""
    return [(operator, read) for operator, read in list_operators(model) if read.name in WEIGHTED]


def name_type(tensor: Any) -> str:
    """Return the type of a tensor's numbers as TFLite's schema calls it: ``INT8``."""
    return str(_TYPES[tensor.type])


def list_activations(model: Any) -> list[int]:
    """Return the numbers of a parsed model's float tensors that differ from picture to picture."""
    graph = model.subgraphs[0]
    numbers = [*graph.inputs, *(number for operator in graph.operators for number in operator.outputs)]
    return [int(n) for n in numbers if graph.tensors[n].type == schema.TensorType.FLOAT32]


def read_values(model: Any, number: int) -> NDArray[np.float32] | None:
    """Return the values of a constant float tensor of a parsed model; None if it is none.

    The number of an input that an operator does without is -1.
    """
    if number < 0:
        return None
    tensor = model.subgraphs[0].tensors[number]
    data = model.buffers[tensor.buffer].data
    if data is None or len(data) == 0:
        return None
    return np.frombuffer(bytes(data), np.float32).reshape([int(size) for size in tensor.shape])


def write_values(model: Any, operator: Any, at: int, values: NDArray[np.float32]) -> None:
    """Let the input at place ``at`` of one operator of a parsed model be these values, of the same shape.

    Other operators keep theirs, also where they share the tensor or its buffer.
    """
    graph = model.subgraphs[0]
    tensor = copy(graph.tensors[operator.inputs[at]])
    tensor.buffer = len(model.buffers)
    model.buffers.append(schema.BufferT())
    model.buffers[-1].data = np.frombuffer(values.tobytes(), np.uint8)
    if sum(operator.inputs[at] in other.inputs for other in graph.operators) > 1:
        operator.inputs = np.array(operator.inputs)  # what was read may not be written to
        operator.inputs[at] = len(graph.tensors)
        graph.tensors.append(tensor)
    else:
        graph.tensors[operator.inputs[at]] = tensor


def set_range(model: Any, number: int, lowest: float, highest: float) -> None:
    """Set the range that the quantizer takes for a tensor of a parsed model."""
    found = schema.QuantizationParametersT()
    found.min, found.max = [lowest], [highest]
    model.subgraphs[0].tensors[number].quantization = found


def read_operators(content: bytes) -> tuple[Operator, ...]:
    """Return the operators of a ``.tflite`` file in their order."""
    return tuple(_operators(parse_model(content)))


def count_weight_types(content: bytes) -> Counter[str]:
    """Count the operators with weights of each type, for ``type_audit``."""
    return Counter(op.weights_type for op in read_operators(content) if op.name in WEIGHTED)


def count_operators(content: bytes) -> Counter[str]:
    """Return how often each operator occurs."""
    return Counter(op.name for op in read_operators(content))


def set_metadata(model: Any, name: str, content: bytes) -> None:
    """Put metadata called ``name`` into a parsed model, in place of earlier metadata of that name.

    Readers take the first entry of a name, so a second one would not be seen.
    """
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(content, np.uint8)
    entries = model.metadata or []
    if earlier := next((entry for entry in entries if entry.name == name.encode()), None):
        model.buffers[earlier.buffer] = buffer
        return
    entry = schema.MetadataT()
    entry.name, entry.buffer = name, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*entries, entry]


def set_input(model: Any, shape: tuple[int, ...], *, scale: float | None) -> None:
    """Give the one input of a parsed model a fixed shape, and a scale where one is given, in place."""
    tensor = model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]]
    tensor.shape, tensor.shapeSignature = np.array(shape, np.int32), None
    if scale is not None:
        tensor.quantization = schema.QuantizationParametersT(
            scale=np.array([scale], np.float32), zeroPoint=np.array([0], np.int64)
        )


def get_metadata(model: Any, name: str) -> bytes | None:
    """Return the metadata called ``name`` of a parsed model; None if it has none."""
    found = next((entry for entry in model.metadata or [] if entry.name == name.encode()), None)
    data = None if found is None else model.buffers[found.buffer].data
    return None if data is None else bytes(bytearray(data))


def _operators(model: Any) -> Iterator[Operator]:
    graph = model.subgraphs[0]
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        # Old writers put codes below 127 into the first field alone.
        name = _OPERATORS[max(code.builtinCode, code.deprecatedBuiltinCode)]
        weights_type = name_type(graph.tensors[operator.inputs[1]]) if name in WEIGHTED else ""
        inputs = tuple(graph.tensors[at].name.decode() for at in operator.inputs if at >= 0)
        output = graph.tensors[operator.outputs[0]].name.decode()
        yield Operator(name, int(code.version), inputs, output, weights_type)
