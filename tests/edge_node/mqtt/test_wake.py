"""A ring wakes a thread that waits on a socket."""

from __future__ import annotations

import select
import threading

from edge_node.mqtt.wake import Wake


def readable(wake: Wake, timeout_s: float) -> bool:
    """True if a ring comes within the time."""
    return bool(select.select([wake], [], [], timeout_s)[0])


def test_a_ring_from_another_thread_is_there_until_it_is_cleared() -> None:
    """Rings before the wait count too; many rings are one."""
    with Wake() as wake:
        assert not readable(wake, 0)
        threading.Timer(0.05, wake.ring).start()
        assert readable(wake, 5)
        for _ in range(3):
            wake.ring()
        wake.clear()
        assert not readable(wake, 0)


def test_ringing_never_blocks_and_never_raises() -> None:
    """Nobody waits, ten thousand rings fill the socket, the bell is closed: whoever rings goes on."""
    wake = Wake()
    for _ in range(10_000):
        wake.ring()
    wake.close()
    wake.ring()
    wake.clear()
    assert wake.fileno() == -1
