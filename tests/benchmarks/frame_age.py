"""How old are decided frames when the camera is faster than the model?

    python -m tests.benchmarks.frame_age [--fps 30] [--model-fps 5] [--seconds 30]

The daemon's main loop decides raw frames with the default bundle, slowed down to the model's rate. The age
is from capture until the verdict was handed to the spool. It can be no less than the inference, and with one
slot and no queue no more than that and one frame interval: the last column is that bound.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from edge_node.bench.node_run import run_node
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.inference.engine import Engine, ModelOutputs


class SlowEngine(Engine):
    """The default bundle on a board that needs ``busy_s`` for a picture."""

    busy_s = 0.2

    def run(self, *args, **options) -> ModelOutputs:
        """Run the models, and take as long as the slow board would."""
        until_s = time.perf_counter() + self.busy_s
        answers = super().run(*args, **options)
        time.sleep(max(0.0, until_s - time.perf_counter()))
        return answers


def main() -> None:
    """Print the ages beside their bound."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fps", type=float, default=30)
    parser.add_argument("--model-fps", type=float, default=5)
    parser.add_argument("--seconds", type=float, default=30)
    args = parser.parse_args()
    engine = SlowEngine(load_bundle(DEFAULT_BUNDLE))
    engine.busy_s = 1 / args.model_fps
    noise = np.random.default_rng(1).integers(0, 256, (8, 480, 640, 3), dtype=np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        run = run_node(engine, list(noise), Path(folder), seconds=args.seconds, fps=args.fps, broker=None)
    bound_ms = 1000 / args.fps + 1000 / args.model_fps
    p50, p99 = np.percentile(run.latency_ms, (50, 99))
    print(
        f"{run.verdicts} verdicts in {run.wall_s:.0f} s at {args.fps:g} frames/s: age p50 {p50:.1f} ms,"
        f" p99 {p99:.1f} ms; interval + inference {bound_ms:.1f} ms, p99 / bound {p99 / bound_ms:.3f}"
    )


if __name__ == "__main__":
    main()
