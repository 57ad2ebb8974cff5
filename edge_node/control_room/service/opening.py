"""Open the history that a control room's configuration names: a file of its state folder, or PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from edge_node.control_room import database_address
from edge_node.control_room.database_address import DatabasePlace
from edge_node.control_room.history.database import NAME
from edge_node.control_room.history.history import History
from edge_node.errors import ConfigError


class RoomPlace(Protocol):
    """The keys of ``[room]`` that say where the history lies."""

    @property
    def state_dir(self) -> str:
        """The state folder."""

    @property
    def database(self) -> str | None:
        """URL of a PostgreSQL database; None for a file in the state folder."""

    @property
    def database_password_file(self) -> str | None:
        """File with its password."""

    @property
    def pictures_dir(self) -> str | None:
        """Folder of pictures beside a PostgreSQL database."""


def find_place(room: RoomPlace) -> DatabasePlace | None:
    """Return where the PostgreSQL database is; None if the history is a file in the state folder."""
    if room.database is None:
        return None
    return DatabasePlace(
        url=room.database, password_file=room.database_password_file, pictures_dir=room.pictures_dir
    )


def open_history(room: RoomPlace, *, read_only: bool = False) -> History:
    """Open the history of a room.

    Raises:
        HistoryError: it cannot be opened.
        ConfigError: the driver is not installed, or the URL cannot be used.
    """
    return History(Path(room.state_dir), read_only=read_only, place=find_place(room))


def name_place(room: RoomPlace) -> str:
    """Return how messages call the place of a room's history."""
    place = find_place(room)
    return room.state_dir if place is None else database_address.name_place(place)


def find_folder(room: RoomPlace, instead: str) -> Path:
    """Return the folder of a history in a file, for commands that copy and mend files.

    Raises:
        ConfigError: it is on a PostgreSQL server; ``instead`` says what does the same there.
    """
    if room.database is not None:
        raise ConfigError(f"the history is on {name_place(room)}, not in a file: {instead}")
    return Path(room.state_dir)


def is_there(room: RoomPlace) -> bool:
    """Tell whether a room has a history already, as far as its files tell."""
    return room.database is not None or (Path(room.state_dir) / NAME).is_file()
