"""``python -m converter.tflite_worker FOLDER PARENT``: one conversion, for ``converter.quantize``."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from converter.child_process import end_with_parent
from converter.correct_bias import CORRECTED, bias_corrected
from converter.flatbuffer import operators
from converter.quantize import (
    CALIBRATION_NAME,
    GRAPH_NAME,
    MODEL_NAME,
    REQUEST_NAME,
    RESULT_NAME,
    ConversionRequest,
    ConversionResult,
    Mode,
    Target,
)
from converter.tensorflow_import import tensorflow
from edge_node.manifest import InputTensor
from edge_node.preprocess import input_tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray


def main() -> int:
    """Convert what the folder asks for and write the model and what it took; return the exit code."""
    end_with_parent(int(sys.argv[2]))
    work = Path(sys.argv[1])
    request = msgspec.json.decode((work / REQUEST_NAME).read_bytes(), type=ConversionRequest)
    started = time.perf_counter()
    content = _convert(work, request)
    (work / MODEL_NAME).write_bytes(content)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # Linux counts in KiB
    result = ConversionResult(seconds=time.perf_counter() - started, peak_memory_mb=peak_mb)
    (work / RESULT_NAME).write_bytes(msgspec.json.encode(result))
    return 0


def prepare(work: Path, request: ConversionRequest) -> None:
    """Replace the graph in the folder by one that loses less in 8 bits."""
    graph_def = tensorflow().compat.v1.GraphDef()
    graph_def.ParseFromString((work / GRAPH_NAME).read_bytes())
    tensors = scaled_pictures(work, request)
    corrected = bias_corrected(graph_def, request.input, tensors, request.float_nodes)
    (work / GRAPH_NAME).write_bytes(corrected.SerializeToString())


def float_model(work: Path, request: ConversionRequest) -> bytes:
    """Return the graph in the folder as a float32 model."""
    content: Any = _converter(work, msgspec.structs.replace(request, mode=Mode.NONE)).convert()
    return bytes(content)


def calibrated(work: Path, request: ConversionRequest) -> bytes:
    """Return the float model with the ranges of its tensors, which ``quantized`` can use again and again."""
    converter = _converter(work, request)
    converter._experimental_calibrate_only = True  # noqa: SLF001 - as QuantizationDebugger does it
    content: Any = converter.convert()
    return bytes(content)


def layer_of(output: str) -> str:
    """Return the last graph node of an operator, from its output's name: all its nodes, the last one first.

    Whether its bias was corrected must not matter: the same layer, another conversion, one name.
    """
    return output.split(";", maxsplit=1)[0].removesuffix(CORRECTED)


def quantized(model: bytes, request: ConversionRequest, float_layers: tuple[str, ...]) -> bytes:
    """Return a calibrated model in int8, but for the layers that ``layer_of`` names so.

    A picture goes in as int8; where the first operator is kept in float, that is the type TensorFlow leaves.
    """
    tf = tensorflow()
    from tensorflow.lite.python.convert import convert_tensor_tf_type_to_tflite_type, mlir_quantize

    outputs = [operator.output for operator in operators(model)]
    content: Any = mlir_quantize(
        model,
        fully_quantize=request.mode is Mode.INT8,
        inference_type=convert_tensor_tf_type_to_tflite_type(tf.int8),
        input_data_type=tf.int8 if request.mode is Mode.INT8 else tf.float32,
        output_data_type=tf.int8 if request.mode is Mode.INT8 else tf.float32,
        denylisted_nodes=[output for output in outputs if layer_of(output) in float_layers],
        disable_per_channel_for_dense_layers=request.target is Target.TFLITE_RUNTIME_2_14,
    )
    return bytes(content)


def scaled_pictures(work: Path, request: ConversionRequest) -> list[NDArray[np.float32]]:
    """Return the calibration pictures as the node would feed them, each ``(1, height, width, 3)``."""
    pictures = np.load(work / CALIBRATION_NAME, allow_pickle=False)
    # Two pixels that span what a camera can give: the input's range then never depends on the pictures, and
    # a byte of the picture is a byte of the tensor.
    pictures[0, 0, 0], pictures[0, 0, 1] = 0, 255
    spec = InputTensor(shape=(1, *request.shape[1:3], 3), dtype="float32", mean=request.mean, std=request.std)
    return [np.asarray(input_tensor(picture, spec), np.float32) for picture in pictures]


def _convert(work: Path, request: ConversionRequest) -> bytes:
    if request.mode in {Mode.INT8, Mode.INT8_FLOAT_IO}:
        prepare(work, request)
    if request.float_nodes:
        return quantized(calibrated(work, request), request, request.float_nodes)
    content: Any = _converter(work, request).convert()
    return bytes(content)


def _converter(work: Path, request: ConversionRequest) -> Any:
    tf = tensorflow()
    converter = tf.compat.v1.lite.TFLiteConverter.from_frozen_graph(
        str(work / GRAPH_NAME), [request.input], list(request.outputs), {request.input: list(request.shape)}
    )
    if request.mode is not Mode.NONE:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if request.mode is Mode.FLOAT16:
        converter.target_spec.supported_types = [tf.float16]
    if request.mode.needs_calibration:
        tensors = scaled_pictures(work, request)
        converter.representative_dataset = lambda: ([tensor] for tensor in tensors)
        ops = tf.lite.OpsSet
        converter.target_spec.supported_ops = [
            ops.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
            if request.mode is Mode.INT16X8
            else ops.TFLITE_BUILTINS_INT8
        ]
    if request.mode is Mode.INT8:
        converter.inference_input_type, converter.inference_output_type = tf.uint8, tf.int8
    if request.target is Target.TFLITE_RUNTIME_2_14:
        # Per-channel dense layers are FULLY_CONNECTED version 12, which TFLite 2.14 does not know.
        # The underscored attribute is the only switch there is.
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True  # noqa: SLF001
    return converter


if __name__ == "__main__":
    sys.exit(main())
