"""What a disk, a clock and rot do to the spool: what was lost, and what the operator was told.

    python -m tests.endurance.disk_faults [--rows 1000000] [--seed 5] [--json]

Every case fills a real spool, does the damage, mends it where that can be mended, opens the spool again and
counts. ``--rows`` measures instead what a spool of that many verdicts costs in memory: ``edge-node spool
status``, ``export``, and the first window of the drain. The full and the read-only disk are small file
systems that are mounted, which wants root.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_node.config.delivery_sections import SpoolConfig
from edge_node.errors import SpoolError
from edge_node.messages.topics import Kind
from edge_node.messages.verdict import encode
from edge_node.spool.rows import Keep
from edge_node.spool.spool import Spool
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ROWS = 2000
_PAGE = 4096
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one case.

    Attributes:
        given: verdicts that the node handed over.
        kept: of these, on disk at the end, unchanged and in order.
        corroded: of those kept; half of what was given is.
        counted: given up for want of room, and published as dropped.
        told: what the operator sees: alarms, or the sentence of a start that is refused.
    """

    case: str
    given: int
    kept: int
    corroded: int
    counted: int
    told: str


def main() -> int:
    """Print a row for each case; 1 if a payload came back altered or out of order."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=0, help="measure memory with so many, and end")
    parser.add_argument("--seed", type=int, default=5, help="of the places that rot")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="disk-faults-") as name:
        folder = Path(name)
        if args.rows:
            return measure_memory(folder, args.rows)
        outcomes = list(all_cases(folder, random.Random(args.seed)))  # noqa: S311  places, not secrets
    if args.json:
        print(json.dumps([asdict(outcome) for outcome in outcomes], indent=2))
        return 0
    print(f"{'case':<44} {'given':>5} {'kept':>5} {'corroded':>8} {'counted':>7}  told")
    for found in outcomes:
        print(
            f"{found.case:<44} {found.given:>5} {found.kept:>5} {found.corroded:>8} {found.counted:>7}"
            f"  {found.told}"
        )
    return 0


def all_cases(folder: Path, places: random.Random) -> Iterator[Outcome]:
    """Yield one outcome after the other; each in a folder of its own."""
    cases: list[tuple[str, Callable[[Path], tuple[int, int, int, int, str]]]] = [
        ("disk full, then room again", disk_full),
        ("file system read-only at the start", read_only),
        ("writes fail while running, then work again", writes_fail),
        ("clock one day forth, two back", clock_jumps),
        ("20 pages overwritten with noise", lambda own: rotten(own, places, 20)),
        ("all but the first page overwritten", lambda own: rotten(own, places, None)),
    ]
    for at, (case, run) in enumerate(cases):
        own = folder / str(at)
        own.mkdir()
        *numbers, said = run(own)
        yield Outcome(case, *numbers, said.replace(str(own), "…"))


def disk_full(folder: Path) -> tuple[int, int, int, int, str]:
    """Another program takes every byte while verdicts come; then it gives them back."""
    with small_disk(folder):
        spool = Spool.open(folder / "spool.sqlite", SpoolConfig(max_mb=512, reserve_mb=1))
        fill(spool, 500)
        hog = folder / "hog"
        with hog.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(b"\0" * _PAGE):
                pass
        fill(spool, 1000)
        spool.flush(5)
        said = told(spool)
        hog.unlink()
        spool.flush(30)
        return 1500, *intact(spool, 1500), said


def read_only(folder: Path) -> tuple[int, int, int, int, str]:
    """Nothing can be kept: the node does not start."""
    with small_disk(folder):
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        try:
            Spool.open(folder / "spool.sqlite", SpoolConfig()).close()
        except SpoolError as err:
            return 0, 0, 0, 0, str(err)
    return 0, 0, 0, 0, "nothing"


def writes_fail(folder: Path) -> tuple[int, int, int, int, str]:
    """The kernel refuses every write to the file for a while."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    spool = Spool.open(folder / "spool.sqlite", SpoolConfig())
    fill(spool, 500)
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, most))
    try:
        fill(spool, 500, wait=False)
        spool.flush(2)
        said = told(spool)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    spool.flush(30)
    return 1000, *intact(spool, 1000), said


def clock_jumps(folder: Path) -> tuple[int, int, int, int, str]:
    """Order and numbers do not come from the clock."""
    ahead_s = [0.0]
    spool = Spool.open(folder / "spool.sqlite", SpoolConfig(), clock=lambda: time.time() + ahead_s[0])
    for jump_s in (0.0, _DAY_S, -2 * _DAY_S):
        ahead_s[0] += jump_s
        fill(spool, 500)
    said = told(spool)
    return 1500, *intact(spool, 1500), said


