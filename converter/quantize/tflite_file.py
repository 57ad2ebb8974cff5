"""What is inside a ``.tflite`` file: operators, the types of their weights, versions. Reads, runs nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from converter.tensorflow_import import tensorflow

if TYPE_CHECKING:
    from collections.abc import Iterator

# Operators whose second input is their weights.
WEIGHTED = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"})


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
    """Return the flatbuffer as the object tree of TensorFlow's generated schema."""
    tensorflow()
    from tensorflow.lite.python import schema_py_generated as schema

    return schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))


def encode_model(model: Any) -> bytes:
    """Return the file of what ``parse_model`` returned, changed or not."""
    import flatbuffers  # type: ignore[import-untyped]  # no stubs in the wheel

    builder = flatbuffers.Builder(len(model.buffers) * 1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def with_layer_of(content: bytes, other: bytes, at: int) -> bytes:
    """Return a model with weights and bias of its weighted operator number ``at`` taken from another model.

    Args:
        content: a ``.tflite`` file.
        other: one with the same operators in the same order.
        at: counts operators with weights, from 0.
    """
    model, source = parse_model(content), parse_model(other)
    targets, origins = (weighted_operators(tree)[at][0].inputs[1:3] for tree in (model, source))
    for target, origin in zip(targets, origins, strict=True):
        if target < 0 or origin < 0:
            continue  # no bias
        buffers = source.buffers[source.subgraphs[0].tensors[origin].buffer]
        model.buffers[model.subgraphs[0].tensors[target].buffer].data = buffers.data
    return encode_model(model)


def weighted_operators(model: Any) -> list[tuple[Any, Operator]]:
    """Return the operators with weights of a parsed model, each as the schema has it and as read."""
    found = zip(model.subgraphs[0].operators, _operators(model), strict=True)
    return [(operator, read) for operator, read in found if read.name in WEIGHTED]


def operators(content: bytes) -> tuple[Operator, ...]:
    """Return the operators of a ``.tflite`` file in their order."""
    return tuple(_operators(parse_model(content)))


def weight_types(content: bytes) -> Counter[str]:
    """Return how many operators have weights of each type: what the dtype audit is about."""
    return Counter(op.weights_type for op in operators(content) if op.name in WEIGHTED)


def operator_counts(content: bytes) -> Counter[str]:
    """Return how often each operator occurs."""
    return Counter(op.name for op in operators(content))


def _operators(model: Any) -> Iterator[Operator]:
    from tensorflow.lite.python import schema_py_generated as schema

    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    types = {value: name for name, value in vars(schema.TensorType).items() if isinstance(value, int)}
    graph = model.subgraphs[0]
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        # Old writers put codes below 127 into the first field alone.
        name = names[max(code.builtinCode, code.deprecatedBuiltinCode)]
        weights_type = ""
        if name in WEIGHTED:
            weights_type = types[graph.tensors[operator.inputs[1]].type]
        inputs = tuple(graph.tensors[at].name.decode() for at in operator.inputs if at >= 0)
        output = graph.tensors[operator.outputs[0]].name.decode()
        yield Operator(name, int(code.version), inputs, output, weights_type)
