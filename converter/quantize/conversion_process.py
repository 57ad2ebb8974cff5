"""Convert a fused graph to a ``.tflite`` file in a child process: ``tf.lite`` leaks memory at every call.

The child is ``converter.quantize.worker``; ``converter.quantize.request`` names the files between both.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from converter.quantize.layer_ranking import LayerGain
from converter.quantize.request import (
    FINISHED,
    FINISHED_LAST,
    GAINS_NAME,
    MODEL_NAME,
    PROGRESS,
    RESULT_NAME,
    ConversionResult,
    Mode,
    Target,
    make_request,
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
_LARGEST_MB = 1000.0  # TensorFlow's converter leaks at every call; a MobileNet leaves a process with 700

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
    """Convert one graph in a child process of its own; arguments as for ``ConversionProcess.convert``.

    A ``work`` of None is a temporary folder.
    """
    with work_folder() as own, ConversionProcess(own) as process:
        return process.convert(graph, mode, calibration, target, float_nodes, work or own, report)


class ConversionProcess:
    """A child process that converts graph after graph: TensorFlow's import takes longer than a conversion.

    It starts at the first request, and anew after one that left it large or failed.
    """

    def __init__(self, folder: Path, largest_mb: float = _LARGEST_MB) -> None:
        """Prepare a process; none runs yet.

        Args:
            folder: for its temporary files.
            largest_mb: a process that holds more ends after its request.
        """
        self._errors_file, self._largest_mb = folder / "errors.txt", largest_mb
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> ConversionProcess:  # noqa: PYI034  Self needs Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    @property
    def is_running(self) -> bool:
        """Whether a process waits for requests."""
        return self._process is not None

    def convert(  # noqa: PLR0913, PLR0917 - all that a model depends on
        self,
        graph: FusedGraph,
        mode: Mode,
        calibration: NDArray[np.uint8] | None,
        target: Target,
        float_nodes: tuple[str, ...],
        work: Path,
        report: Callable[[float], None],
    ) -> ConvertedModel:
        """Convert one graph.

        Args:
            graph: with its input, preprocessing and outputs.
            mode: number format of the model.
            calibration: uint8 ``(pictures, height, width, 3)``, blue, green, red, at the input's size; None
                for modes that need none.
            target: runtime that op versions are chosen for.
            float_nodes: layers that stay float32 in an int8 model, by the names of their first operators.
            work: folder that keeps the float and the calibrated model for further conversions of this graph
                on these pictures.
            report: called with the share of the conversion that is done, 0 to 1, as far as it is known.

        Raises:
            ConversionError: TensorFlow's converter refuses, or calibration is missing.
        """
        if mode.needs_calibration and calibration is None:
            raise ConversionError(
                f"{mode.value} needs calibration pictures, found none; give --calibration PICTURES"
            )
        write_request(work, graph, make_request(graph, mode, target, float_nodes), calibration)
        self._carry_out(work, f"{', '.join(graph.stages)} as {mode.value}", report)
        result = msgspec.json.decode((work / RESULT_NAME).read_bytes(), type=ConversionResult)
        return ConvertedModel((work / MODEL_NAME).read_bytes(), result)

    def rank(
        self,
        graph: FusedGraph,
        calibration: NDArray[np.uint8],
        target: Target,
        work: Path,
        report: Callable[[float], None],
    ) -> tuple[LayerGain, ...]:
        """Return the pairs of layers of an int8 model, the pair whose rounding costs most first.

        Args:
            graph: as for ``convert``, like the others.
            calibration: likewise.
            target: likewise.
            work: likewise.
            report: called with the share of the pairs that is done, 0 to 1.

        Raises:
            ConversionError: the child process failed.
        """
        request = make_request(graph, Mode.INT8, target)
        write_request(work, graph, msgspec.structs.replace(request, ranks_layers=True), calibration)
        self._carry_out(work, f"{', '.join(graph.stages)}, ranking layers", report)
        return msgspec.json.decode((work / GAINS_NAME).read_bytes(), type=tuple[LayerGain, ...])

    def _carry_out(self, work: Path, what: str, report: Callable[[float], None]) -> None:
        """Let the process carry out the request in a folder; ``what`` begins the messages of its errors."""
        process = self._process or self._start()
        timer = threading.Timer(_TIMEOUT_S, process.kill)
        timer.daemon = True  # Ctrl-C while it starts must not leave a thread that is waited for
        last = ""
        try:
            timer.start()
            with suppress(BrokenPipeError):  # it has ended, and its errors say why
                print(work, file=process.stdin, flush=True)
            for line in process.stdout or ():
                last = line.rstrip()
                if last in {FINISHED, FINISHED_LAST}:
                    break
                if last.startswith(PROGRESS):
                    report(float(last.removeprefix(PROGRESS)))
        except BaseException:
            process.kill()
            self._end()
            raise
        finally:
            is_late = timer.finished.is_set()
            timer.cancel()
        if last == FINISHED:
            return
        reason = self._end()
        if is_late:
            raise ConversionError(f"{what}: no result after {_TIMEOUT_S} s; convert on a faster machine")
        if last != FINISHED_LAST:
            raise ConversionError(f"{what}: {reason}")

    def _start(self) -> subprocess.Popen[str]:
        with self._errors_file.open("w", encoding="utf-8") as errors:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "converter.quantize.worker"),
                    *(str(os.getpid()), str(self._largest_mb)),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=worker_environment(self._errors_file.parent),
            )
        return self._process

    def _end(self) -> str:
        """Wait for the end of the process, which is that of its requests; return why it failed, if it did."""
        process, self._process = self._process, None
        if process is None:
            return ""
        with suppress(BrokenPipeError):
            process.communicate()
        said = self._errors_file.read_text(encoding="utf-8", errors="replace")
        return explain_failure(process.returncode, said) if process.returncode else ""


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
