"""Runs ``edge-node`` with its threads named for the kernel too, so that a test can tell them apart."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from edge_node.cli import main


def _name(*_arguments: object) -> None:
    """Name this thread, once: called as its profiler at its first call."""
    sys.setprofile(None)
    comm = Path(f"/proc/self/task/{threading.get_native_id()}/comm")
    comm.write_text(threading.current_thread().name, encoding="utf-8")


if __name__ == "__main__":
    threading.setprofile(_name)
    sys.exit(main())
