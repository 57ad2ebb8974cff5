"""``python -m converter.quantize.worker FOLDER PARENT``: run the conversion that lies in a folder.

``converter.quantize.conversion_process`` starts it; ``converter.quantize.request`` names the files.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import msgspec

from converter.child_process import end_with_parent, peak_memory_mb
from converter.quantize.float_heads import restore_float_heads
from converter.quantize.int8_builder import calibrate_model, quantize_int8
from converter.quantize.request import (
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

_LOADED = 0.05  # of an int8 conversion, the longest there is, TensorFlow's import takes so much


def report_share(share: float) -> None:
    """Tell the parent how much of the conversion is done, 0 to 1."""
    print(f"{PROGRESS}{share:.3f}", flush=True)


def main() -> int:
    """Convert the folder's graph, write the model, its time and its memory; return the exit code."""
    end_with_parent(int(sys.argv[2]))
    work = Path(sys.argv[1])
    tensorflow()
    report_share(_LOADED)
    request = msgspec.json.decode((work / REQUEST_NAME).read_bytes(), type=ConversionRequest)
    started = time.perf_counter()
    content = _convert(work, request)
    (work / MODEL_NAME).write_bytes(content)
    result = ConversionResult(seconds=time.perf_counter() - started, peak_memory_mb=peak_memory_mb())
    (work / RESULT_NAME).write_bytes(msgspec.json.encode(result))
    return 0


def _convert(work: Path, request: ConversionRequest) -> bytes:
    if request.mode.takes_float_layers:
        return quantize_int8(calibrate_model(work, request, report_share), request, request.float_nodes)
    content = bytes(make_converter(work, request).convert())
    if request.mode is Mode.DYNAMIC:
        in_float = msgspec.structs.replace(request, mode=Mode.NONE)
        return restore_float_heads(content, lambda: bytes(make_converter(work, in_float).convert()))
    return content


if __name__ == "__main__":
    sys.exit(main())
