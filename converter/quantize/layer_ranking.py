"""Rank the layers of an int8 model by what their rounding costs: keep two at a time in float and measure.

A model is calibrated once and quantized often, which makes it affordable to measure every layer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from converter.quantize.int8_builder import calibrate_model, pair_layers, quantize_int8
from converter.quantize.tflite_converter import feed_pictures
from edge_node.inference.interpreter import Interpreter
from edge_node.inference.quantization import dequantize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from converter.quantize.request import ConversionRequest
    from edge_node.inference.interpreter import Tensor

MAX_PICTURES = 32  # each is run once per pair of layers; a network has 30 to 100 layers


class LayerGain(msgspec.Struct, frozen=True, kw_only=True):
    """Two layers, one reading the other, and how much float32 there reduces the logits' mean square error.

    Layers are measured in pairs: the tensor between two layers is in 8 bits unless both are in float.
    """

    layers: tuple[str, ...]
    gain: float


def order_layers(gains: Iterable[LayerGain]) -> tuple[str, ...]:
    """Return the layers of all pairs, each once, those of the pair that gains most first."""
    ranked = sorted(gains, key=lambda found: -found.gain)
    return tuple(dict.fromkeys(layer for found in ranked for layer in found.layers))


def measure_gains(
    work: Path, request: ConversionRequest, report: Callable[[float], None]
) -> tuple[LayerGain, ...]:
    """Return the pairs of layers of an int8 model, the pair whose rounding costs most first.

    Args:
        work: folder of the request.
        request: to rank its layers.
        report: called with the share of the pairs that is done, 0 to 1.
    """
    source = calibrate_model(work, request)

    def feed(entry: Tensor) -> Sequence[NDArray[np.generic]]:
        return feed_pictures(work, request, entry, MAX_PICTURES)

    wanted = _run(source.exact, request, feed)

    def error(kept: tuple[str, ...]) -> float:
        found = _run(quantize_int8(source, request, kept), request, feed)
        return float(np.square(found - wanted).mean())

    pairs = pair_layers(source.model)
    all_int8, gains = error(()), []
    for at, pair in enumerate(pairs, 1):
        gains.append(LayerGain(layers=pair, gain=all_int8 - error(pair)))
        report(at / len(pairs))
    return tuple(sorted(gains, key=lambda found: -found.gain))


def _run(
    content: bytes, request: ConversionRequest, feed: Callable[[Tensor], Sequence[NDArray[np.generic]]]
) -> NDArray[np.float64]:
    """Run a model on all pictures and return its logits, ``(pictures, labels of all outputs)``."""
    interpreter = Interpreter(content, where="candidate")
    kinds = {output.name: output.quantization for output in interpreter.outputs}
    rows = []
    for tensor in feed(interpreter.inputs[0]):
        raw = interpreter.run(tensor)
        values = (dequantize(raw[name], kinds[name]) for name in request.outputs)
        rows.append(np.concatenate([_mean(value) for value in values]))
    return np.stack(rows)


def _mean(value: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(value.reshape(-1, value.shape[-1]).mean(axis=0, dtype=np.float64))
