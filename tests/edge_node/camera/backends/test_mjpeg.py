"""MJPEG over HTTP: memory stays flat over many connections."""

import subprocess
import sys

import pytest

from tests.support.mjpeg_server import Behaviour, MjpegServer


@pytest.mark.slow
def test_memory_stays_flat_over_a_thousand_reconnects():
    """Opening, reading three frames and closing 1,000 times grows memory by less than 1 kB each time."""
    server = MjpegServer()
    server.behaviour = Behaviour.HANG_UP
    server.size, server.interval_s = (64, 48), 0.004
    ran = subprocess.run(
        [sys.executable, "-m", "tests.endurance.reconnects", server.url],
        capture_output=True,
        text=True,
        check=True,
        timeout=250,
    )
    server.close()
    grown_kb, grown_threads = map(int, ran.stdout.split())
    assert grown_kb < 900
    assert grown_threads <= 0
