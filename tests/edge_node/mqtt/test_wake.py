"""``Wake.set`` wakes a thread that waits on a socket."""

from __future__ import annotations

import select
import threading

from edge_node.mqtt.wake import Wake


def readable(wake: Wake, timeout_s: float) -> bool:
    """True if it is set within the time."""
    return bool(select.select([wake], [], [], timeout_s)[0])


def test_a_ring_from_another_thread_is_there_until_it_is_cleared() -> None:
    """Setting it before the wait counts too; many times are one."""
    with Wake() as wake:
        assert not readable(wake, 0)
        threading.Timer(0.05, wake.set).start()
        assert readable(wake, 5)
        for _ in range(3):
            wake.set()
        wake.clear()
        assert not readable(wake, 0)


def test_setting_never_blocks_and_never_raises() -> None:
    """``set`` returns at once if nobody waits, after ten thousand calls, and after ``close``."""
    wake = Wake()
    for _ in range(10_000):
        wake.set()
    wake.close()
    wake.set()
    wake.clear()
    assert wake.fileno() == -1
