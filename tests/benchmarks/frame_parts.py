"""Processor time of each part of a frame's way from its pixels to the inspection, in one thread.

Frames are photographs at a camera's size; parts are measured in turns, so that the machine's mood is shared.

    python -m tests.benchmarks.frame_parts [--width 640] [--height 480] [--pictures 60] [--bundle FOLDER]
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the daemon does
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import cv2
import numpy as np

from edge_node.config.sections import BundleConfig, InspectConfig
from edge_node.inference.loading import load_engine
from edge_node.inference.preprocess import input_tensor
from edge_node.inspection.corrosion_map import corroded_labels, estimate_area
from edge_node.inspection.inspectability import (
    Thresholds,
    has_colour,
    inspect,
    is_surely_sharp,
    measure_light,
    measure_sharpness,
    to_grey,
)
from edge_node.inspection.inspector import configured_inspector

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "surfaces"
ROUNDS = 7


def main() -> int:
    """Print a line for each part."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--height", type=int, default=480)
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--bundle", default="default")
    args = parser.parse_args()
    files = sorted(DATA.rglob("*.jpg"))
    chosen = files[:: max(1, len(files) // args.pictures)][: args.pictures]
    frames = [cv2.resize(cv2.imread(str(file)), (args.width, args.height)) for file in chosen]
    print(f"{len(frames)} frames of {args.width} x {args.height}, OpenCV {cv2.__version__}")
    for name, values in measure(frames, args.bundle).items():
        print(f"{name:<38} {min(values):7.3f} ms  (median {np.median(values):.3f})")
    return 0


def measure(frames: list[np.ndarray], bundle: str) -> dict[str, list[float]]:
    """Return the milliseconds a frame of each part, one value for each round."""
    engine = load_engine(BundleConfig(path=bundle))
    inspector = configured_inspector(InspectConfig(), engine)
    spec, thresholds = engine.bundle.manifest.models[0].input, Thresholds()
    stage = next(s for s in engine.bundle.manifest.cascade.stages if s.map is not None and corroded_labels(s))
    logits = np.random.default_rng(1).normal(0, 2, (8, 8, len(stage.labels))).astype(np.float32)
    parts = {
        "gate: all": lambda frame: inspect(frame, thresholds),
        "  shrunk to grey": to_grey,
        "  light (of grey)": lambda frame: measure_light(frame[:240, :320, 0]),
        "  sharpness, middle lines (of grey)": lambda frame: is_surely_sharp(
            frame[:240, :320, 0], thresholds
        ),
        "  sharpness, all lines (of grey)": lambda frame: measure_sharpness(frame[:240, :320, 0]),
        "search for colour": has_colour,
        "input tensor": lambda frame: input_tensor(frame, spec),
        "  OpenCV's area resize, for comparison": lambda frame: cv2.resize(
            frame, (spec.shape[2], spec.shape[1]), interpolation=cv2.INTER_AREA
        ),
        "area of a map": lambda _frame: estimate_area(logits, stage),
        "whole inspection": inspector.inspect,
    }
    found: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(ROUNDS):
        for name, part in parts.items():
            started_s = time.thread_time()
            for frame in frames:
                part(frame)
            found[name].append((time.thread_time() - started_s) * 1000 / len(frames))
    return found


if __name__ == "__main__":
    raise SystemExit(main())
