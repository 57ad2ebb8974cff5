"""Set up TensorFlow's TFLite converter for a request, and prepare the calibration pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.quantize.request import (
    CALIBRATION_NAME,
    GRAPH_NAME,
    ConversionRequest,
    Mode,
    Target,
)
from converter.tensorflow_import import tensorflow
from edge_node.inference.manifest import InputTensor
from edge_node.inference.preprocess import input_tensor

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from edge_node.inference.interpreter import Tensor


def make_converter(work: Path, request: ConversionRequest) -> Any:
    """Return TensorFlow's converter, set up for the graph in the folder of a request."""
    tf = tensorflow()
    converter = tf.compat.v1.lite.TFLiteConverter.from_frozen_graph(
        str(work / GRAPH_NAME), [request.input], list(request.outputs), {request.input: list(request.shape)}
    )
    if request.mode is not Mode.NONE:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if request.mode is Mode.FLOAT16:
        converter.target_spec.supported_types = [tf.float16]
    if request.mode.needs_calibration:
        converter.representative_dataset = lambda: ([tensor] for tensor in scale_pictures(work, request))
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


def scale_pictures(work: Path, request: ConversionRequest) -> Sequence[NDArray[np.float32]]:
    """Return the calibration pictures as the node feeds them to float models, ``(1, height, width, 3)``."""
    return _Pictures(work, request, {"dtype": "float32"})


def feed_pictures(
    work: Path, request: ConversionRequest, entry: Tensor, count: int | None = None
) -> Sequence[NDArray[Any]]:
    """Return the calibration pictures as the node feeds them to a model, ``(1, height, width, 3)``.

    Scaled pictures cannot be quantized instead: their zero point may lie between two bytes, and every second
    byte would become its neighbour.

    Args:
        work: folder of the request.
        request: size and scaling.
        entry: the model's input: dtype, scale and zero point.
        count: how many pictures, from the first on; all if None.
    """
    scale, zero_point = entry.quantization.scale, entry.quantization.zero_point
    return _Pictures(work, request, {"dtype": entry.dtype, "scale": scale, "zero_point": zero_point}, count)


class _Pictures(Sequence[Any]):
    """The calibration pictures of a request, each read and scaled when it is asked for."""

    def __init__(
        self, work: Path, request: ConversionRequest, quantization: dict[str, Any], count: int | None = None
    ) -> None:
        self._pictures = np.load(work / CALIBRATION_NAME, mmap_mode="r", allow_pickle=False)[:count]
        self._spec = InputTensor(
            shape=(1, *request.shape[1:3], 3),
            colour_order=request.colour_order,
            mean=request.mean,
            std=request.std,
            **quantization,
        )

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, at: Any) -> Any:
        picture = np.array(self._pictures[at])
        if at == 0:
            # Two pixels that span all that a camera can give: the input's range then never depends on the
            # pictures, and a byte of the picture is a byte of the tensor.
            picture[0, 0], picture[0, 1] = 0, 255
        return input_tensor(picture, self._spec)
