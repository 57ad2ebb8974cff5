"""Measures what the spool writes and computes for each verdict, against SQLite alone in the same run.

    python -m tests.benchmarks.disk_writes [--verdicts 150] [--fps 10] [--folder DIR]
    python -m tests.benchmarks.disk_writes --steps     # what each index, table and pragma costs, one by one

Bytes are ``write_bytes`` of /proc/PID/io: what this process made dirty, in blocks of the file system. DIR is
on the disk to be measured (default: the temporary folder). Needs mosquitto.
"""

from __future__ import annotations

import argparse
import hashlib
import sqlite3
import sys
import tempfile
import threading
import time
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge_node.config.delivery_sections import EvidenceConfig, MqttConfig, SpoolConfig
from edge_node.delivery.publisher import Publisher
from edge_node.disk_budget import DiskBudget
from edge_node.evidence.picture_folder import PictureFolder, PictureKind
from edge_node.messages.topics import Kind, Topics
from edge_node.mqtt.wake import Wake
from edge_node.spool.spool import Spool
from tests.support.processes import Mosquitto
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable

TOPICS = Topics("benchmark", "robot")
PAYLOAD = b'{"seq":%10d,"padding":"' + b"x" * 1260 + b'"}'  # a verdict of three stages is 1.3 kB
PICTURE = bytes(range(256)) * 240  # 61 kB: a picture as it is kept
EPOCH = "cb8f8456-a09b-4b94-a3cd-e89263a2340b"


def written_bytes() -> int:
    """Return what this process has written so far."""
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


def thread_ms(name: str) -> float:
    """Return the processor time of this process's thread with that name; 0.0 if there is none."""
    found = next((one for one in threading.enumerate() if one.name == name), None)
    if found is None:
        return 0.0
    schedule = Path(f"/proc/self/task/{found.native_id}/schedstat").read_text(encoding="ascii")
    return int(schedule.split()[0]) / 1e6


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--verdicts", type=int, default=150, help="of each line (default: %(default)s)")
    parser.add_argument("--fps", type=float, default=10.0, help="verdicts a second (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="on the disk to be measured")
    parser.add_argument("--steps", action="store_true", help="measure SQLite alone, one thing more gone each")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="disk-writes-", dir=args.folder) as name:
        if args.steps:
            print_steps(Path(name), args.verdicts)
        else:
            print_spool(Path(name), args.verdicts, args.fps)
    return 0


def print_spool(folder: Path, verdicts: int, fps: float) -> None:
    """Print bytes and processor time of each way to keep verdicts."""
    bare = Layout("SQLite alone, one table, insert, then delete", keep_index=False, kind_index="", **BARE)
    print(f"{'':<46}{'kB':>6} a verdict; CPU ms: writer  publisher")
    print(f"{bare.name:<46}{measure_layout(folder, bare, verdicts, is_delivered=True):>6.1f}")
    broker = Mosquitto(folder, "max_inflight_messages 0\n")
    broker.start()
    try:
        with Proxy(broker.port, TOPICS.verdict) as proxy:
            for line in LINES:
                proxy.delay_s = line.delay_s
                port = (proxy.port if line.delay_s else broker.port) if line.has_link else 1
                print(line.measure(folder, port, verdicts, fps), flush=True)
    finally:
        broker.kill()


@dataclass(frozen=True, slots=True)
class Line:
    """A way to keep and deliver verdicts that is measured.

    Attributes:
        picture_every: verdicts; 0: no pictures.
        delay_s: of the link, each way.
    """

    name: str
    has_link: bool = True
    commit_interval_ms: int = 0
    picture_every: int = 0
    delay_s: float = 0.0

    def measure(self, folder: Path, port: int, verdicts: int, fps: float) -> str:
        """Append verdicts at an even pace and return the line of the table."""
        state = folder / self.name.replace(" ", "-")
        config = SpoolConfig(commit_interval_ms=self.commit_interval_ms)
        pictures = PictureFolder(state / "evidence", EvidenceConfig(), DiskBudget())
        with Spool.open(state / "spool.sqlite", config) as spool:
            broker = MqttConfig(hostname="127.0.0.1", port=port)
            with Publisher(broker, TOPICS, spool, Wake()) as publisher:
                _append(spool, pictures, 0, 20, fps)  # the first ones make files and connections
                began, threads_ms = written_bytes(), [thread_ms(name) for name in THREADS]
                _append(spool, pictures, self.picture_every, verdicts, fps)
                spool.flush(10)
                if self.has_link and not publisher.drain(30):
                    raise SystemExit("the spool does not drain")
                wrote = written_bytes() - began
                used_ms = [thread_ms(name) - ms for name, ms in zip(THREADS, threads_ms, strict=True)]
        figures = "".join(f"{ms / verdicts:>11.2f}" for ms in used_ms)
        return f"{self.name:<46}{wrote / verdicts / 1000:>6.1f}{'':>13}{figures}"


THREADS = ("spool-writer", "publisher")
LINES = (
    Line("spool, link up"),
    Line("spool, link up, 150 ms each way", delay_s=0.15),
    Line("spool, link down", has_link=False),
    Line("commit_interval_ms = 1000, link up", commit_interval_ms=1000),
    Line("commit_interval_ms = 1000, link down", has_link=False, commit_interval_ms=1000),
    Line("spool, link up, a 61 kB picture for one in ten", picture_every=10),
)


