"""Rooms with rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.watched_room import WatchedRoom

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Callable[..., WatchedRoom]]:
    """Make rooms with the rules that are given by name."""
    made: list[WatchedRoom] = []

    def make(rules: dict[str, dict[str, Any]], **options: Any) -> WatchedRoom:
        made.append(WatchedRoom(tmp_path / f"room-{len(made)}", rules, **options))
        return made[-1]

    yield make
    for room in made:
        room.close()
