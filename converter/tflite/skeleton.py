"""Sketch a `.tflite` file as a GraphDef: its operators under TensorFlow's names, without its large weights.

What is found in a graph's nodes (layout, scaling, order of channels, form of the output) is then found in a
TFLite file by the same code. The sketch is never run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from converter.tensorflow_import import tensorflow
from converter.tflite.foreign_file import read_quantization
from converter.tflite.tflite_file import list_operators, name_type

if TYPE_CHECKING:
    from converter.tflite.foreign_file import ForeignFile
    from converter.tflite.tflite_file import Operator

_NAMES = {
    "CONV_2D": "Conv2D",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2dNative",
    "FULLY_CONNECTED": "MatMul",
    "BATCH_MATMUL": "BatchMatMulV2",
    "SOFTMAX": "Softmax",
    "LOG_SOFTMAX": "LogSoftmax",
    "LOGISTIC": "Sigmoid",
    "RELU": "Relu",
    "RELU6": "Relu6",
    "TANH": "Tanh",
    "ADD": "AddV2",
    "SUB": "Sub",
    "MUL": "Mul",
    "DIV": "RealDiv",
    "MEAN": "Mean",
    "SUM": "Sum",
    "REDUCE_MAX": "Max",
    "EXP": "Exp",
    "LOG": "Log",
    "AVERAGE_POOL_2D": "AvgPool",
    "MAX_POOL_2D": "MaxPool",
    "RESHAPE": "Reshape",
    "SQUEEZE": "Squeeze",
    "EXPAND_DIMS": "ExpandDims",
    "QUANTIZE": "Identity",
    "DEQUANTIZE": "Identity",
    "CAST": "Cast",
    "PAD": "Pad",
    "PADV2": "PadV2",
    "MIRROR_PAD": "MirrorPad",
    "TRANSPOSE": "Transpose",
    "CONCATENATION": "ConcatV2",
    "RESIZE_BILINEAR": "ResizeBilinear",
    "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighbor",
    "REVERSE_V2": "ReverseV2",
    "SPACE_TO_BATCH_ND": "SpaceToBatchND",
}
_FUSED = {1: "Relu", 2: "ReluN1To1", 3: "Relu6", 4: "Tanh", 5: "Sign"}  # ActivationFunctionType
_WRITTEN_OUT = 4096  # numbers of a constant; of larger ones only shape and type are kept


class Sketch:
    """The GraphDef of a TFLite file, and the node that has each of its tensors."""

    def __init__(self, file: ForeignFile) -> None:
        self.graph_def: Any = tensorflow().compat.v1.GraphDef()
        self._file = file
        self._tensors = file.model.subgraphs[0].tensors
        self._nodes: dict[int, str] = {}
        self._taken: set[str] = set()
        for tensor in file.inputs:
            self._add_input(tensor.at)
        for operator, read in list_operators(file.model):
            self._add_operator(operator, read)

    def node(self, at: int) -> str:
        """Return the name of the node that has tensor ``at``."""
        return self._nodes[at]

    def tensor(self, node: str) -> int | None:
        """Return the number of the tensor that a node has, or None."""
        return next((at for at, name in self._nodes.items() if name == node), None)

    def _name(self, at: int) -> str:
        """Return a name for a tensor's node: the tensor's, without its number of output."""
        wanted = self._tensors[at].name.decode(errors="replace").removesuffix(":0").replace(":", "_")
        name = wanted if wanted and wanted not in self._taken else f"{wanted}_{at}"
        self._taken.add(name)
        return name

    def _add(self, name: str, op: str, inputs: list[str]) -> Any:
        node = self.graph_def.node.add()
        node.name, node.op = name, op
        node.input.extend(inputs)
        return node

    def _add_input(self, at: int) -> None:
        self._nodes[at] = self._name(at)
        tensor = next(tensor for tensor in self._file.inputs if tensor.at == at)
        node = self._add(self._nodes[at], "Placeholder", [])
        # Numbers with a scale stand for real ones, which the sketch computes with.
        dtype = "float32" if tensor.scale > 0 else tensor.dtype
        node.attr["dtype"].type = tensorflow().dtypes.as_dtype(dtype).as_datatype_enum
        for size in tensor.signature:
            node.attr["shape"].shape.dim.add().size = -1 if size is None else size

    def _add_operator(self, operator: Any, read: Operator) -> None:
        inputs = [self._find(int(at), read, place) for place, at in enumerate(operator.inputs) if at >= 0]
        names = [self._name(int(at)) for at in operator.outputs]
        self._nodes.update(zip(map(int, operator.outputs), names, strict=True))
        fused = _FUSED.get(getattr(operator.builtinOptions, "fusedActivationFunction", 0))
        name = f"{names[0]}/linear" if fused else names[0]
        op = _NAMES.get(read.name, read.name)
        if op in {"Conv2D", "DepthwiseConv2dNative", "MatMul"}:
            inputs = inputs[:2]
        node = self._add(name, op, inputs)
        if op == "Cast":
            to = name_type(self._tensors[operator.outputs[0]]).lower()
            node.attr["DstT"].type = tensorflow().dtypes.as_dtype(to).as_datatype_enum
        if fused:
            self._add(names[0], fused, [name])
        for further in names[1:]:
            self._add(further, f"{read.name} (further output)", inputs)

    def _find(self, at: int, read: Operator, place: int) -> str:
        """Return the node that has a tensor which an operator reads; a constant is added when first read."""
        if at not in self._nodes:
            self._nodes[at] = self._name(at)
            tf = tensorflow()
            value, shape = self._read_constant(at)
            if read.name == "CONV_2D" and place == 1:  # out, rows, columns, in
                shape = shape[1:] + shape[:1]
                value = None if value is None else np.transpose(value, (1, 2, 3, 0))
            node = self._add(self._nodes[at], "Const", [])
            proto = tf.make_tensor_proto(np.zeros(1, np.float32) if value is None else value)
            if value is None:
                del proto.tensor_shape.dim[:]
                for size in shape:
                    proto.tensor_shape.dim.add().size = size
            node.attr["dtype"].type = proto.dtype
            node.attr["value"].tensor.CopyFrom(proto)
        return self._nodes[at]

    def _read_constant(self, at: int) -> tuple[Any, tuple[int, ...]]:
        """Return a constant's real value, None for a large one, and its shape."""
        tensor = self._tensors[at]
        shape = tuple(map(int, tensor.shape)) if tensor.shape is not None else ()
        data = self._file.model.buffers[tensor.buffer].data
        if data is None or int(np.prod(shape)) > _WRITTEN_OUT:
            return None, shape
        kind = name_type(tensor).lower()
        if kind not in {"float32", "float16", "float64", "int8", "uint8", "int16", "int32", "int64"}:
            return None, shape
        value = np.frombuffer(bytes(bytearray(data)), kind)
        if value.size != int(np.prod(shape)):
            return None, shape
        value = value.reshape(shape)
        scale, zero_point = read_quantization(tensor)
        if len(scale) == 1:
            return ((value.astype(np.float64) - zero_point[0]) * scale[0]).astype(np.float32), shape
        return (value.astype(np.float32) if kind in {"float16", "float64"} else value), shape
