"""Add operators to a parsed ``.tflite`` model, and keep only what its outputs need. Runs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

# The table of options of each operator; LOG and LOGISTIC have none.
_OPTIONS = {
    "ADD": "AddOptions",
    "CAST": "CastOptions",
    "CONCATENATION": "ConcatenationOptions",
    "DEQUANTIZE": "DequantizeOptions",
    "GATHER": "GatherOptions",
    "GREATER_EQUAL": "GreaterEqualOptions",
    "MAXIMUM": "MaximumMinimumOptions",
    "MEAN": "ReducerOptions",
    "MUL": "MulOptions",
    "SELECT_V2": "SelectV2Options",
    "SOFTMAX": "SoftmaxOptions",
    "TRANSPOSE": "TransposeOptions",
}
# The schema's number of each numpy dtype.
_TYPES: dict[str, int] = {
    "float32": schema.TensorType.FLOAT32,
    "int32": schema.TensorType.INT32,
    "uint8": schema.TensorType.UINT8,
    "int8": schema.TensorType.INT8,
    "int16": schema.TensorType.INT16,
    "bool": schema.TensorType.BOOL,
}
_FIRST_VERSIONED_CODE = 127  # later operators stand in a second field alone


class ModelEditor:
    """Changes the one graph of a parsed model in place; tensors are named by their numbers."""

    def __init__(self, model: Any) -> None:
        """Keep the tree from ``parse_model``."""
        self._model, self._graph = model, model.subgraphs[0]

    def find_output(self, name: str) -> int:
        """Return the number of the output tensor called ``name``."""
        tensors = self._graph.tensors
        return next(int(at) for at in self._graph.outputs if tensors[at].name.decode() == name)

    @property
    def input(self) -> int:
        """Number of the one input tensor."""
        return int(self._graph.inputs[0])

    def type_number(self, dtype: str) -> int:
        """Return the schema's number of a numpy dtype."""
        return _TYPES[dtype]

    def add_tensor(self, name: str, shape: Sequence[int], dtype: str, *, like: int | None = None) -> int:
        """Add a tensor without content; ``like`` has its quantization. Return its number."""
        tensor = schema.TensorT()
        tensor.name, tensor.shape = name, np.asarray(shape, np.int32)
        tensor.type = self.type_number(dtype)
        if like is not None:
            tensor.quantization = self._graph.tensors[like].quantization
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def add_constant(self, name: str, values: NDArray[Any], *, like: int | None = None) -> int:
        """Add a tensor that holds ``values`` and return its number."""
        at = self.add_tensor(name, values.shape, values.dtype.name, like=like)
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self._graph.tensors[at].buffer = len(self._model.buffers)
        self._model.buffers.append(buffer)
        return at

    def append(
        self, operator: str, inputs: Sequence[int], output: int, *, version: int = 1, **options: object
    ) -> int:
        """Add an operator behind all others and return ``output``.

        Args:
            operator: as in TFLite's schema, ``SOFTMAX``.
            inputs: tensors that it reads.
            output: tensor that it writes.
            version: of its kernel.
            options: fields of its table of options, under their names in the schema.
        """
        self._graph.operators.append(self._make_operator(operator, inputs, output, version, options))
        return output

    def prepend(self, operators: Sequence[tuple[str, Sequence[int], int, dict[str, int]]]) -> None:
        """Add operators before all others, each as name, inputs, output and options."""
        made = [
            self._make_operator(name, inputs, output, 1, options)
            for name, inputs, output, options in operators
        ]
        self._graph.operators[:0] = made

    def keep(self, inputs: Sequence[int], outputs: Sequence[int]) -> None:
        """Make these the inputs and outputs; operators, tensors and weights that they do not need go."""
        graph = self._graph
        needed, kept = set(outputs), []
        for operator in reversed(graph.operators):
            if (needed - set(inputs)) & set(map(int, operator.outputs)):
                kept.append(operator)
                needed |= {int(at) for at in operator.inputs if at >= 0}
        graph.operators = kept[::-1]
        graph.inputs, graph.outputs = list(inputs), list(outputs)
        self._renumber_tensors()
        self._drop_unused_buffers()
        self._model.signatureDefs = None  # they name the outputs that went

    def _make_operator(
        self, name: str, inputs: Sequence[int], output: int, version: int, options: Mapping[str, object]
    ) -> Any:
        made = schema.OperatorT()
        made.opcodeIndex = self._find_code(getattr(schema.BuiltinOperator, name), version)
        made.inputs, made.outputs = list(inputs), [output]
        if table := _OPTIONS.get(name):
            made.builtinOptionsType = getattr(schema.BuiltinOptions, table)
            made.builtinOptions = getattr(schema, f"{table}T")()
            for field, value in options.items():
                setattr(made.builtinOptions, field, value)
        return made

    def _find_code(self, number: int, version: int) -> int:
        """Return the place of an operator among the model's codes, where it is entered if need be."""
        codes = self._model.operatorCodes
        for at, code in enumerate(codes):
            if max(code.builtinCode, code.deprecatedBuiltinCode) == number and code.version == version:
                return at
        code = schema.OperatorCodeT()
        code.builtinCode, code.version = number, version
        code.deprecatedBuiltinCode = min(number, _FIRST_VERSIONED_CODE)
        codes.append(code)
        return len(codes) - 1

    def _renumber_tensors(self) -> None:
        graph = self._graph
        parts = [part for operator in graph.operators for part in _list_tensor_fields(operator)]
        used = {int(at) for part in (*parts, graph.inputs, graph.outputs) for at in part if at >= 0}
        order = sorted(used)
        places = {-1: -1, **{old: new for new, old in enumerate(order)}}
        graph.tensors = [graph.tensors[at] for at in order]
        for operator in graph.operators:
            operator.inputs = [places[int(at)] for at in operator.inputs]
            operator.outputs = [places[int(at)] for at in operator.outputs]
            if operator.intermediates is not None:
                operator.intermediates = [places[int(at)] for at in operator.intermediates]
        graph.inputs = [places[at] for at in graph.inputs]
        graph.outputs = [places[at] for at in graph.outputs]

    def _drop_unused_buffers(self) -> None:
        """Empty the buffers that no tensor and no metadata name; buffer 0 is empty by the format's rule."""
        model = self._model
        tensors = [tensor for graph in model.subgraphs for tensor in graph.tensors]
        used = {0, *(tensor.buffer for tensor in tensors), *(one.buffer for one in model.metadata or [])}
        order = sorted(used)
        places = {old: new for new, old in enumerate(order)}
        model.buffers = [model.buffers[at] for at in order]
        for holder in (*tensors, *(model.metadata or [])):
            holder.buffer = places[holder.buffer]


def _list_tensor_fields(operator: Any) -> list[Any]:
    return [
        operator.inputs,
        operator.outputs,
        *filter(lambda part: part is not None, [operator.intermediates]),
    ]
