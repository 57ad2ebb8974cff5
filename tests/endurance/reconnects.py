"""Open, read and close a camera 1,000 times in a process of its own, and print what memory it grew by.

A process of its own, because the memory of a test run moves with all that ran before.

    python -m tests.endurance.reconnects URL
"""

from __future__ import annotations

import argparse
import threading
from contextlib import suppress
from pathlib import Path

from edge_node.camera.capture.opening import open_camera
from edge_node.config.sections import CameraConfig
from edge_node.errors import CameraError

WARM_UP, COUNTED = 100, 900


def main() -> int:
    """Print the growth in kB over the counted reconnects, and by how many threads the process grew."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("camera", metavar="URL")
    config = CameraConfig(source=parser.parse_args().camera, timeout_ms=2000)
    for _ in range(WARM_UP):
        reconnect(config)
    before_kb, threads = resident_kb(), threading.active_count()
    for _ in range(COUNTED):
        reconnect(config)
    print(resident_kb() - before_kb, threading.active_count() - threads)
    return 0


def reconnect(config: CameraConfig) -> None:
    """Read frames until the camera fails, and close it."""
    camera = open_camera(config, stop=threading.Event())
    try:
        with suppress(CameraError):
            while True:
                camera.read()
    finally:
        camera.close()


def resident_kb() -> int:
    """Return this process's resident memory."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0])


if __name__ == "__main__":
    raise SystemExit(main())
