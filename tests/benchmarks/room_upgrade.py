"""Measure how long an older room's history takes to upgrade: ``python -m tests.benchmarks.room_upgrade``.

Makes a history, replaces it by a file as the older version wrote it, and opens that: the whole upgrade is one
transaction at opening. Then stores a verdict as 0.5.0 does, the way back, and opens the file again.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from edge_node.control_room.history.database import NAME
from edge_node.control_room.history.history import History
from edge_node.messages.verdict import encode
from tests.benchmarks.room_storage.worker import AT_ONCE, Worker
from tests.support.older_histories import VERSIONS, make_older, store_as_0_5_0
from tests.support.verdicts import verdict


def main() -> None:
    """Fill, age, open, go back, open again."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--verdicts", type=int, default=100_000)
    args = parser.parse_args()
    for version in VERSIONS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            worker = Worker(folder)
            for first in range(0, args.verdicts, AT_ONCE):
                worker.fill(first, min(AT_ONCE, args.verdicts - first))
            worker.furnish(args.verdicts)
            worker.history.close()
            make_older(folder, version)
            size_mb = (folder / NAME).stat().st_size / 1e6
            print(f"{version}: {args.verdicts} verdicts, {size_mb:.0f} MB: {measure_opening(folder)}")
            store_as_0_5_0(folder, 10**9, encode(verdict(10**9, "C")))
            print(f"{version}: after 0.5.0 went on with the upgraded file: {measure_opening(folder)}")


def measure_opening(folder: Path) -> str:
    """Open a history, and tell what it took and what is there."""
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    history = History(folder)
    took_s, took_cpu_s = time.monotonic() - began_s, time.process_time() - began_cpu_s
    found = f"{history.count_verdicts()} verdicts, {len(history.findings())} findings"
    found += f", {len(history.reviews())} reviews"
    history.close()
    return f"opened in {took_s:.2f} s ({took_cpu_s:.2f} s of a processor): {found}"


if __name__ == "__main__":
    main()
