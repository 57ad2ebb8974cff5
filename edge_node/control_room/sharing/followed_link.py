"""Tell a web process how the connection of its room to the broker is, as the ingest processes note it."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from edge_node.control_room.history.processes.roll import RollReader
from edge_node.control_room.ingest.ingest import Link
from edge_node.messages.status import LinkState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge_node.control_room.history.database import Database
    from edge_node.control_room.history.processes.roll import RoomProcess


class FollowedLink:
    """The link of a room whose messages other processes store; ``look`` belongs to one thread."""

    def __init__(
        self, database: Database, is_alive: Callable[[], bool], on_link: Callable[[Link], None]
    ) -> None:
        """Know nothing yet.

        Args:
            database: of the room.
            is_alive: tells whether whoever calls ``look`` runs.
            on_link: called when the link changes.
        """
        self._roll = RollReader(database)
        self._is_alive = is_alive
        self._on_link = on_link
        self._link = Link(LinkState.CONNECTING, datetime.now(timezone.utc))

    @property
    def link(self) -> Link:
        """The state of the best link of all ingest processes."""
        return self._link

    @property
    def is_alive(self) -> bool:
        """The thread that looks runs."""
        return self._is_alive()

    def count_received(self) -> int:
        """Return 0: this process receives nothing."""
        return 0

    def count_waiting(self) -> int:
        """Return 0: commands open connections of their own."""
        return 0

    def look(self) -> None:
        """Read what the ingest processes note.

        Raises:
            HistoryError: the history cannot be read.
        """
        found = sum_up(self._roll.read(), self._link)
        if (found.state, found.text, found.notices) != (
            self._link.state,
            self._link.text,
            self._link.notices,
        ):
            self._link = found
            self._on_link(found)


def sum_up(processes: Sequence[RoomProcess], before: Link) -> Link:
    """Return one link for the room: there if one process has it; those that have none are named."""
    there = [one for one in processes if one.state == LinkState.CONNECTED.value]
    lacking = [one for one in processes if one.state != LinkState.CONNECTED.value]
    notices = tuple(
        f"{one.name} at {one.place}: no link to the broker: {one.text or one.state}" for one in lacking
    )
    if there:
        return Link(LinkState.CONNECTED, max(one.since for one in there), "", notices[-5:])
    if processes:
        return Link(LinkState(lacking[0].state), lacking[0].since, lacking[0].text, notices[-5:])
    text = "no ingest process of this room runs: start `edge-node control-room ingest`"
    since = before.since if before.text == text else datetime.now(timezone.utc)
    return Link(LinkState.STOPPED, since, text)
