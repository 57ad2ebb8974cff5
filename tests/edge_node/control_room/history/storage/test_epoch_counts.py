"""Counts of missing numbers are filled at opening: an older program keeps none."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from edge_node.control_room.history.database import NAME
from edge_node.control_room.history.history import History
from edge_node.control_room.history.storage.epoch_counts import fill_counts
from edge_node.control_room.history.storage.sqlite import make_engine
from edge_node.control_room.history.storage.tables import epoch_state
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from pathlib import Path


def test_each_epoch_gets_its_counts_once(tmp_path: Path) -> None:
    """What lies before the first number that was heard is not missing."""
    with closing(History(tmp_path)) as history:
        for seq in (5, 9):
            history.add_verdict(verdict(seq, "U"))
    with make_engine(tmp_path / NAME).connect() as connection:
        connection.execute(delete(epoch_state))
        for _ in range(2):
            fill_counts(connection)
        found = connection.execute(select(epoch_state.c.missing, epoch_state.c.from_start)).fetchall()
    assert found == [(3, 0)]
