"""Run pictures with known outputs in the installed runtime, and refuse a runtime that computes wrongly.

A runtime that loads a model may still compute it wrongly without an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_node.errors import BundleError
from edge_node.inference.cascade import calibrate_probabilities
from edge_node.inference.manifest import OutputKind
from edge_node.inference.preprocess import input_tensor
from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_node.inference.engine import Engine
    from edge_node.inference.manifest import ModelFile, OutputTensor

MAX_STEPS = 2.0  # int8 kernels of different runtimes round differently, by up to two steps of the output
# A map accumulates the rounding of every layer. Between LiteRT's XNNPACK and tflite-runtime's own kernels up
# to 1.4 times 8 steps at a position, or 2 in the mean over positions, were seen on EfficientNet-Lite0.
MAX_STEPS_AT_A_POSITION = 16.0
MAX_STEPS_OF_MEAN = 4.0
# A small model accumulates more: MobileNet v1 0.25 and 0.5 are up to twice that far off on tflite-runtime
# 2.14, change probabilities by up to 0.07, and predict the same label for 97 to 100 % of pictures. So outputs
# of 8-bit models may be this many times further off, as long as no picture's probabilities change by more
# than MAX_PROBABILITY. Wrong kernels, or pixels that were not centred, change them by half.
SMALL_MODEL_FACTOR = 3.0
MAX_PROBABILITY = 0.1
# Share of an output's span that kernels may differ by, where it is not quantized: measured 1e-6 for
# float32 on x86-64; Arm computes float16 models in half precision; dynamic ranges round per batch.
_FLOAT_TOLERANCE = {
    "none": 1e-3,
    "float16": 2e-2,
    "dynamic": 5e-2,
    "int8-float-io": 2e-2,
    "int8": 2e-2,
    "int16x8": 1e-2,
}
_EIGHT_BITS = frozenset({"dynamic", "int8-float-io", "int8"})


class ProbeResult(PlainStruct, frozen=True):
    """The largest error of one output on the golden pictures, as a share of its tolerance."""

    file: str
    output: str
    share_of_tolerance: float


def run_probe(engine: Engine) -> tuple[ProbeResult, ...]:
    """Run the bundle's golden pictures and return the error of each output.

    Raises:
        BundleError: an output is further off than its tolerance, or the probe does not cover the models.
    """
    golden, manifest = engine.bundle.golden, engine.bundle.manifest
    found = golden_outputs(engine, golden.pictures) if len(golden.pictures) else {}
    results = [
        result
        for model in manifest.models
        for result in _compare(engine, model, found.get(model.file, {}), golden.outputs.get(model.file, {}))
    ]
    for result in results:
        if not result.share_of_tolerance <= 1.0:  # NaN fails too
            raise BundleError(
                f"{engine.bundle.path / result.file}: output {result.output!r} is"
                f" {result.share_of_tolerance:.1f} times further from the golden probe than allowed;"
                " this runtime computes the model wrongly"
            )
    return tuple(results)


def golden_outputs(engine: Engine, pictures: NDArray[np.uint8]) -> dict[str, dict[str, NDArray[np.float32]]]:
    """Return per model and output the real values for ``pictures``, ``(pictures, *shape[1:])``."""
    found: dict[str, dict[str, NDArray[np.float32]]] = {}
    for model in engine.bundle.manifest.models:
        rows = [engine.outputs(model.file, input_tensor(picture, model.input)) for picture in pictures]
        found[model.file] = {
            out.name: np.concatenate([row[out.name] for row in rows]) for out in model.outputs
        }
    return found


def _compare(
    engine: Engine,
    model: ModelFile,
    found: dict[str, NDArray[np.float32]],
    expected: dict[str, NDArray[np.float32]],
) -> list[ProbeResult]:
    results = []
    for output in model.outputs:
        values, wanted = found.get(output.name), expected.get(output.name)
        if values is None or wanted is None or values.shape != wanted.shape:
            where = engine.bundle.path / model.file
            raise BundleError(
                f"{where}: the golden probe does not cover output {output.name!r}; convert again"
            )
        results.append(
            ProbeResult(model.file, output.name, _share_of_tolerance(model, output, values - wanted, wanted))
        )
    return results


def _share_of_tolerance(
    model: ModelFile, output: OutputTensor, error: NDArray[np.float32], wanted: NDArray[np.float32]
) -> float:
    """Return the largest error as a share of the tolerance; of a map also that of its means."""
    strict = _in_steps(error, output, _tolerance(model, output, wanted))
    if strict <= 1.0 or model.quantization not in _EIGHT_BITS:
        return strict
    found, expected = (_probabilities(values, output.kind) for values in (wanted + error, wanted))
    return max(strict / SMALL_MODEL_FACTOR, float(np.abs(found - expected).max()) / MAX_PROBABILITY)


def _in_steps(error: NDArray[np.float32], output: OutputTensor, allowed: float) -> float:
    if output.kind is not OutputKind.MAP:
        return float(np.abs(error).max() / allowed)
    positions = np.abs(error).max() / (allowed * MAX_STEPS_AT_A_POSITION / MAX_STEPS)
    means = np.abs(error.mean(axis=(1, 2))).max() / (allowed * MAX_STEPS_OF_MEAN / MAX_STEPS)
    return float(max(positions, means))


def _probabilities(values: NDArray[np.float32], kind: OutputKind) -> NDArray[np.float64]:
    """Return the probabilities of outputs ``(pictures, ..., labels)`` at temperature 1."""
    return np.stack([calibrate_probabilities(picture, kind, 1.0) for picture in values])


def _tolerance(model: ModelFile, output: OutputTensor, expected: NDArray[np.float32]) -> float:
    """Return the largest difference allowed, in the output's real unit."""
    if output.scale > 0:
        return MAX_STEPS * output.scale * 1.001  # the last digits of float32
    return _FLOAT_TOLERANCE[model.quantization] * max(float(np.ptp(expected)), 1e-3)
