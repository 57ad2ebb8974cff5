"""Small pits on large frames: what tiles find that the whole picture loses, and what they cost.

    python -m tests.benchmarks.tiles [--frames 24] [--pit-px 160] [--budget-ms 20]

Rendered steel plates of 1920 x 1440 px, half of them clean, half with one corroded patch pasted softly in.
They are rendered, so the figures compare ways of cutting; they say nothing of any real surface.
"""

from __future__ import annotations

import argparse

import cv2
import numpy as np

from converter.specimens.rendering import render
from converter.specimens.spec import Finish, Material, SpecimenSpec
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.inference.engine import Engine
from edge_node.inspection.inspector import Inspector, Tiling
from edge_node.messages.verdict import Outcome

WIDTH_PX, HEIGHT_PX = 1920, 1440
GRIDS = ((2, 2), (3, 2), (4, 3), (6, 4))


def main() -> None:
    """Print a line for each way of cutting."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--pit-px", type=int, default=160, help="diameter of the corroded patch")
    parser.add_argument("--budget-ms", type=float, default=20.0)
    args = parser.parse_args()
    frames = [frame(seed, args.pit_px if seed % 2 else 0) for seed in range(args.frames)]
    engine = Engine(load_bundle(DEFAULT_BUNDLE))
    ways = {"whole": None} | {f"{a} x {d}": Tiling(a, d, 0.15) for a, d in GRIDS}
    ways[f"4 x 3 within {args.budget_ms:g} ms"] = Tiling(4, 3, 0.15, args.budget_ms)
    print(f"{len(frames)} frames of {WIDTH_PX} x {HEIGHT_PX}; every second has a patch of {args.pit_px} px")
    print(f"{'cut':<20} {'patches found':>14} {'false alarms':>13} {'ms p50':>8} {'ms p95':>8}  tiles")
    for name, tiling in ways.items():
        inspector = Inspector(engine, material="steel", tiling=tiling)
        inspector.inspect(frames[0])  # a budget begins with one tile
        found = [inspector.inspect(pixels) for pixels in frames]
        corroded = [inspection.decision.outcome is Outcome.CORRODED for inspection in found]
        took = np.percentile([inspection.inference_ms for inspection in found], (50, 95))
        grids = {(tiles.across, tiles.down) for seen in found if (tiles := seen.decision.tiles)}
        cuts = ", ".join(f"{across} x {down}" for across, down in sorted(grids)) or "1"
        print(
            f"{name:<20} {sum(corroded[1::2]):>7} of {len(corroded[1::2]):<3} {sum(corroded[::2]):>6} of"
            f" {len(corroded[::2]):<3} {took[0]:>8.1f} {took[1]:>8.1f}  {cuts}"
        )


def frame(seed: int, pit_px: int) -> np.ndarray:
    """Return a clean plate, with a corroded patch of ``pit_px`` somewhere unless that is 0."""
    rng = np.random.default_rng(seed)
    clean = SpecimenSpec(material=Material.STEEL, finish=Finish.BRUSHED, seed=seed)
    pixels = render(clean, WIDTH_PX, HEIGHT_PX).pixels
    if not pit_px:
        return pixels
    rusty = SpecimenSpec(
        material=Material.STEEL, finish=Finish.BRUSHED, seed=seed, corrosion_hours=60.0, view=1
    )
    patch = cv2.resize(render(rusty, 480, 360).pixels, None, fx=pit_px / 360, fy=pit_px / 360)
    patch = patch[:pit_px, :pit_px]
    left, top = (int(rng.integers(0, size - pit_px)) for size in (WIDTH_PX, HEIGHT_PX))
    disc = np.zeros((pit_px, pit_px), np.float32)
    cv2.circle(disc, (pit_px // 2, pit_px // 2), int(pit_px * 0.4), 1.0, -1)
    alpha = cv2.GaussianBlur(disc, (0, 0), pit_px / 20)[..., np.newaxis]
    place = pixels[top : top + pit_px, left : left + pit_px]
    place[:] = (alpha * patch + (1 - alpha) * place).astype(np.uint8)
    return pixels


if __name__ == "__main__":
    main()
