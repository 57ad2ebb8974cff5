"""``python -m converter.quantize.worker PARENT LARGEST_MB``: convert what lies in folders that stdin names.

``converter.quantize.conversion_process`` starts it; ``converter.quantize.request`` names the files.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import msgspec

from converter.child_process import end_with_parent, memory_mb, peak_memory_mb
from converter.quantize.float_heads import restore_float_heads
from converter.quantize.int8_builder import calibrate_model, convert_exact, quantize_int8
from converter.quantize.layer_ranking import measure_gains
from converter.quantize.request import (
    FINISHED,
    FINISHED_LAST,
    GAINS_NAME,
    MODEL_NAME,
    PROGRESS,
    REQUEST_NAME,
    RESULT_NAME,
    ConversionRequest,
    ConversionResult,
    Mode,
)
from converter.quantize.tflite_converter import make_converter
from converter.tensorflow_import import tensorflow

_LOADED = 0.15  # of a request, TensorFlow's import takes so much


def report_share(share: float) -> None:
    """Tell the parent how much of the request is done, 0 to 1."""
    print(f"{PROGRESS}{share:.3f}", flush=True)


def main() -> int:
    """Carry out the requests in the folders that stdin names, one a line; return the exit code."""
    end_with_parent(int(sys.argv[1]))
    largest_mb = float(sys.argv[2])
    tensorflow()
    for line in sys.stdin:
        _carry_out(Path(line.rstrip("\n")))
        is_large = memory_mb() > largest_mb
        print(FINISHED_LAST if is_large else FINISHED, flush=True)
        if is_large:
            break
    return 0


def _carry_out(work: Path) -> None:
    """Convert the folder's graph, or rank its layers; write the outcome, its time and its memory."""
    request = msgspec.json.decode((work / REQUEST_NAME).read_bytes(), type=ConversionRequest)
    report_share(_LOADED)
    started = time.perf_counter()
    if request.ranks_layers:
        (work / GAINS_NAME).write_bytes(msgspec.json.encode(measure_gains(work, request, report_share)))
    else:
        (work / MODEL_NAME).write_bytes(_convert(work, request))
    result = ConversionResult(seconds=time.perf_counter() - started, peak_memory_mb=peak_memory_mb())
    (work / RESULT_NAME).write_bytes(msgspec.json.encode(result))


def _convert(work: Path, request: ConversionRequest) -> bytes:
    if request.mode.takes_float_layers:
        return quantize_int8(calibrate_model(work, request, report_share), request, request.float_nodes)
    if request.mode is Mode.NONE:
        return convert_exact(work, request)
    content = bytes(make_converter(work, request).convert())
    if request.mode is Mode.DYNAMIC:
        return restore_float_heads(content, lambda: convert_exact(work, request))
    return content


if __name__ == "__main__":
    sys.exit(main())
