"""Define the request and the result of one conversion, and the files that carry them to its process."""

from __future__ import annotations

import os
from enum import Enum
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from converter.graphs.fuse import FusedGraph

# Written for the worker.
GRAPH_NAME, CALIBRATION_NAME, REQUEST_NAME = "graph.pb", "calibration.npy", "request.json"
# Written by the worker.
MODEL_NAME, RESULT_NAME = "model.tflite", "result.json"
# The worker's own: the graph after its steps, on the way into TensorFlow's converter; and models that it
# leaves for the next worker in the same folder, see ``converter.quantize.int8_builder``.
CHANGED_GRAPH_NAME = "changed.pb"
PROGRESS = "share done: "  # begins the worker's lines about how far it is; TensorFlow may print others
CALIBRATED_NAME, EXACT_NAME = "calibrated.tflite", "exact.tflite"


class Mode(str, Enum):
    """The number format of a converted model; the values are those of ``--quantize``."""

    INT8 = "int8"  # everything 8 bits, picture in as uint8
    INT8_FLOAT_IO = "int8-float-io"  # 8 bits inside, float32 at the edges
    INT16X8 = "int16x8"  # activations 16 bits, weights 8: no fast kernels for convolutions
    FLOAT16 = "float16"  # weights 16 bits
    DYNAMIC = "dynamic"  # weights 8 bits, activations quantized while running
    NONE = "none"  # float32

    @property
    def heading(self) -> str:
        """Name in tables: ``float32`` where nothing is quantized."""
        return "float32" if self is Mode.NONE else self.value

    @property
    def needs_calibration(self) -> bool:
        """Whether ranges of activations must be measured on pictures."""
        return self in {Mode.INT8, Mode.INT8_FLOAT_IO, Mode.INT16X8}

    @property
    def takes_float_layers(self) -> bool:
        """Whether single layers can be kept in float."""
        return self in {Mode.INT8, Mode.INT8_FLOAT_IO}


class Target(str, Enum):
    """The runtime that will run the file; the values are those of ``--target``."""

    LITERT = "litert"
    TFLITE_RUNTIME_2_14 = "tflite-runtime-2.14"


class ConversionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Task of a worker: how to convert the graph in its folder.

    Attributes:
        mode: number format of the model.
        target: runtime that op versions are chosen for.
        input: name of the placeholder.
        shape: of the input, ``(1, height, width, 3)``.
        mean: taken from each pixel, in the order of ``colour_order``.
        std: divides what is left.
        outputs: names of the output nodes, each once.
        float_nodes: layers that stay float32 in an int8 model, by their first operators.
        colour_order: of the input's channels.
    """

    mode: Mode
    target: Target
    input: str
    shape: tuple[int, int, int, int]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    outputs: tuple[str, ...]
    float_nodes: tuple[str, ...] = ()
    colour_order: Literal["RGB", "BGR"] = "RGB"


class ConversionResult(msgspec.Struct, frozen=True, kw_only=True):
    """Time and memory that a conversion took, as its worker measured them."""

    seconds: float
    peak_memory_mb: float

    def and_then(self, later: ConversionResult) -> ConversionResult:
        """Return time and memory of both, run one after the other."""
        peak_mb = max(self.peak_memory_mb, later.peak_memory_mb)
        return ConversionResult(seconds=self.seconds + later.seconds, peak_memory_mb=peak_mb)


def write_request(  # noqa: PLR0913, PLR0917 - the folder, and the arguments of convert_graph
    work: Path,
    graph: FusedGraph,
    mode: Mode,
    calibration: NDArray[np.uint8] | None,
    target: Target,
    float_nodes: tuple[str, ...] = (),
) -> None:
    """Write the files of a request into the folder ``work``; arguments as for ``convert_graph``."""
    preprocessing = graph.preprocessing
    request = ConversionRequest(
        mode=mode,
        target=target,
        input=graph.input,
        shape=(1, preprocessing.height, preprocessing.width, 3),
        mean=preprocessing.mean,
        std=preprocessing.std,
        outputs=tuple(dict.fromkeys(output.tensor for output in graph.outputs)),
        float_nodes=float_nodes,
        colour_order=preprocessing.colour_order,
    )
    (work / GRAPH_NAME).write_bytes(graph.graph_def.SerializeToString(deterministic=True))
    (work / REQUEST_NAME).write_bytes(msgspec.json.encode(request))
    if calibration is not None and mode.needs_calibration:
        np.save(work / CALIBRATION_NAME, calibration)


def worker_environment(work: Path) -> dict[str, str]:
    """Return environment variables for a worker process, its temporary files in the folder ``work``.

    ``TF_USE_LEGACY_KERAS`` keeps TensorFlow from loading Keras at its import, which takes 40 % of that time:
    a worker needs no Keras.
    """
    return {**os.environ, "TMPDIR": str(work), "TF_USE_LEGACY_KERAS": "1"}
