"""Convert a fused graph to a ``.tflite`` file in a child process: ``tf.lite`` leaks memory at every call.

The child is ``converter.quantize.worker``; ``converter.quantize.request`` names the files between both.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from converter.quantize.request import (
    MODEL_NAME,
    PROGRESS,
    RESULT_NAME,
    ConversionResult,
    Mode,
    Target,
    worker_environment,
    write_request,
)
from converter.work_folder import work_folder
from edge_node.errors import ConversionError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from converter.graphs.fuse import FusedGraph

_TIMEOUT_S = 3600  # Inception v3 int8 takes 3 minutes on two busy cores

# TensorFlow's converter names the node in a location: loc(fused["Conv2D:", "conv/Conv2D"]).
_UNKNOWN_OP = re.compile(
    r"(?:\"(?P<node>[^\"\n]*)\"[^\"\n]*)?'tf\.(?P<op>\w+)' op is neither a custom op nor a flex op"
)
_WAY_OUT = "export the graph without it, or name an --input-layer behind it or an --output-layer before it"


class ConvertedModel(NamedTuple):
    """A ``.tflite`` file, and the time and memory that the conversion took."""

    content: bytes
    result: ConversionResult


def convert_graph(  # noqa: PLR0913, PLR0917 - all that a model depends on, and the work folder
    graph: FusedGraph,
    mode: Mode,
    calibration: NDArray[np.uint8] | None,
    target: Target = Target.LITERT,
    float_nodes: tuple[str, ...] = (),
    work: Path | None = None,
    report: Callable[[float], None] = lambda _share: None,
) -> ConvertedModel:
    """Convert one graph in a child process.

    Args:
        graph: with its input, preprocessing and outputs.
        mode: number format of the model.
        calibration: uint8 ``(pictures, height, width, 3)``, blue, green, red, at the input's size; None for
            modes that need none.
        target: runtime that op versions are chosen for.
        float_nodes: layers that stay float32 in an int8 model, by the names of their first operators.
        work: folder that keeps the calibrated model for further conversions of this graph on these pictures;
            a temporary one if None.
        report: called with the share of the conversion that is done, 0 to 1, as far as it is known.

    Raises:
        ConversionError: TensorFlow's converter refuses, or calibration is missing.
    """
    if mode.needs_calibration and calibration is None:
        raise ConversionError(
            f"{mode.value} needs calibration pictures, found none; give --calibration PICTURES"
        )
    if work is None:
        with work_folder() as folder:
            return convert_graph(graph, mode, calibration, target, float_nodes, folder, report)
    write_request(work, graph, mode, calibration, target, float_nodes)
    _run_worker(work, f"{', '.join(graph.stages)} as {mode.value}", report)
    result = msgspec.json.decode((work / RESULT_NAME).read_bytes(), type=ConversionResult)
    return ConvertedModel((work / MODEL_NAME).read_bytes(), result)


def explain_failure(code: int, said: str) -> str:
    """Return why TensorFlow's converter failed: the op that it cannot convert, or its most telling line."""
    if code < 0:
        return f"TensorFlow's converter was killed by signal {-code} (out of memory?)"
    if unknown := _UNKNOWN_OP.search(said):
        node = f" (node {unknown['node']!r})" if unknown["node"] else ""
        return f"TFLite has no op {unknown['op']}{node}; {_WAY_OUT}"
    if "functionalize Control Flow V1" in said:
        return f"TFLite has no loop or choice of TensorFlow 1 (Enter, Switch), and the graph has; {_WAY_OUT}"
    if "tf_type.q" in said:
        return (
            "the graph computes in 8 bits by ops of TensorFlow 1 (QuantizedConv2D and others), which TFLite"
            " does not have; give the float graph that it was made from"
        )
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if "error:" in line]
    return "TensorFlow's converter failed: " + (errors or lines or [f"exit code {code}"])[0 if errors else -1]


def _run_worker(work: Path, what: str, report: Callable[[float], None]) -> None:
    """Run the worker on a folder; ``what`` begins the messages of its errors."""
    command = [sys.executable, "-m", "converter.quantize.worker", str(work), str(os.getpid())]
    with (
        (work / "errors.txt").open("w+", encoding="utf-8", errors="replace") as errors,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=worker_environment(work)
        ) as process,
    ):
        timer = threading.Timer(_TIMEOUT_S, process.kill)
        timer.start()
        try:
            for line in process.stdout or ():
                if line.startswith(PROGRESS):
                    report(float(line.removeprefix(PROGRESS)))
            code = process.wait()
        except BaseException:
            process.kill()  # leaving the block waits for its end
            raise
        finally:
            is_late = timer.finished.is_set()
            timer.cancel()
        errors.seek(0)
        said = errors.read()
    if is_late:
        raise ConversionError(f"{what}: no result after {_TIMEOUT_S} s; convert on a faster machine")
    if code:
        raise ConversionError(f"{what}: {explain_failure(code, said)}")
