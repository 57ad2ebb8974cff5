"""Read the last lines of the node's log: from the journal, or from a file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from edge_node.errors import CorrosionError
from edge_node.support.board import UNITS
from edge_node.support.commands import run_program

if TYPE_CHECKING:
    from pathlib import Path

MAX_LOG_BYTES = 2 * 1024 * 1024
_LINES, _KERNEL_LINES = 5000, 500
_NO_ENTRIES = "-- No entries --"


def read_journal() -> str:
    """Return the last lines of the node's units.

    Raises:
        CorrosionError: there is no journal, this user may not read it, or it holds nothing of the node.
    """
    return _read_journal(*(word for unit in UNITS for word in ("--unit", unit)), f"--lines={_LINES}")


def read_kernel_log() -> str:
    """Return the kernel's last lines: cards that fail, USB that drops out, power that is too low.

    Raises:
        CorrosionError: as ``read_journal``.
    """
    return _read_journal("--dmesg", f"--lines={_KERNEL_LINES}")


def read_log_file(path: Path) -> str:
    """Return the end of a log file.

    Raises:
        CorrosionError: it cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - MAX_LOG_BYTES))
            content = file.read(MAX_LOG_BYTES)
    except OSError as err:
        raise CorrosionError(f"{path}: {err.strerror or err}") from err
    if size > MAX_LOG_BYTES:  # the first line is cut, and what is left of a secret is not known as one
        content = content.partition(b"\n")[2]
    return content.decode("utf-8", "replace")


def _read_journal(*words: str) -> str:
    found = run_program("journalctl", "--no-pager", "--quiet", "--utc", "--output=short-iso", *words)
    text = found.text.strip()
    if not text or text == _NO_ENTRIES:
        raise CorrosionError(found.problem or "the journal holds nothing of it, or this user may not read it")
    cut = found.text.encode("utf-8")[-MAX_LOG_BYTES:]
    return (
        cut.decode("utf-8", "replace")
        if len(cut) < MAX_LOG_BYTES
        else cut.partition(b"\n")[2].decode("utf-8", "replace")
    )
