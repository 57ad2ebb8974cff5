"""A history of the control room."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.history.history import History

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge_node.control_room.database_address import DatabasePlace


@pytest.fixture
def history(tmp_path: Path, place: DatabasePlace | None) -> Iterator[History]:
    """An empty history, on each database."""
    opened = History(tmp_path, place=place)
    yield opened
    opened.close()