def _append(spool: Spool, pictures: PictureFolder, picture_every: int, count: int, fps: float) -> None:
    began_s = time.monotonic()
    for number in range(count):
        if picture_every and number % picture_every == 0:
            content = PICTURE + number.to_bytes(8, "big")
            pictures.add(hashlib.sha256(content).hexdigest(), content, PictureKind.CORRODED)
        spool.append(Kind.VERDICT, lambda seq: PAYLOAD % seq)
        time.sleep(max(0.0, began_s + (number + 1) / fps - time.monotonic()))


@dataclass(frozen=True, slots=True)
class Layout:
    """A layout of a SQLite file and the transactions that append and delete verdicts.

    Attributes:
        positions: "": counted by the rows there are; "sequence": AUTOINCREMENT; "blocks": the same, with
            thousands of positions taken in advance.
        chain_end: the newest verdict's hash in a table of its own.
        is_together: a row is deleted in the transaction that inserts the next one, before that.
    """

    name: str
    keep_index: bool = True
    kind_index: str = "all"
    positions: str = "sequence"
    chain_end: bool = True
    is_together: bool = False
    vacuum: bool = True
    page_bytes: int = 4096

    def make(self, path: Path) -> sqlite3.Connection:
        """Make the file."""
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute(f"PRAGMA page_size = {self.page_bytes}")
        connection.execute(f"PRAGMA auto_vacuum = {'INCREMENTAL' if self.vacuum else 'NONE'}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {500 * 4096 // self.page_bytes}")
        counts = " AUTOINCREMENT" if self.positions else ""
        connection.execute("CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID")
        connection.execute(
            f"CREATE TABLE message (position INTEGER PRIMARY KEY{counts}, kind TEXT, seq INTEGER, epoch TEXT,"
            " keep INTEGER, appended_at_s REAL, crc INTEGER, correlation BLOB, payload BLOB)"
        )
        if self.positions == "blocks":
            connection.execute("INSERT INTO sqlite_sequence VALUES ('message', 1000000)")
        if self.keep_index:
            connection.execute("CREATE INDEX message_by_keep ON message (keep, position)")
        where = {"all": "", "others": " WHERE kind <> 'verdict'"}.get(self.kind_index)
        if where is not None:
            connection.execute(f"CREATE INDEX message_by_kind ON message (kind, position){where}")
        return connection


BARE = {"positions": "", "chain_end": False, "vacuum": False}
STEPS = (
    ("as 0.7.0 had it", {}),
    ("no index by worth", {"keep_index": False}),
    ("index by kind without the verdicts", {"kind_index": "others"}),
    ("positions taken by thousands", {"positions": "blocks"}),
    ("deleted before the next one is inserted", {"is_together": True}),
)
NOT_TAKEN = (
    ("and no chain end in a table of its own", {"chain_end": False}),
    ("and no auto_vacuum", {"vacuum": False}),
    ("and pages of 2 kB", {"page_bytes": 2048}),
    ("and pages of 1 kB", {"page_bytes": 1024}),
)


def print_steps(folder: Path, verdicts: int) -> None:
    """Print what SQLite alone writes in the layout of 0.7.0, with one thing more gone in each line."""
    print(f"{'kB a verdict':<46}{'delivered':>10}{'3 on the way':>14}{'not delivered':>15}")
    layout = Layout("")
    for name, change in STEPS:
        layout = replace(layout, name=name, **change)
        _print_layout(folder, layout, verdicts)
    print("not taken:")
    for name, change in NOT_TAKEN:
        _print_layout(folder, replace(layout, name=name, **change), verdicts)


def _print_layout(folder: Path, layout: Layout, verdicts: int) -> None:
    figures = (
        measure_layout(folder, layout, verdicts, is_delivered=True),
        measure_layout(folder, layout, verdicts, is_delivered=True, lag=3),
        measure_layout(folder, layout, verdicts, is_delivered=False),
    )
    print(f"{layout.name:<46}{figures[0]:>10.1f}{figures[1]:>14.1f}{figures[2]:>15.1f}", flush=True)


def measure_layout(folder: Path, layout: Layout, verdicts: int, *, is_delivered: bool, lag: int = 1) -> float:
    """Return the kB that SQLite alone writes for a verdict, which is deleted ``lag`` verdicts later."""
    with (
        tempfile.TemporaryDirectory(dir=folder) as name,
        closing(layout.make(Path(name) / "x")) as connection,
    ):
        execute, began = connection.execute, written_bytes()
        for seq in range(1, verdicts + 1):
            execute("BEGIN IMMEDIATE")
            if is_delivered and layout.is_together:
                execute("DELETE FROM message WHERE position = ?", (seq - lag,))
            _insert(execute, layout, seq)
            execute("COMMIT")
            if is_delivered and not layout.is_together:
                execute("DELETE FROM message WHERE position = ?", (seq - lag + 1,))
        return (written_bytes() - began) / verdicts / 1000


def _insert(execute: Callable[..., object], layout: Layout, seq: int) -> None:
    values = (seq, "verdict", seq, EPOCH, seq % 3, time.time(), 2632657777, b"", PAYLOAD % seq)
    execute("INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
    if layout.chain_end:
        end = f'{{"epoch":"{EPOCH}","seq":{seq},"sha256":"{"a" * 64}"}}'
        execute("INSERT OR REPLACE INTO meta VALUES ('last_verdict', ?)", (end,))


if __name__ == "__main__":
    sys.exit(main())
