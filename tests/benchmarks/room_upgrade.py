"""Measure how long an older room's history takes to upgrade: ``python -m tests.benchmarks.room_upgrade``.

Makes a history, replaces it by a file as the older version wrote it, and starts a control room on that: what
a user waits until the page answers, with the checks of stored chains and the count of what each robot uses.
Then stores a verdict as 0.5.0 does, the way back, and starts again. Opening alone is told too.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import shutil
import tempfile
import time
from pathlib import Path

import msgspec

from edge_node.control_room.history.database import NAME
from edge_node.control_room.history.history import History
from edge_node.control_room.history.record_proof.chain_book import catch_up
from edge_node.messages.verdict import encode
from tests.benchmarks.room_storage.worker import AT_ONCE, Worker, make_verdict
from tests.support.control_room import ControlRoom
from tests.support.older_histories import VERSIONS, make_older, store_as_0_5_0
from tests.support.processes import free_port
from tests.support.verdicts import verdict


def main() -> None:
    """Fill, age, start, go back, start again."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--verdicts", type=int, default=100_000)
    args = parser.parse_args()
    for version in VERSIONS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            room, history = ControlRoom(folder, free_port()), folder / "room"
            history.mkdir(mode=0o700)
            worker = Worker(history)
            fill_chained(worker.history, args.verdicts)
            worker.furnish(args.verdicts)
            worker.history.close()
            make_older(history, version)
            size_mb = (history / NAME).stat().st_size / 1e6
            shutil.copytree(history, folder / "copy")
            print(
                f"{version}: {args.verdicts} verdicts, {size_mb:.0f} MB: {measure_opening(folder / 'copy')}"
            )
            print(f"{version}: {measure_start(room)}; again: {measure_start(room)}")
            store_as_0_5_0(history, 10**9, encode(verdict(10**9, "C")))
            print(f"{version}: after 0.5.0 went on with the upgraded file: {measure_start(room)}", flush=True)


def fill_chained(history: History, count: int) -> None:
    """Store verdicts of which each names the hash of the one before it, as robots send them."""
    before: dict[str, str | None] = {}
    for first in range(0, count, AT_ONCE):
        with history.transaction():
            for number in range(first, min(first + AT_ONCE, count)):
                made = make_verdict(number)
                made = msgspec.structs.replace(made, previous_sha256=before.get(made.robot))
                payload = encode(made)
                before[made.robot] = hashlib.sha256(payload).hexdigest()
                history.add_verdict(made, payload=payload)


def measure_opening(folder: Path) -> str:
    """Open a history and check its chains, and tell what that took and what is there."""
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    history = History(folder)
    opened_s, opened_cpu_s = time.monotonic() - began_s, time.process_time() - began_cpu_s
    checked = catch_up(history.database)
    took_s, took_cpu_s = time.monotonic() - began_s, time.process_time() - began_cpu_s
    found = f"{history.count_verdicts()} verdicts, {len(history.findings())} findings"
    found += f", {len(history.reviews())} reviews"
    history.close()
    opened = f"opened in {opened_s:.2f} s ({opened_cpu_s:.2f} s of a processor)"
    return f"{opened}, {checked} chained by {took_s:.2f} s ({took_cpu_s:.2f} s): {found}"


def measure_start(room: ControlRoom) -> str:
    """Start a control room, tell when its page had all that it shows first, and what its whole run cost."""
    began_s, began_cpu_s = time.monotonic(), _spent_s()
    room.start(connected=False)
    verdicts = sum(robot["verdicts"] for robot in room.state()["robots"])
    took_s = time.monotonic() - began_s
    room.stop()
    cost = f"{_spent_s() - began_cpu_s:.2f} s of a processor to its end"
    return f"page with {verdicts} verdicts {took_s:.2f} s after the start ({cost})"


def _spent_s() -> float:
    """Return the processor time of all programs that were started here and ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


if __name__ == "__main__":
    main()
