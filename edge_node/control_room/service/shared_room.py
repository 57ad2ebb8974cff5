"""Tell whether several processes may share a room's database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.errors import ConfigError

if TYPE_CHECKING:
    from edge_node.control_room.settings import RoomSettings


def check_shared(settings: RoomSettings) -> None:
    """Raise ConfigError where the room's database is a file of one process.

    SQLite lets one connection write at a time, and nobody can wait there to be told that something changed:
    processes that share the file would queue for its lock and poll, and be slower than the one that they
    replace.
    """
    if settings.room.database is None:
        raise ConfigError(
            "[room] database: not given, so the history is an SQLite file, which serves one process; several"
            ' want PostgreSQL (database = "postgresql+psycopg://USER@HOST/NAME"), or start'
            " `edge-node control-room` alone, which does all of it"
        )
