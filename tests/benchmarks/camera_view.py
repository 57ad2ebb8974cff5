"""Measure what the view costs a frame: lens, turn, crop and mask, each alone and all, beside none.

``python -m tests.benchmarks.camera_view``: processor time of a frame in the main thread (view, gate, resize),
in turns, at the sizes of robots' cameras; medians.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_node.camera.backends.recording import iter_video
from edge_node.demo.run import CLIP
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.inference.engine import Engine
from edge_node.inspection.inspectability import Thresholds
from edge_node.inspection.inspector import Inspector
from edge_node.messages.camera_view import Crop, Lens
from edge_node.view.settings import ViewSettings
from edge_node.view.view import View

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZES = ((640, 480), (1280, 720), (1920, 1080))


def make_settings(width: int, height: int) -> dict[str, ViewSettings | None]:
    """Return the settings that are measured, for pictures of one size."""
    lens = Lens(
        model="pinhole",
        width_px=width,
        height_px=height,
        fx_px=0.8 * width,
        fy_px=0.8 * width,
        cx_px=width / 2,
        cy_px=height / 2,
        coefficients=(-0.3, 0.1, 0.0, 0.0, 0.0),
    )
    mask = np.full((height, width), 255, np.uint8)
    cv2.ellipse(mask, (width // 2, height), (width // 4, height // 4), 0, 0, 360, 0, -1)
    left, top = width // 10, height // 10
    level = Crop(
        left_px=left, top_px=top, width_px=width - 2 * left, height_px=height - 2 * top, of_px=(width, height)
    )
    turned = Crop(
        left_px=top, top_px=left, width_px=height - 2 * top, height_px=width - 2 * left, of_px=(height, width)
    )
    return {
        "none": None,
        "rotate 90": ViewSettings(90),
        "crop": ViewSettings(crop=level),
        "mask": ViewSettings(mask=mask),
        "undistort": ViewSettings(lens=lens),
        "all four": ViewSettings(90, crop=turned, lens=lens, mask=mask),
    }


def measure(pixels: NDArray[np.uint8], rounds: int, engine: Engine) -> dict[str, float]:
    """Return for each setting the median processor time of a frame, ms."""
    settings = make_settings(pixels.shape[1], pixels.shape[0])
    inspectors = {
        name: Inspector(engine, thresholds=Thresholds(), view=None if one is None else View(one))
        for name, one in settings.items()
    }
    took_ms: dict[str, list[float]] = {name: [] for name in inspectors}
    for turn in range(rounds + 1):
        for name, inspector in inspectors.items():
            began_s = time.process_time()
            inspector.prepare(pixels)
            if turn:  # the first prepares the maps
                took_ms[name].append((time.process_time() - began_s) * 1000)
    return {name: statistics.median(times) for name, times in took_ms.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    cv2.setNumThreads(1)
    engine, frame = Engine(load_bundle(DEFAULT_BUNDLE)), next(iter_video(CLIP))
    print(f"{'camera':<12}{'view':<12}{'ms a frame':>12}{'more than none':>16}")
    for width, height in SIZES:
        resized = cv2.resize(frame, (width, height), interpolation=cv2.INTER_CUBIC)
        found = measure(np.asarray(resized, np.uint8), rounds, engine)
        for name, took_ms in found.items():
            more = took_ms - found["none"]
            print(f"{f'{width}x{height}':<12}{name:<12}{took_ms:>12.2f}{more:>+16.2f}")


if __name__ == "__main__":
    main()
