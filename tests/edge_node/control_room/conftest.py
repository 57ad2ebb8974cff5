"""The databases that a history is tested on: SQLite, and a real PostgreSQL server where it is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.postgres import PostgresRooms, postgres_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge_node.control_room.database_address import DatabasePlace


@pytest.fixture(scope="session")
def postgres_rooms() -> Iterator[PostgresRooms]:
    """Databases on one server, which runs until the tests end."""
    with postgres_server() as server:
        yield PostgresRooms(server)


@pytest.fixture
def postgres_place(postgres_rooms: PostgresRooms, tmp_path: Path) -> Iterator[DatabasePlace]:
    """The place of an empty history on PostgreSQL."""
    made = postgres_rooms.make(tmp_path)
    yield made
    postgres_rooms.give_back(made)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest) -> DatabasePlace | None:
    """Where the history of a test lies: once in a file, once on PostgreSQL."""
    if request.param == "sqlite":
        return None
    made: DatabasePlace = request.getfixturevalue("postgres_place")
    return made
