"""How many colour photographs are taken for pictures without colour, and how many grey ones are not.

    python -m tests.benchmarks.colourless [--every 1] [--bundle FOLDER]

Every photograph of the sets ``surfaces`` and ``aircraft`` of ``../shared/data`` is searched for colour as it
is. A picture whose red, green and blue are equal everywhere is no colour photograph, and is counted apart.
Each is then made grey, as a monochrome camera gives it, saved as JPEG at three qualities, and under a cast.
With ``--bundle`` the outcomes of the corroded steel among them are counted in colour and in grey.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_node.camera.picture import read_picture
from edge_node.inference.bundle import load_bundle, resolve_bundle_path
from edge_node.inference.engine import Engine
from edge_node.inspection.inspectability import has_colour

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
LINES = 480
QUALITIES = (60, 80, 95)
CASTS = {
    "grey": (0, 0, 0),
    "constant cast": (6, 0, -4),
    "tint of 3 %": (1.03, 1.0, 0.97),
    "sepia": (0.7, 0.9, 1.0),
}


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.colourless")
    parser.add_argument("--every", type=int, default=1, help="only each so manieth photograph is made grey")
    parser.add_argument("--bundle", help="count the outcomes of corroded steel too")
    args = parser.parse_args()
    engine = Engine(load_bundle(resolve_bundle_path(args.bundle))) if args.bundle else None
    taken: Counter[str] = Counter()
    missed: Counter[tuple[str, int]] = Counter()
    outcomes: Counter[tuple[str, str]] = Counter()
    made = 0
    search_s: list[float] = []
    for index, (row, pixels) in enumerate(photographs()):
        is_grey = bool(np.all(pixels == pixels[..., :1]))
        found = has_colour(pixels)
        taken["grey already" if is_grey else "in colour" if found else "taken for colourless"] += 1
        if is_grey or index % args.every:
            continue
        small = scaled(pixels)
        search_s.append(timed(small))
        made += 1
        for name, cast in CASTS.items():
            for quality in QUALITIES:
                missed[name, quality] += has_colour(jpeg(tinted(small, cast), quality))
        if engine is not None and row["material"] == "steel" and row["corroded"] == "1":
            for name, picture in (("in colour", small), ("in grey", tinted(small, (0, 0, 0)))):
                outcomes[name, engine.judge(picture).decision.outcome.value] += 1
    colour = taken["in colour"] + taken["taken for colourless"]
    share = taken["taken for colourless"] / max(colour, 1)
    print(f"{colour} colour photographs, {taken['taken for colourless']} ({share:.2%}) taken for colourless;")
    print(f"{taken['grey already']} pictures were grey already")
    print(f"search: {1000 * float(np.median(search_s)):.2f} ms at {LINES} lines")
    for (name, quality), count in missed.items():
        print(f"{name:14} JPEG {quality}: {made - count} of {made} found without colour")
    for (name, outcome), count in sorted(outcomes.items()):
        print(f"corroded steel {name}, without this check: {outcome} {count}")
    return 0


def photographs() -> Iterator[tuple[dict[str, str], np.ndarray]]:
    """Yield the rows of both sets with their pictures."""
    with (DATA / "labels.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["set"] in {"surfaces", "aircraft"}]
    for row in rows:
        yield row, read_picture(DATA / row["file"])


def scaled(pixels: np.ndarray) -> np.ndarray:
    """Return the picture with a short side of at most ``LINES``."""
    factor = min(1.0, LINES / min(pixels.shape[:2]))
    return cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


def tinted(pixels: np.ndarray, cast: tuple[float, float, float]) -> np.ndarray:
    """Return the picture in grey, under a cast: whole numbers are added, others multiplied."""
    grey = cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR).astype(np.float32)
    changed = grey + cast if all(isinstance(part, int) for part in cast) else grey * cast
    return np.clip(np.rint(changed), 0, 255).astype(np.uint8)


def jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    """Return the picture after JPEG coding with halved chroma, as cameras do it."""
    return cv2.imdecode(
        cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR
    )


def timed(pixels: np.ndarray) -> float:
    """Return how long one search takes, in seconds."""
    started_s = time.perf_counter()
    has_colour(pixels)
    return time.perf_counter() - started_s


if __name__ == "__main__":
    raise SystemExit(main())
