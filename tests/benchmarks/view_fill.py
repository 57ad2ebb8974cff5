"""Measure which filling of masked pixels changes the fewest verdicts.

``python -m tests.benchmarks.view_fill FOLDER``: the default bundle judges each photograph as it is, with a
robot's dark wheel before a part of it, and with that part masked and filled in several ways. Printed is the
share of photographs whose outcome or material differs from that of the photograph as it is.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_node.camera.media_files import list_media
from edge_node.camera.picture import read_picture
from edge_node.errors import CameraError
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.inference.engine import Engine
from edge_node.inspection.inspector import Inspector
from edge_node.view.framing import FILL_GREY

if TYPE_CHECKING:
    from collections.abc import Callable

    Picture = np.ndarray

FILLINGS: dict[str, Callable[[Picture, Picture], Picture]] = {
    "wheel": lambda pixels, _: np.random.default_rng(1).normal(45, 12, pixels.shape).clip(0, 255),
    "black": lambda _, __: np.zeros(3),
    "mean colour": lambda pixels, counts: pixels[counts].mean(axis=0),
    "grey": lambda _, __: np.full(3, FILL_GREY),
}


def main() -> None:
    """Print a line for each filling."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="photographs")
    parser.add_argument("--most", type=int, default=200, help="photographs that are judged, evenly chosen")
    args = parser.parse_args()
    files = list_media(args.folder).files
    inspector = Inspector(Engine(load_bundle(DEFAULT_BUNDLE)))
    differs: dict[str, list[tuple[bool, bool]]] = {name: [] for name in FILLINGS}
    for file in files[:: max(1, len(files) // args.most)]:
        try:
            pixels = read_picture(file)
        except CameraError:
            continue
        whole = inspector.inspect(pixels).decision
        if not whole.stages:
            continue
        counts = make_mask(*pixels.shape[:2])
        for name, fill in FILLINGS.items():
            filled = np.where(counts[..., None], pixels, fill(pixels, counts)).astype(np.uint8)
            found = inspector.inspect(filled).decision
            differs[name].append((found.outcome != whole.outcome, found.material != whole.material))
    print(f"{'filled with':<14}{'pictures':>10}{'other outcome':>16}{'other material':>17}")
    for name, pairs in differs.items():
        outcome, material = np.mean(pairs, axis=0)
        print(f"{name:<14}{len(pairs):>10}{outcome:>16.1%}{material:>17.1%}")


def make_mask(height: int, width: int) -> Picture:
    """Return which pixels count: all but half an ellipse at the bottom, an eighth of the picture."""
    mask = np.full((height, width), 255, np.uint8)
    cv2.ellipse(mask, (width // 2, height), (int(0.28 * width), int(0.3 * height)), 0, 0, 360, 0, -1)
    return mask > 0


if __name__ == "__main__":
    main()
