"""How long a history of 100,000 verdicts is searched: ``python -m tests.benchmarks.history_search``.

Fills a history as the ingest does, then asks what the page asks, several times each, and prints the median
and the slowest: through ``History``, so with the messages decoded. Wanted: 200 ms.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import msgspec

from edge_node.control_room.history.history import History
from edge_node.control_room.history.records import VerdictFilter
from edge_node.messages.verdict import Pose
from tests.support.verdicts import START, verdict

MATERIALS = ("steel", "aluminium", "galvanized")
SEVERITIES = ("mid", "late", None)


def fill(history: History, verdicts: int, robots: int) -> float:
    """Add verdicts of so many robots in batches as they come, and return how many a second."""
    began_s = time.monotonic()
    for first in range(0, verdicts, 200):
        with history.transaction():
            for number in range(first, min(first + 200, verdicts)):
                robot, seq = f"crawler-{number % robots}", number // robots + 1
                what = "UUUUUUUC?X"[number * 7 % 10]
                found = verdict(
                    seq,
                    what,
                    material=MATERIALS[number % 3],
                    severity=SEVERITIES[number % 3] if what == "C" else None,
                    asset=f"pipe {number % 5}",
                    pose=Pose(distance_m=number % 9973 / 50),
                    observed_at=START + timedelta(seconds=number / 10),
                )
                history.add_verdict(msgspec.structs.replace(found, robot=robot, id=f"{robot}:epoch:{seq}"))
    return verdicts / (time.monotonic() - began_s)


def main() -> None:
    """Fill, search, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--verdicts", type=int, default=100_000)
    parser.add_argument("--robots", type=int, default=4)
    parser.add_argument("--times", type=int, default=9)
    args = parser.parse_args()
    middle = START + timedelta(seconds=args.verdicts / 20)
    questions = {
        "all, newest 200": VerdictFilter(),
        "one robot": VerdictFilter(site="quay", robot="crawler-1"),
        "corroded": VerdictFilter(outcome="corroded"),
        "corroded, late, on aluminium": VerdictFilter(
            outcome="corroded", severity="late", material="aluminium"
        ),
        "one asset, half of the time": VerdictFilter(asset="pipe 2", since=middle),
        "corroded on 5 m of a robot's path": VerdictFilter(
            site="quay", robot="crawler-1", outcome="corroded", from_m=50.0, to_m=55.0
        ),
        "a material that there is not": VerdictFilter(material="copper"),
        "came late": VerdictFilter(replayed=True),
    }
    with tempfile.TemporaryDirectory() as name:
        history = History(Path(name))
        per_s = fill(history, args.verdicts, args.robots)
        print(f"{args.verdicts} verdicts of {args.robots} robots, stored at {per_s:.0f}/s")
        print(f"{'question':<36} {'found':>7} {'page + total':>14} {'slowest':>9} {'strip':>9}")
        for said, only in questions.items():
            searched, drawn = [], []
            for _ in range(args.times):
                began_s = time.perf_counter()
                history.verdicts(only, limit=200)
                total = history.count_verdicts(only)
                searched.append((time.perf_counter() - began_s) * 1e3)
                began_s = time.perf_counter()
                history.strip(only, cells=240)
                drawn.append((time.perf_counter() - began_s) * 1e3)
            print(
                f"{said:<36} {total:>7} {statistics.median(searched):>11.1f} ms {max(searched):>6.1f} ms"
                f" {statistics.median(drawn):>6.1f} ms"
            )
        history.close()


if __name__ == "__main__":
    main()
