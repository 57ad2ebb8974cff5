"""How the page of one process shows the links that others have."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from edge_node.control_room.history.history import History
from edge_node.control_room.history.processes.roll import RoomProcess, note_process
from edge_node.control_room.sharing.followed_link import FollowedLink
from edge_node.messages.status import LinkState

if TYPE_CHECKING:
    from pathlib import Path

    from edge_node.control_room.ingest.ingest import Link

SINCE = datetime(2026, 11, 30, 12, 0, tzinfo=timezone.utc)


def test_the_room_is_connected_while_one_process_is_and_those_that_are_not_are_named(tmp_path: Path) -> None:
    """Nobody runs; one that cannot connect; another that can. Each change is told once."""
    history, told = History(tmp_path), list["Link"]()
    link = FollowedLink(history.database, lambda: True, told.append)
    link.look()
    link.look()
    assert link.link.state is LinkState.STOPPED
    assert "no ingest process" in link.link.text
    note_process(history.database, RoomProcess("ingest-1", "a:1", "refused", SINCE, "not authorized"), 1)
    link.look()
    assert (link.link.state, link.link.text) == (LinkState.REFUSED, "not authorized")
    note_process(history.database, RoomProcess("ingest-2", "b:2", "connected", SINCE), 1)
    link.look()
    assert (link.link.state, link.link.since) == (LinkState.CONNECTED, SINCE)
    assert link.link.notices == ("ingest-1 at a:1: no link to the broker: not authorized",)
    assert [one.state for one in told] == [LinkState.STOPPED, LinkState.REFUSED, LinkState.CONNECTED]
    assert (link.count_received(), link.count_waiting(), link.is_alive) == (0, 0, True)
    history.close()
