"""Convert a graph to int8 with some correction steps left out, in a process of its own.

A step is left out by replacing it in that process only, so production code needs no switch for it.
"""

from __future__ import annotations

import inspect
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from converter.quantize import int8_builder
from converter.quantize.request import REQUEST_NAME, ConversionRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from converter.quantize.activations import Activations
    from converter.quantize.int8_builder import Step

# By name, in the order in which they are applied.
STEPS: dict[str, Step] = {step.__name__: step for step in int8_builder.STEPS}


def convert_without(work: Path, left_out: Collection[str]) -> tuple[bytes, dict[str, Any]]:
    """Convert the request in a folder as the worker does, without some steps.

    Args:
        work: folder of the request, see ``converter.quantize.request``.
        left_out: names of steps.

    Returns:
        The ``.tflite`` file; and ``cpu_s`` of all cores from TensorFlow's import on, ``steps_cpu_s`` of each
        step that was applied, and ``changed``: whether it changed the model.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(_convert, work, left_out).result()


def count_lines(step: str) -> int:
    """Return how many lines of a step's file are not empty."""
    text = Path(inspect.getfile(STEPS[step])).read_text(encoding="utf-8")
    return sum(bool(line.strip()) for line in text.splitlines())


@dataclass
class _MeasuredStep:
    """Apply a step; measure its CPU time and whether it changes the model."""

    step: Step
    cpu_s: float = 0.0
    changed: bool = False

    def __call__(self, model: bytes, activations: Activations, report: Callable[[float], None]) -> bytes:
        started = time.process_time()
        found = self.step(model, activations, report)
        self.cpu_s, self.changed = time.process_time() - started, found != model
        return found


def _convert(work: Path, left_out: Collection[str]) -> tuple[bytes, dict[str, Any]]:
    applied = {name: _MeasuredStep(step) for name, step in STEPS.items() if name not in left_out}
    int8_builder.STEPS = tuple(applied.values())
    request = msgspec.json.decode((work / REQUEST_NAME).read_bytes(), type=ConversionRequest)
    content = int8_builder.quantize_int8(int8_builder.calibrate_model(work, request), request, ())
    return content, {
        "cpu_s": time.process_time(),
        "steps_cpu_s": {name: step.cpu_s for name, step in applied.items()},
        "changed": {name: step.changed for name, step in applied.items()},
    }
