"""Sessions with a broker leave nothing behind."""

from __future__ import annotations

import subprocess
import sys

_FLAPPING = """
import gc, os, sys
from edge_node.mqtt.session import Session
from edge_node.mqtt.types import Endpoint, Outgoing

def connect_once():
    session = Session(Endpoint("127.0.0.1", int(sys.argv[1]), "flapping"))
    session.open()
    session.subscribe(["x"])
    session.publish(Outgoing("x", b"y"))
    session.abandon()

def count_descriptors():
    gc.collect()
    return len(os.listdir("/proc/self/fd"))

connect_once()
before = count_descriptors()
for _ in range(50):
    connect_once()
print(before, count_descriptors())
"""


def test_connections_leave_nothing_behind(mosquitto) -> None:
    """A link that flaps for months must not eat descriptors: each connection is a client of its own.

    A process of its own: in the tests' process the descriptors of other tests come and go.
    """
    process = subprocess.run(
        [sys.executable, "-c", _FLAPPING, str(mosquitto.port)], capture_output=True, text=True, check=True
    )
    before, after = map(int, process.stdout.split())
    assert after <= before
