"""Notes of what changed are read once each, in whatever order they are committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import bindparam, delete, insert

from edge_node.control_room.history.history import History
from edge_node.control_room.history.processes import changes as module
from edge_node.control_room.history.processes.changes import (
    ChangeReader,
    Changes,
    insert_changes,
    trim_changes,
)
from edge_node.control_room.history.storage.process_tables import change

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ONE = Changes(robots=(("quay", "crawler-1"),), epochs=(("quay", "crawler-1", "e", False),), verdicts=1)
_AT = insert(change).values(change_key=bindparam("key"), content=bindparam("content"))
_WITHOUT = delete(change).where(change.c.change_key < bindparam("key"))


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    """An empty history."""
    opened = History(tmp_path)
    yield opened
    opened.close()


def test_each_note_is_read_once_also_one_that_is_committed_late(history: History) -> None:
    """The process that took key 2 commits after the one that took key 3."""
    reader = ChangeReader(history.database)
    insert_changes(history.database, ONE)
    history.database.write(_AT, {"key": 3, "content": "{}"})
    assert reader.read() == [ONE, Changes()]
    assert reader.read() == []
    history.database.write(_AT, {"key": 2, "content": '{"verdicts":7}'})
    assert reader.read() == [Changes(verdicts=7)]
    assert reader.read() == []


def test_who_takes_over_reads_all_that_is_kept_and_others_what_comes(history: History) -> None:
    """Receipts may have been due when their process died; a page loads everything by itself."""
    insert_changes(history.database, ONE)
    assert ChangeReader(history.database).read() == []
    assert ChangeReader(history.database, from_oldest=True).read() == [ONE]


def test_who_was_away_while_notes_were_deleted_is_told_to_load_everything(history: History) -> None:
    """What was deleted is not known: the first of what it reads says that much changed."""
    reader = ChangeReader(history.database)
    for _ in range(3):
        insert_changes(history.database, ONE)
    history.database.write(_WITHOUT, {"key": 3})
    assert reader.read() == [Changes(is_much=True), ONE]


def test_the_newest_notes_are_kept(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table does not grow for ever."""
    monkeypatch.setattr(module, "KEPT", 2)
    for _ in range(5):
        insert_changes(history.database, ONE)
    trim_changes(history.database)
    assert len(ChangeReader(history.database, from_oldest=True).read()) == 2


def test_a_note_of_very_much_names_the_epochs_alone(history: History) -> None:
    """Pages load everything again; receipts still want to know which epochs."""
    reader = ChangeReader(history.database)
    many = tuple(("quay", f"crawler-1:{number}") for number in range(600))
    insert_changes(history.database, Changes(epochs=ONE.epochs, findings=many))
    assert reader.read() == [Changes(epochs=ONE.epochs, is_much=True)]
