"""One bundle in one runtime: does it load, hold its golden probe, what does it say, how long does it take?

    python -m tests.benchmarks.zoo_ask BUNDLE PICTURES.npz ANSWERS.npz

Run by the zoo in the environment of the runtime that is asked about, so it needs nothing but the node's own.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from converter.evaluation.float_agreement import run_model
from edge_node.errors import CorrosionError
from edge_node.inference.bundle import load_bundle
from edge_node.inference.engine import Engine
from edge_node.inference.golden_probe import run_probe
from edge_node.inference.preprocess import input_tensor

_TIMED_RUNS = 10


def main(bundle: str, pictures: str, answers: str) -> int:
    """Write what the bundle's only stage says; on failure print one sentence and return 1."""
    try:
        engine = Engine(load_bundle(Path(bundle)))
        distance = max(result.share_of_tolerance for result in run_probe(engine))
    except CorrosionError as err:
        print(str(err).replace(bundle, "the bundle"), file=sys.stderr)
        return 1
    with np.load(pictures) as found:
        pixels = [found[name] for name in sorted(found.files)]
    asked = run_model(engine, pixels)
    ((stage, logits),) = asked.logits.items()
    np.savez(
        answers,
        logits=logits,
        saturated=asked.saturated[stage],
        probe=distance,
        ms=least_ms(engine, pixels[0]),
    )
    return 0


def least_ms(engine: Engine, pixels: np.ndarray) -> float:
    """Return the least time of an inference, one thread: what else the machine did is in the others."""
    (model,) = engine.bundle.manifest.models
    tensor = input_tensor(pixels, model.input)
    times = []
    for _ in range(_TIMED_RUNS):
        started = time.perf_counter()
        engine.interpreter(model.file).run(tensor)
        times.append(time.perf_counter() - started)
    return 1000 * min(times)


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
