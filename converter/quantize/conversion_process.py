"""A fused graph -> a ``.tflite`` file, in a process of its own: ``tf.lite`` leaks memory at every call."""

from __future__ import annotations

import os
import subprocess
import sys
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from converter.work_folder import work_folder
from edge_node.errors import ConversionError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from converter.graphs.fuse import FusedGraph

GRAPH_NAME, CALIBRATION_NAME, REQUEST_NAME = "graph.pb", "calibration.npy", "request.json"
MODEL_NAME, RESULT_NAME = "model.tflite", "result.json"
# What a worker leaves for the next one in the same folder; see ``converter.quantize.int8_builder``.
CALIBRATED_NAME, EXACT_NAME = "calibrated.tflite", "exact.tflite"
_TIMEOUT_S = 3600  # Inception v3 int8 takes 3 minutes on two busy cores


class Mode(str, Enum):
    """What becomes of a graph's numbers; the values are those of ``--quantize``."""

    INT8 = "int8"  # everything 8 bits, picture in as uint8
    INT8_FLOAT_IO = "int8-float-io"  # 8 bits inside, float32 at the edges
    INT16X8 = "int16x8"  # activations 16 bits, weights 8: no fast kernels for convolutions
    FLOAT16 = "float16"  # weights 16 bits
    DYNAMIC = "dynamic"  # weights 8 bits, activations quantized while running
    NONE = "none"  # float32

    @property
    def heading(self) -> str:
        """What tables call it: ``float32`` where nothing is quantized."""
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
    """What the worker reads."""

    mode: Mode
    target: Target
    input: str
    shape: tuple[int, int, int, int]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    outputs: tuple[str, ...]
    float_nodes: tuple[str, ...] = ()


class ConversionResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the worker measured of itself."""

    seconds: float
    peak_memory_mb: float

    def and_then(self, later: ConversionResult) -> ConversionResult:
        """Return what both took, one after the other."""
        peak_mb = max(self.peak_memory_mb, later.peak_memory_mb)
        return ConversionResult(seconds=self.seconds + later.seconds, peak_memory_mb=peak_mb)


class ConvertedModel(NamedTuple):
    """A ``.tflite`` file and what it took to make it."""

    content: bytes
    result: ConversionResult


def convert_graph(  # noqa: PLR0913, PLR0917 - what a model depends on, and where the work lies
    graph: FusedGraph,
    mode: Mode,
    calibration: NDArray[np.uint8] | None,
    target: Target = Target.LITERT,
    float_nodes: tuple[str, ...] = (),
    work: Path | None = None,
) -> ConvertedModel:
    """Convert one graph.

    Args:
        graph: with its input, preprocessing and outputs.
        mode: what becomes of the numbers.
        calibration: uint8 ``(pictures, height, width, 3)``, blue, green, red, at the input's size; None for
            modes that need none.
        target: op versions are chosen for it.
        float_nodes: layers that stay float32 in an int8 model, by their last graph nodes.
        work: a folder that keeps ranges and rounded weights for further conversions of this graph on these
            pictures; a temporary one if None.

    Raises:
        ConversionError: TensorFlow's converter refuses, or calibration is missing.
    """
    if mode.needs_calibration and calibration is None:
        raise ConversionError(
            f"{mode.value} needs calibration pictures, found none; give --calibration PICTURES"
        )
    if work is None:
        with work_folder() as folder:
            return convert_graph(graph, mode, calibration, target, float_nodes, folder)
    write_request(work, graph, mode, calibration, target, float_nodes)
    _run_worker(work, f"{', '.join(graph.stages)} as {mode.value}")
    result = msgspec.json.decode((work / RESULT_NAME).read_bytes(), type=ConversionResult)
    return ConvertedModel((work / MODEL_NAME).read_bytes(), result)


def write_request(  # noqa: PLR0913, PLR0917 - the folder, and the arguments of convert_graph
    work: Path,
    graph: FusedGraph,
    mode: Mode,
    calibration: NDArray[np.uint8] | None,
    target: Target,
    float_nodes: tuple[str, ...] = (),
) -> None:
    """Write what a worker process reads into the folder ``work``; arguments as of ``convert_graph``."""
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
    )
    (work / GRAPH_NAME).write_bytes(graph.graph_def.SerializeToString(deterministic=True))
    (work / REQUEST_NAME).write_bytes(msgspec.json.encode(request))
    if calibration is not None and mode.needs_calibration:
        np.save(work / CALIBRATION_NAME, calibration)


def worker_environment(work: Path) -> dict[str, str]:
    """Return the variables of a worker process, whose temporary files go with its folder ``work``."""
    return {**os.environ, "TMPDIR": str(work)}


def _run_worker(work: Path, what: str) -> None:
    command = [sys.executable, "-m", "converter.quantize.worker", str(work), str(os.getpid())]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
            env=worker_environment(work),
        )
    except subprocess.TimeoutExpired as err:
        raise ConversionError(f"{what}: no result after {_TIMEOUT_S} s; convert on a faster machine") from err
    if done.returncode:
        raise ConversionError(f"{what}: TensorFlow's converter failed: {_reason(done)}")


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """Return the line that says most: the first that an op is blamed in, or the last."""
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    blamed = [line for line in lines if "error:" in line]
    if done.returncode < 0:
        return f"it was killed by signal {-done.returncode} (out of memory?)"
    return (blamed or lines or [f"exit code {done.returncode}"])[0 if blamed else -1][:400]
