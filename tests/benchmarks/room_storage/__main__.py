"""Measure the room's storage beside an older version's: ``python -m tests.benchmarks.room_storage``.

The older version's code is taken from git. It fills a history; a copy of the file is upgraded by this one.
Then both take turns, each in a process on a copy of its own: the messages of new verdicts are stored as the
ingest does, and every question of the page is asked. Printed is processor time, so a busy machine does not
matter: the median and the 95th percentile of each version, and the ratio of the medians.
Wanted: at most 1.10 for a question, 1.15 for the ingest.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks.room_storage.worker import AT_ONCE

ROOT = Path(__file__).resolve().parents[3]
WORKER = Path(__file__).with_name("worker.py")
BEFORE = "49d02a3"  # the last one with statements put together from texts

ROUNDS = 6


class Version:
    """A worker process of one version."""

    def __init__(self, code: Path, folder: Path) -> None:
        """Start it with the history in ``folder``."""
        self._process = subprocess.Popen(
            [sys.executable, str(WORKER), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=code,
            env={**os.environ, "PYTHONPATH": str(code)},
        )
        self.opened = self._read()

    def do(self, *what: Any) -> dict[str, Any]:
        """Have it do something, and return what it measured."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        return self._read()

    def end(self) -> None:
        """Let it close."""
        self._process.communicate()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("a worker ended: see above")
        found: dict[str, Any] = json.loads(line)
        return found


def take_code(ref: str, folder: Path) -> Path:
    """Write the code of a commit to ``folder``."""
    folder.mkdir()
    packed = subprocess.run(
        ["git", "archive", ref, "edge_node", "tests/support"], cwd=ROOT, capture_output=True, check=False
    )
    if packed.returncode:
        raise SystemExit(f"git archive {ref}: {packed.stderr.decode().strip()}; fetch the whole history")
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed.stdout, check=True)
    return folder


def make_old_history(code: Path, folder: Path, verdicts: int) -> None:
    """Fill a history by the older code."""
    version = Version(code, folder)
    for first in range(0, verdicts, AT_ONCE):
        version.do("fill", first, min(AT_ONCE, verdicts - first))
    version.do("furnish", verdicts)
    version.end()


def compare(versions: tuple[Version, Version], verdicts: int, times: int, only: str) -> None:
    """Let both take turns, and print a line for the ingest and for each question."""
    print(f"{'processor time':<40} {'before p50':>11} {'p95':>9} {'now p50':>11} {'p95':>9} {'ratio':>6}")
    taken: list[list[float]] = [[], []]
    count = 4000
    for turn in range(ROUNDS):
        for at in (turn % 2, 1 - turn % 2):
            taken[at].append(versions[at].do("ingest", verdicts + turn * count, count)["us"])
    print_line("ingest, for each verdict", taken)
    names = versions[0].do("names", verdicts)["names"]
    for question in (name for name in names if only in name):
        taken = [[], []]
        for turn in range(ROUNDS):
            for at in (turn % 2, 1 - turn % 2):
                taken[at] += versions[at].do("ask", question, times, verdicts)["us"]
        print_line(question, taken)


def print_line(name: str, taken: list[list[float]]) -> None:
    """Print the median and the 95th percentile of both, in microseconds, and the ratio of the medians."""
    medians = [statistics.median(some) for some in taken]
    highs = [sorted(some)[int(len(some) * 0.95)] for some in taken]
    shown = "".join(f"{median:>12.0f} {high:>9.0f}" for median, high in zip(medians, highs, strict=True))
    print(f"{name:<40}{shown} {medians[1] / medians[0]:>6.2f}", flush=True)


def main() -> None:
    """Take the older code, fill, upgrade, compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--before", default=BEFORE, help="a commit with the older code (default: %(default)s)"
    )
    parser.add_argument("--verdicts", type=int, nargs="+", default=[100_000])
    parser.add_argument("--times", type=int, default=15, help="each question in each of six turns")
    parser.add_argument("--only", default="", help="questions with this text in their name")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        code = take_code(args.before, Path(name) / "code")
        for verdicts in args.verdicts:
            before, now = Path(name) / f"before-{verdicts}", Path(name) / f"now-{verdicts}"
            make_old_history(code, before, verdicts)
            shutil.copytree(before, now)
            versions = Version(code, before), Version(ROOT, now)
            cpu_s, wall_s = versions[1].opened["cpu_s"], versions[1].opened["wall_s"]
            took = f"upgraded in {cpu_s:.2f} s ({wall_s:.2f} s by the clock)"
            print(f"{verdicts} verdicts of {args.before}, {took}")
            compare(versions, verdicts, args.times, args.only)
            for version in versions:
                version.end()
            shutil.rmtree(before)
            shutil.rmtree(now)


if __name__ == "__main__":
    main()
