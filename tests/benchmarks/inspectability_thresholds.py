"""What the inspectability gate refuses, beside what degradation does to the verdicts.

    python -m tests.benchmarks.inspectability_thresholds [--pictures 320] [--seed 4] [--bundle FOLDER]

Photographs of ``../shared/data`` are scaled to 480 lines and degraded in steps. For each step: the share of
pictures whose outcome stays what it was, the share called corroded, and the share that the gate refuses,
by reason. The thresholds were chosen with ``--seed 4``; another seed draws other pictures. ``safe`` is the
share that is refused or keeps its outcome: what the gate is for.
"""

from __future__ import annotations

import argparse
import csv
import random
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_node.camera.picture import read_picture
from edge_node.inference.bundle import load_bundle, resolve_bundle_path
from edge_node.inference.engine import Engine
from edge_node.inspection.inspectability import Thresholds, inspect
from edge_node.messages.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
LINES = 480  # what a robot's camera gives: 640 x 480
SHARES = {"surfaces": 0.5, "aircraft": 0.19, "scenes": 0.125, "masked": 0.125, "timeseries": 0.06}
NOISE = np.random.default_rng(0)


def less_light(pixels: np.ndarray, stops: float) -> np.ndarray:
    """Halve the light ``stops`` times; the sensor's read noise stays."""
    dark = pixels / 2.0**stops + NOISE.normal(0, 1.5, pixels.shape)
    return np.clip(np.rint(dark), 0, 255).astype(np.uint8)


def more_light(pixels: np.ndarray, stops: float) -> np.ndarray:
    """Double the light ``stops`` times."""
    return np.clip(pixels * 2.0**stops, 0, 255).astype(np.uint8)


def defocus(pixels: np.ndarray, sigma_px: float) -> np.ndarray:
    """Blur alike in all directions."""
    return cv2.GaussianBlur(pixels, (0, 0), sigma_px)


def motion(pixels: np.ndarray, length_px: float) -> np.ndarray:
    """Smear along the lines."""
    return cv2.blur(pixels, (int(length_px), 1))


def haze(pixels: np.ndarray, contrast: float) -> np.ndarray:
    """Keep this share of the contrast, around a middle grey."""
    hazy = 128 + (pixels - pixels.mean()) * contrast + NOISE.normal(0, 1.0, pixels.shape)
    return np.clip(np.rint(hazy), 0, 255).astype(np.uint8)


def glare(pixels: np.ndarray, share: float) -> np.ndarray:
    """Put a blown-out spot over this share of the middle, with a soft rim."""
    height, width = pixels.shape[:2]
    y, x = np.mgrid[:height, :width]
    distance = ((x - width / 2) ** 2 + (y - height / 2) ** 2) / (share * height * width / np.pi)
    light = 255 * np.exp(-1.5 * np.maximum(0, distance - 1))
    return np.clip(pixels + light[..., np.newaxis], 0, 255).astype(np.uint8)


STEPS: list[tuple[Callable[[np.ndarray, float], np.ndarray], tuple[float, ...]]] = [
    (less_light, (1, 2, 3, 4, 6)),
    (more_light, (0.5, 1, 2, 3)),
    (defocus, (1, 2, 3, 4, 6, 9)),
    (motion, (9, 17, 33, 65)),
    (haze, (0.5, 0.25, 0.12, 0.06)),
    (glare, (0.05, 0.1, 0.2, 0.4)),
]


def draw(pictures: int, seed: int) -> list[np.ndarray]:
    """Return that many photographs, scaled to ``LINES``."""
    with (DATA / "labels.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    generator = random.Random(seed)  # noqa: S311  # drawing pictures is no cryptography
    chosen: list[str] = []
    for name, share in SHARES.items():
        files = [row["file"] for row in rows if row["set"] == name]
        chosen += generator.sample(files, min(len(files), round(share * pictures)))
    return [scaled(read_picture(DATA / file)) for file in chosen]


def scaled(pixels: np.ndarray) -> np.ndarray:
    """Return the picture with a short side of ``LINES``."""
    height, width = pixels.shape[:2]
    factor = LINES / min(height, width)
    size = (round(width * factor), round(height * factor))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)


def report(
    name: str, frames: list[np.ndarray], engine: Engine, before: list[Outcome] | None
) -> list[Outcome]:
    """Print one line and return the outcomes without the gate."""
    outcomes = [engine.judge(frame).decision.outcome for frame in frames]
    refused = [inspect(frame, Thresholds()) for frame in frames]
    same = [a is b for a, b in zip(outcomes, before or outcomes, strict=True)]
    safe = [bool(reasons) or kept for reasons, kept in zip(refused, same, strict=True)]
    codes = Counter(reasons[0].code for reasons in refused if reasons)
    corroded = sum(outcome is Outcome.CORRODED for outcome in outcomes)
    count = len(frames)
    print(
        f"{name:<18} {sum(same) / count:>8.1%} {corroded / count:>8.1%}"
        f" {sum(map(bool, refused)) / count:>8.1%} {sum(safe) / count:>8.1%}"
        f"  {', '.join(f'{code} {number}' for code, number in codes.most_common())}",
        flush=True,
    )
    return outcomes


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, default=320)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--bundle", default="default")
    args = parser.parse_args()
    engine = Engine(load_bundle(resolve_bundle_path(args.bundle)))
    frames = draw(args.pictures, args.seed)
    print(f"{len(frames)} pictures, seed {args.seed}, {engine.bundle.manifest.name}; {Thresholds()}")
    print(f"{'':<18} {'same':>8} {'corroded':>8} {'refused':>8} {'safe':>8}  reasons")
    before = report("as they are", frames, engine, None)
    for degrade, amounts in STEPS:
        for amount in amounts:
            degraded = [degrade(frame, amount) for frame in frames]
            report(f"{degrade.__name__} {amount:g}", degraded, engine, before)


if __name__ == "__main__":
    main()
