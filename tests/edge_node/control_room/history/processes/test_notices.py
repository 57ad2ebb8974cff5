"""Waiting for notices ends in time, with a database that gives none too."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from edge_node.control_room.history.history import History
from edge_node.control_room.history.processes.notices import Listener, notify

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_wakes_nobody_and_the_end_is_not_waited_for(tmp_path: Path) -> None:
    """SQLite has no notices: who waits looks again, and leaves at once when it is to end."""
    history = History(tmp_path)
    with history.transaction():
        notify(history.database)
    ended = threading.Event()
    ended.set()
    began_s = time.monotonic()
    Listener(history.database).wait(60, ended)
    assert time.monotonic() - began_s < 30
    history.close()
