"""Mount a small file system, fill it, and append to a spool on it."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from edge_node.messages.topics import Kind
from edge_node.spool.rows import Keep

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge_node.spool.spool import Spool


def small_disk(folder: Path, options: str) -> Iterator[Path]:
    """Mount a small tmpfs, or skip."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"mode=0700,{options}", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if os.geteuid() != 0 or mounted.returncode:
        pytest.skip("mounting a small tmpfs needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


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
