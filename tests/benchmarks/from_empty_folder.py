"""How long the engineer's way takes: from an empty folder to verdicts of a cascade, in four commands.

    python -m tests.benchmarks.from_empty_folder [--count 240] [--again]

With ``--again`` retraining runs twice on one cache of bottlenecks: cold, then warm.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_BIN = Path(sys.executable).parent


def main() -> None:
    """Run the commands and print what each took: seconds, and the largest resident memory."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=240, help="rendered pictures")
    parser.add_argument("--again", action="store_true", help="retrain once more on a warm cache")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        retrain = ["converter", "retrain", "--cascade", "specimens_cascade.toml", "--image_dir", "rendered"]
        retrain += ["--output_dir", "graphs", "--bottleneck_dir", "bottlenecks"]
        convert = ["converter", "convert", "--quantize", "graphs/CASCADE.toml"]
        commands = [
            ["converter", "specimens", "rendered", "--count", str(args.count)],
            ["converter", "example", "specimens_cascade"],
            retrain,
            *([[*retrain, "--force"]] if args.again else []),
            [*convert, "--calibration", "rendered", "--out", "bundle"],
            ["edge-node", "classify", "--bundle", "bundle", "--table", "rendered/pictures"],
        ]
        total_s = 0.0
        for command in commands:
            seconds, peak_mb = _run(command, Path(folder))
            total_s += seconds
            print(f"{seconds:7.1f} s  {peak_mb:6.0f} MB  {' '.join(command)}", flush=True)
        print(f"{total_s:7.1f} s in all")


def _run(command: list[str], folder: Path) -> tuple[float, float]:
    """Return how long a command took, and the peak memory of its main process in MB."""
    started = time.monotonic()
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            [str(_BIN / command[0]), *command[1:]], cwd=folder, stdout=output, stderr=output
        )
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}:\n{(folder / 'output.txt').read_text(errors='replace')}")
    return time.monotonic() - started, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
