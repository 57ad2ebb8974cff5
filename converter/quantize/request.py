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
MODEL_NAME, RESULT_NAME, GAINS_NAME = "model.tflite", "result.json", "gains.json"
# Lines of the worker, beside which TensorFlow may print others: how far it is, that a request is done, and
# that it then ends because it has grown.
PROGRESS, FINISHED, FINISHED_LAST = "share done: ", "request done", "request done, the last"
# Models that requests leave for later ones in their folder, see ``converter.quantize.int8_builder``.
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
        ranks_layers: whether layers are ranked instead, see ``converter.quantize.layer_ranking``.
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
    ranks_layers: bool = False


class ConversionResult(msgspec.Struct, frozen=True, kw_only=True):
    """Time and memory that a conversion took, as its worker measured them."""

    seconds: float
    peak_memory_mb: float

    def and_then(self, later: ConversionResult) -> ConversionResult:
        """Return time and memory of both, run one after the other."""
        peak_mb = max(self.peak_memory_mb, later.peak_memory_mb)
        return ConversionResult(seconds=self.seconds + later.seconds, peak_memory_mb=peak_mb)


def make_request(
    graph: FusedGraph, mode: Mode, target: Target, float_nodes: tuple[str, ...] = ()
) -> ConversionRequest:
    """Return the request to convert a graph; arguments as for ``ConversionProcess.convert``."""
    preprocessing = graph.preprocessing
    return ConversionRequest(
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


def write_request(
    work: Path, graph: FusedGraph, request: ConversionRequest, calibration: NDArray[np.uint8] | None
) -> None:
    """Write the files of a request about a graph into the folder ``work``."""
    (work / REQUEST_NAME).write_bytes(msgspec.json.encode(request))
    if not (work / GRAPH_NAME).exists():  # it stays the same from request to request
        (work / GRAPH_NAME).write_bytes(graph.graph_def.SerializeToString(deterministic=True))
    if calibration is not None and request.mode.needs_calibration:
        np.save(work / CALIBRATION_NAME, calibration)


def worker_environment(folder: Path) -> dict[str, str]:
    """Return environment variables for a worker process, its temporary files in ``folder``.

    One thread multiplies matrices unless the user asks for more: OpenBLAS's threads wait for each other in
    busy loops, which takes five times the processor time of the work.
    """
    return {"OPENBLAS_NUM_THREADS": "1", **os.environ, "TMPDIR": str(folder)}
