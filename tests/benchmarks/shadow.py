"""What does a bundle on trial cost the one that decides?

    python -m tests.benchmarks.shadow [BUNDLE] [--rounds 5] [--seconds 4] [--fps 15] [--json]

The daemon's main loop decides raw frames (640x480) with the default bundle, in turns without a shadow, with
one, and with one that may work beside it (`[shadow] beside = true`): once as fast as it can, once at a
camera's pace. The shadow may take all the time that it is given (share 1, no interval): the worst case.
Ratios are of medians over rounds in one run, so that what else the machine does is done to all three.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

from edge_node.bench.node_run import NodeRun, run_node
from edge_node.camera.backends.recording import iter_video
from edge_node.config.sections import ShadowConfig
from edge_node.demo.run import CLIP
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.inference.engine import Engine


def main() -> None:
    """Print a line for each way to run it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", nargs="?", default="default", help="the one on trial")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--fps", type=float, default=15)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    worst = {"path": args.bundle, "share": 1.0, "min_interval_s": 0.0}
    ways = {
        "without": None,
        "shadow": ShadowConfig(**worst),
        "shadow beside": ShadowConfig(**worst, beside=True),
    }
    engine = Engine(load_bundle(DEFAULT_BUNDLE))
    frames = list(iter_video(CLIP))[:240:8]
    runs: dict[str, list[tuple[NodeRun, NodeRun]]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(args.rounds):
            for name, shadow in ways.items():
                place = Path(folder) / f"{number} {name}"
                options = {"seconds": args.seconds, "broker": None, "shadow": shadow}
                runs[name].append(
                    (
                        run_node(engine, frames, place / "fast", fps=None, **options),
                        run_node(engine, frames, place / "paced", fps=args.fps, **options),
                    )
                )
    rows = {name: figures(found) for name, found in runs.items()}
    if args.json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{'':14} {'verdicts/s':>10} {'shadow/s':>8} | at {args.fps:g} frames/s: age p50, p95, p99 in ms")
    base = rows["without"]
    for name, row in rows.items():
        ages = "  ".join(
            f"{row[key]:6.1f} ({row[key] / base[key]:.2f})" for key in row if key.startswith("age")
        )
        print(
            f"{name:14} {row['verdicts_per_s']:10.1f} {row['shadow_per_s_fast']:8.1f} | {ages};"
            f" verdicts {row['paced_per_s']:.1f}/s, shadow {row['shadow_per_s_paced']:.1f}/s"
        )
    for name in ("shadow", "shadow beside"):
        print(
            f"throughput with {name} / without: {rows[name]['verdicts_per_s'] / base['verdicts_per_s']:.3f}"
        )


def figures(rounds: list[tuple[NodeRun, NodeRun]]) -> dict[str, float]:
    """Return medians over rounds; ages over all frames of all rounds."""
    fast, paced = zip(*rounds, strict=True)
    ages_ms = np.concatenate([run.latency_ms for run in paced])
    found = {
        "verdicts_per_s": float(np.median([run.verdicts / run.wall_s for run in fast])),
        "paced_per_s": float(np.median([run.verdicts / run.wall_s for run in paced])),
        "shadow_per_s_fast": float(np.median([run.shadow_frames / run.wall_s for run in fast])),
        "shadow_per_s_paced": float(np.median([run.shadow_frames / run.wall_s for run in paced])),
    }
    return found | {f"age_p{p}_ms": float(np.percentile(ages_ms, p)) for p in (50, 95, 99)}


if __name__ == "__main__":
    main()
