"""The step that adds the tables of processes that share a history."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from edge_node.control_room.history.history import History
from edge_node.control_room.history.processes.changes import ChangeReader, Changes, insert_changes
from edge_node.control_room.history.processes.session_rows import SessionRow, add_session, find_session
from tests.support.older_histories import make_older
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from pathlib import Path


def test_an_older_file_gets_the_tables_and_keeps_what_it_holds(tmp_path: Path) -> None:
    """They are empty, and can be used."""
    with closing(History(tmp_path)) as history:
        history.add_verdict(verdict(1, "U"))
    make_older(tmp_path, "0.8.0")
    with closing(History(tmp_path)) as history:
        reader = ChangeReader(history.database)
        insert_changes(history.database, Changes(verdicts=1))
        assert reader.read() == [Changes(verdicts=1)]
        row = SessionRow("key", "ada", "proof", 1.0, 2.0)
        add_session(history.database, row, most_of_user=1, most=1)
        assert find_session(history.database, "key") == row
        assert history.count_verdicts() == 1