def rotten(folder: Path, places: random.Random, pages: int | None) -> tuple[int, int, int, int, str]:
    """Noise over whole pages of the file while the node is off; None: over all but the first."""
    path = folder / "spool.sqlite"
    spool = Spool.open(path, SpoolConfig())
    fill(spool, _ROWS)
    spool.close()
    content = bytearray(path.read_bytes())
    there = range(1, len(content) // _PAGE)
    for page in there if pages is None else places.sample(there, pages):
        content[page * _PAGE : (page + 1) * _PAGE] = places.randbytes(_PAGE)
    path.write_bytes(content)
    spool = Spool.open(path, SpoolConfig())
    said = told(spool)
    return _ROWS, *intact(spool, _ROWS), said


def fill(spool: Spool, count: int, *, wait: bool = True) -> None:
    """Hand over ``count`` verdicts, every other one corroded."""
    last = spool.chain.end.seq if spool.chain.end else 0
    for seq in range(last + 1, last + 1 + count):
        spool.append(Kind.VERDICT, _payload, keep=Keep.HIGH if seq % 2 else Keep.NORMAL)
    if wait:
        spool.flush(10)


def _payload(seq: int) -> bytes:
    return encode(verdict(seq, "UC"[seq % 2]))


def intact(spool: Spool, given: int) -> tuple[int, int, int]:
    """Return how many rows are there, of them corroded, and dropped; end if one was altered or misplaced."""
    rows = spool.rows(Kind.VERDICT, limit=given + 1)
    dropped = spool.depth().dropped
    spool.close()
    numbers = [row.seq for row in rows]
    if numbers != sorted(set(numbers)) or any(row.payload != _payload(row.seq) for row in rows):
        raise SystemExit("a verdict came back altered, twice or out of order")
    return len(rows), sum(row.keep is Keep.HIGH for row in rows), dropped


def told(spool: Spool) -> str:
    """Return the alarms that are on."""
    said = [f"{alarm.code}: {alarm.text}" for alarm in (*spool.alarms, *spool.depth().alarms)]
    return "; ".join(dict.fromkeys(said)) or "nothing"


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Mount a file system of 8 MB on ``folder``."""
    options = ["-t", "tmpfs", "-o", "size=8m,mode=0700", "tmpfs", str(folder)]
    if subprocess.run(["mount", *options], capture_output=True, check=False).returncode:
        raise SystemExit(f"{folder}: a small file system cannot be mounted; root can")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def measure_memory(folder: Path, rows: int) -> int:
    """Print what each command needs at most, beside an empty spool's."""
    few, many = folder / "few.sqlite", folder / "many.sqlite"
    for path, count in ((few, 10), (many, rows)):
        spool = Spool.open(path, SpoolConfig(max_mb=16_384, free_share=0.9))
        for done in range(0, count, 10_000):
            fill(spool, min(10_000, count - done))
        spool.close()
    print(f"{rows} verdicts, {many.stat().st_size / 1e6:.0f} MB on disk")
    drain = (
        "import sys; from pathlib import Path; from edge_node.config.sections import SpoolConfig;"
        "from edge_node.messages.topics import Kind; from edge_node.spool.spool import Spool;"
        "s = Spool.open(Path(sys.argv[1]), SpoolConfig(max_mb=16384, free_share=0.9));"
        "assert s.rows(Kind.VERDICT, limit=20); s.depth(); s.close()"
    )
    status = ["-m", "edge_node.cli", "spool", "status", "--spool"]
    export = ["-m", "edge_node.cli", "spool", "export", "--spool"]
    for name, command in (("status", status), ("export", export), ("drain", ["-c", drain])):
        (small_mb, _), (large_mb, took_s) = (needed(command, path) for path in (few, many))
        print(f"{name:<8} {large_mb:6.1f} MB at most (10 verdicts: {small_mb:.1f}), {took_s:.1f} s")
    return 0


def needed(command: list[str], spool: Path) -> tuple[float, float]:
    """Run it and return the most memory that it had in MB, and the seconds it took."""
    began_s = time.monotonic()
    code = (
        "import resource, subprocess, sys;"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, sys.executable, *command, str(spool)],
        check=True,
        capture_output=True,
        text=True,
    )
    return int(ran.stdout) / 1024, time.monotonic() - began_s


if __name__ == "__main__":
    raise SystemExit(main())
