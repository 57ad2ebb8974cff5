"""Fill a file system, and append to a spool on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.messages.topics import Kind
from edge_node.spool.rows import Keep

if TYPE_CHECKING:
    from pathlib import Path

    from edge_node.spool.spool import Spool


def hog(folder: Path) -> Path:
    """Fill the file system to the last byte, as another program would."""
    file = folder / "hog"
    with file.open("ab", buffering=0) as opened:
        for size in (65536, 1):
            try:
                while True:
                    opened.write(b"\0" * size)
            except OSError:
                pass
    return file


def codes(spool: Spool) -> list[str]:
    """The codes of the alarms that are on."""
    return [alarm.code for alarm in spool.depth().alarms]


def append(spool: Spool, count: int, keep: Keep = Keep.NORMAL) -> None:
    """Append ``count`` rows of half a kilobyte."""
    for _ in range(count):
        spool.append(Kind.VERDICT, lambda seq: b"%d %s" % (seq, b"x" * 500), keep=keep)
