"""However much is stored, other processes are woken five times a second at most, and once more at the end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from edge_node.control_room.history.history import History
from edge_node.control_room.sharing.bell import INTERVAL_S, Bell
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from pathlib import Path


def test_many_rings_are_few_notices(tmp_path: Path) -> None:
    """A hundred rings in half a second are one notice for each interval that passed, and one to begin."""
    history = History(tmp_path)
    bell = Bell(history.database)
    bell.start()
    began_s = time.monotonic()
    for _ in range(100):
        bell.ring()
        time.sleep(0.005)
    bell.stop()
    assert 2 <= bell.notices <= 2 + (time.monotonic() - began_s) / INTERVAL_S
    history.close()


def test_the_last_ring_is_told_though_it_came_within_the_interval(tmp_path: Path) -> None:
    """What was stored right behind a notice waits for the next one, and no other ring."""
    history = History(tmp_path)
    bell = Bell(history.database)
    bell.start()
    bell.ring()
    wait_for(lambda: bell.notices == 1, what="the first notice")
    bell.ring()
    wait_for(lambda: bell.notices == 2, what="the second notice")
    bell.stop()
    history.close()
