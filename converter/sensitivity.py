"""Which layers of an int8 model cost most: each is kept in float once, and the model asked again.

One subprocess calibrates once and quantizes often; that is what makes asking every layer affordable.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from converter.child_process import end_with_parent
from converter.quantize import GRAPH_NAME, REQUEST_NAME, ConversionRequest, Mode, write_request
from edge_node.errors import ConversionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from converter.fuse import FusedGraph
    from converter.quantize import Target

MAX_PICTURES = 32  # each is asked once per layer; a network has 30 to 100 layers
_PROGRESS = "layer "


class LayerCost(msgspec.Struct, frozen=True, kw_only=True):
    """One layer: its last graph node, and the mean squared error of logits without its rounding."""

    layer: str
    remaining_error: float


def rank_layers(
    graph: FusedGraph,
    calibration: NDArray[np.uint8],
    target: Target,
    advance: Callable[[int, int], object] = lambda _done, _total: None,
) -> tuple[LayerCost, ...]:
    """Return the layers of an int8 model, the one whose rounding costs most first.

    Args:
        graph: as for ``convert_graph``.
        calibration: likewise.
        target: likewise.
        advance: called with layers done and layers in all.

    Raises:
        ConversionError: the subprocess failed.
    """
    with tempfile.TemporaryDirectory(prefix="corrosion-sensitivity-") as folder:
        work = Path(folder)
        write_request(work, graph, Mode.INT8, calibration, target)
        command = [sys.executable, "-m", "converter.sensitivity", str(work), str(os.getpid())]
        with (
            (work / "errors.txt").open("w+", encoding="utf-8") as errors,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
        ):
            last = ""
            for line in process.stdout or ():
                last = line
                if line.startswith(_PROGRESS):
                    done, _, total = line.removeprefix(_PROGRESS).partition("/")
                    advance(int(done), int(total))
            if process.wait():
                errors.seek(0)
                raise ConversionError(f"ranking layers failed: {errors.read().strip()[-300:]}")
    return msgspec.json.decode(last, type=tuple[LayerCost, ...])


def main() -> int:
    """Rank the layers of the request in the folder; print progress, then the costs as JSON."""
    end_with_parent(int(sys.argv[2]))
    from converter.flatbuffer import WEIGHTED, operators, with_bias_of
    from converter.tflite_worker import calibrated, float_model, layer_of, prepare, quantized, scaled_pictures

    work = Path(sys.argv[1])
    request = msgspec.json.decode((work / REQUEST_NAME).read_bytes(), type=ConversionRequest)
    tensors = scaled_pictures(work, request)[:MAX_PICTURES]
    wanted = _float_logits(work, request, tensors)
    uncorrected = float_model(work, request)
    prepare(work, request)
    model = calibrated(work, request)
    layers = [layer_of(operator.output) for operator in operators(model) if operator.name in WEIGHTED]
    costs = []
    for at, layer in enumerate(layers):
        # A layer in float makes no rounding error, so none is taken off behind it.
        content = quantized(with_bias_of(model, uncorrected, at), request, (layer,))
        costs.append(LayerCost(layer=layer, remaining_error=_error(content, request, tensors, wanted)))
        print(f"{_PROGRESS}{at + 1}/{len(layers)}", flush=True)
    print(msgspec.json.encode(sorted(costs, key=lambda cost: cost.remaining_error)).decode())
    return 0


def _float_logits(
    work: Path, request: ConversionRequest, tensors: list[NDArray[np.float32]]
) -> list[list[NDArray[np.float64]]]:
    from converter.tensorflow_import import tensorflow

    tf = tensorflow()
    definition = tf.compat.v1.GraphDef()
    definition.ParseFromString((work / GRAPH_NAME).read_bytes())
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(definition, name="")
        fetches = [graph.get_tensor_by_name(f"{name}:0") for name in request.outputs]
        with tf.compat.v1.Session(graph=graph) as session:
            runs = [session.run(fetches, {f"{request.input}:0": tensor}) for tensor in tensors]
    return [[_mean(value) for value in run] for run in runs]


def _error(
    content: bytes,
    request: ConversionRequest,
    tensors: list[NDArray[np.float32]],
    wanted: list[list[NDArray[np.float64]]],
) -> float:
    from edge_node.interpreter import Interpreter
    from edge_node.quantization import dequantize, quantize

    interpreter = Interpreter(content, where="candidate", threads=2)
    entry = interpreter.inputs[0]
    kinds = {output.name: output.quantization for output in interpreter.outputs}
    errors = []
    for tensor, logits in zip(tensors, wanted, strict=True):
        raw = interpreter.run(quantize(tensor, entry.quantization, entry.dtype))
        found = [_mean(dequantize(raw[name], kinds[name])) for name in request.outputs]
        errors += [np.square(a - b).mean() for a, b in zip(found, logits, strict=True)]
    return float(np.mean(errors))


def _mean(value: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(value.reshape(-1, value.shape[-1]).mean(axis=0, dtype=np.float64))


if __name__ == "__main__":
    sys.exit(main())
