"""Rank the layers of an int8 model by what their rounding costs: keep two at a time in float and measure.

One subprocess calibrates once and quantizes often, which makes it affordable to measure every layer.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from converter.child_process import end_with_parent
from converter.quantize.request import (
    REQUEST_NAME,
    ConversionRequest,
    Mode,
    worker_environment,
    write_request,
)
from converter.work_folder import work_folder
from edge_node.errors import ConversionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from converter.graphs.fuse import FusedGraph
    from converter.quantize.request import Target
    from edge_node.inference.interpreter import Tensor

MAX_PICTURES = 32  # each is run once per pair of layers; a network has 30 to 100 layers
_PROGRESS = "layer "


class LayerGain(msgspec.Struct, frozen=True, kw_only=True):
    """Two layers, one reading the other, and how much float32 there reduces the logits' mean square error.

    Layers are measured in pairs: the tensor between two layers is in 8 bits unless both are in float.
    """

    layers: tuple[str, ...]
    gain: float


def rank_layers(
    graph: FusedGraph,
    calibration: NDArray[np.uint8],
    target: Target,
    work: Path | None = None,
    report: Callable[[float], None] = lambda _share: None,
) -> tuple[LayerGain, ...]:
    """Return the pairs of layers of an int8 model, the pair whose rounding costs most first.

    Args:
        graph: as for ``convert_graph``.
        calibration: likewise.
        target: likewise.
        work: likewise.
        report: called with the share of the pairs that is done, 0 to 1.

    Raises:
        ConversionError: the subprocess failed.
    """
    if work is None:
        with work_folder() as folder:
            return rank_layers(graph, calibration, target, folder, report)
    write_request(work, graph, Mode.INT8, calibration, target)
    command = [sys.executable, "-m", "converter.quantize.layer_ranking", str(work), str(os.getpid())]
    with (
        (work / "errors.txt").open("w+", encoding="utf-8") as errors,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=worker_environment(work)
        ) as process,
    ):
        last = ""
        try:
            for line in process.stdout or ():
                last = line
                if line.startswith(_PROGRESS):
                    done, _, total = line.removeprefix(_PROGRESS).partition("/")
                    report(int(done) / int(total))
        except BaseException:
            process.kill()  # leaving the block waits for its end
            raise
        if process.wait():
            errors.seek(0)
            raise ConversionError(f"ranking layers failed: {errors.read().strip()[-300:]}")
    return msgspec.json.decode(last, type=tuple[LayerGain, ...])


def order_layers(gains: Iterable[LayerGain]) -> tuple[str, ...]:
    """Return the layers of all pairs, each once, those of the pair that gains most first."""
    ranked = sorted(gains, key=lambda found: -found.gain)
    return tuple(dict.fromkeys(layer for found in ranked for layer in found.layers))


def main() -> int:
    """Rank the layers of the request in the folder; print progress, then the gains as JSON."""
    end_with_parent(int(sys.argv[2]))
    from converter.quantize.int8_builder import calibrate_model, pair_layers, quantize_int8
    from converter.quantize.tflite_converter import feed_pictures

    work = Path(sys.argv[1])
    request = msgspec.json.decode((work / REQUEST_NAME).read_bytes(), type=ConversionRequest)
    source = calibrate_model(work, request)

    def feed(entry: Tensor) -> list[NDArray[np.generic]]:
        return feed_pictures(work, request, entry, MAX_PICTURES)

    wanted = _run(source.exact, request, feed)

    def error(kept: tuple[str, ...]) -> float:
        found = _run(quantize_int8(source, request, kept), request, feed)
        return float(np.square(found - wanted).mean())

    pairs = pair_layers(source.model)
    all_int8, gains = error(()), []
    for at, pair in enumerate(pairs):
        gains.append(LayerGain(layers=pair, gain=all_int8 - error(pair)))
        print(f"{_PROGRESS}{at + 1}/{len(pairs)}", flush=True)
    print(msgspec.json.encode(sorted(gains, key=lambda found: -found.gain)).decode())
    return 0


def _run(
    content: bytes, request: ConversionRequest, feed: Callable[[Tensor], list[NDArray[np.generic]]]
) -> NDArray[np.float64]:
    """Run a model on all pictures and return its logits, ``(pictures, labels of all outputs)``."""
    from edge_node.inference.interpreter import Interpreter
    from edge_node.inference.quantization import dequantize

    interpreter = Interpreter(content, where="candidate", threads=2)
    kinds = {output.name: output.quantization for output in interpreter.outputs}
    rows = []
    for tensor in feed(interpreter.inputs[0]):
        raw = interpreter.run(tensor)
        values = (dequantize(raw[name], kinds[name]) for name in request.outputs)
        rows.append(np.concatenate([_mean(value) for value in values]))
    return np.stack(rows)


def _mean(value: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(value.reshape(-1, value.shape[-1]).mean(axis=0, dtype=np.float64))


if __name__ == "__main__":
    sys.exit(main())
