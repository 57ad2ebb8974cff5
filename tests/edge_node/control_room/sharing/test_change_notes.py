"""What a batch changed is noted with it, or not at all."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.history.history import History
from edge_node.control_room.history.processes.changes import ChangeReader, Changes
from edge_node.control_room.history.records import RetiredRobot, StoredPicture
from edge_node.control_room.ingest.batch_store import Arrival
from edge_node.control_room.sharing.change_notes import describe, note_arrivals
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 30, tzinfo=timezone.utc)


def test_each_thing_is_named_once_and_a_repeated_verdict_is_no_news() -> None:
    """A robot of three messages is one robot; an epoch of which a verdict came again is due a receipt."""
    first, second = verdict(1, "C"), verdict(2, "U")
    picture = StoredPicture(site="site", robot="robot", sha256="ab", is_thumbnail=True, content=b"")
    arrivals = [
        Arrival(first, NOW, is_news=True),
        Arrival(second, NOW, is_news=True),
        Arrival(second, NOW, is_news=False),
        Arrival(picture, NOW, is_news=True),
        Arrival(picture, NOW, is_news=False),
        Arrival(RetiredRobot("site", "gone"), NOW, is_news=True),
    ]
    epoch = first.id.split(":")[1]
    name = (first.site, first.robot)
    assert describe(arrivals) == Changes(
        robots=(name, ("site", "robot"), ("site", "gone"))
        if name != ("site", "robot")
        else (name, ("site", "gone")),
        epochs=((*name, epoch, False), (*name, epoch, True)),
        verdicts=2,
        pictures=(("site", "robot", "ab"),),
    )


def test_a_batch_that_is_rolled_back_is_not_noted(tmp_path: Path) -> None:
    """No page loads, and no robot gets a receipt for, what is not stored."""
    history = History(tmp_path)
    reader = ChangeReader(history.database)

    def store() -> None:
        with history.transaction():
            note_arrivals(history.database, [Arrival(verdict(1, "C"), NOW, is_news=True)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store()
    assert reader.read() == []
    note_arrivals(history.database, [])
    assert reader.read() == []
    history.close()
