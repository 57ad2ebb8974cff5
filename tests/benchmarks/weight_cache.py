"""What a file of packed weights would bring: XNNPACK's weight cache, which LiteRT's CompiledModel has.

The node runs models with the Interpreter, which both runtimes have and which takes no such file. Each way is
measured in processes of its own, in turn: time until the first answer, inference, memory.

    python -m tests.benchmarks.weight_cache [MODEL.tflite] [--rounds 5]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from edge_node.inference.bundle import DEFAULT_BUNDLE
from edge_node.monitoring.machine import memory_mb

RUNS = 50


def main() -> int:
    """Print a line for each way."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path, nargs="?", default=DEFAULT_BUNDLE / "model.tflite")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(interpreted(args.model) if args.one == "-" else compiled(args.model, args.one)))
        return 0
    found: dict[str, list[tuple[float, float, float]]] = {}
    for _ in range(args.rounds):
        with tempfile.TemporaryDirectory() as folder:
            cache = f"{folder}/weights"
            ways = {"interpreter": "-", "compiled model": "none", "cache, made": cache, "cache, used": cache}
            for name, way in ways.items():
                ran = subprocess.run(
                    [sys.executable, "-m", "tests.benchmarks.weight_cache", str(args.model), "--one", way],
                    capture_output=True,
                    text=True,
                    check=True,
                )
                found.setdefault(name, []).append(tuple(json.loads(ran.stdout.splitlines()[-1])))
    print(f"{'':<16}{'first answer ms':>16}{'inference ms':>14}{'memory MB':>11}   medians")
    for name, rows in found.items():
        first_ms, run_ms, memory = (statistics.median(column) for column in zip(*rows, strict=True))
        print(f"{name:<16}{first_ms:>16.1f}{run_ms:>14.2f}{memory:>11.1f}")
    return 0


def interpreted(model: Path) -> tuple[float, float, float | None]:
    """Return milliseconds to the first answer and for one inference, and memory, as the node does it."""
    from edge_node.inference.interpreter import Interpreter, runtime

    runtime()
    started_s = time.perf_counter()
    interpreter = Interpreter(model.read_bytes(), where=str(model))
    tensor = np.zeros(interpreter.inputs[0].shape, interpreter.inputs[0].dtype)
    interpreter.run(tensor)
    first_ms = (time.perf_counter() - started_s) * 1000
    return first_ms, median_ms(lambda: interpreter.run(tensor)), memory_mb()


def compiled(model: Path, cache: str) -> tuple[float, float, float | None]:
    """Return the same of LiteRT's other way to run a model, with its weight cache in the file ``cache``."""
    from ai_edge_litert.compiled_model import CompiledModel
    from ai_edge_litert.hardware_accelerator import HardwareAccelerator
    from ai_edge_litert.options import Options

    options = Options(hardware_accelerators=HardwareAccelerator.CPU)
    options.cpu_options.num_threads = 1
    if cache != "none":
        options.cpu_options.xnnpack_weight_cache_path = cache
    started_s = time.perf_counter()
    compiled_model = CompiledModel.from_file(str(model), options=options)
    inputs, outputs = compiled_model.create_input_buffers(0), compiled_model.create_output_buffers(0)
    compiled_model.run_by_index(0, inputs, outputs)
    first_ms = (time.perf_counter() - started_s) * 1000
    took_ms = median_ms(lambda: compiled_model.run_by_index(0, inputs, outputs))
    if cache != "none" and not Path(cache).stat().st_size:
        raise SystemExit("no cache was written")
    return first_ms, took_ms, memory_mb()


def median_ms(action) -> float:
    """Return the median time of ``RUNS`` calls."""
    times = []
    for _ in range(RUNS):
        started_s = time.perf_counter()
        action()
        times.append((time.perf_counter() - started_s) * 1000)
    return statistics.median(times)


if __name__ == "__main__":
    raise SystemExit(main())
