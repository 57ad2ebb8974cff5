"""Who waits is woken by a notice of another process, and looks again without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from edge_node.control_room.history.history import History
from edge_node.control_room.history.processes.notices import CHANNEL, Listener
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from edge_node.control_room.database_address import DatabasePlace

_END_LISTENERS = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")


def test_a_file_wakes_nobody_and_who_ends_does_not_wait(tmp_path: Path) -> None:
    """SQLite has no notices: the time is over, or somebody in this process wakes."""
    history = History(tmp_path)
    listener = Listener(history.database)
    assert not listener.wait(0.01)
    listener.wake()
    assert listener.wait(60)
    listener.close()
    history.close()


def test_a_notice_wakes_and_a_broken_connection_too(tmp_path: Path, postgres_place: DatabasePlace) -> None:
    """What was told while nobody listened has to be looked for: the new connection wakes first."""
    told, heard = (History(tmp_path, place=postgres_place) for _ in range(2))
    listener = Listener(heard.database)
    assert listener.wait(20)
    for _ in range(50):
        with told.database.transaction(robots=()):
            told.database.notify(CHANNEL, "")
    assert listener.wait(20)
    wait_for(lambda: not listener.wait(0.3), what="fifty notices that are one or two")
    with told.database.transaction(robots=()):
        told.database.peek(_END_LISTENERS)
    assert listener.wait(20)
    with told.database.transaction(robots=()):
        told.database.notify(CHANNEL, "")
    assert listener.wait(20)
    listener.close()
    told.close()
    heard.close()
