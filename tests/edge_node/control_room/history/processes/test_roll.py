"""Who runs is told by whether its row moves."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from edge_node.control_room.history.history import History
from edge_node.control_room.history.processes.roll import (
    SILENT_S,
    RollReader,
    RoomProcess,
    forget_process,
    note_process,
)

if TYPE_CHECKING:
    from pathlib import Path

SINCE = datetime(2026, 11, 30, 12, 0, tzinfo=timezone.utc)


def test_a_process_that_notes_nothing_more_is_gone(tmp_path: Path) -> None:
    """Its row stays, and stands still for longer than a process may be silent."""
    history, now_s = History(tmp_path), [0.0]
    reader = RollReader(history.database, lambda: now_s[0])
    one, two = (RoomProcess(f"ingest-{n}", f"host:{n}", "connected", SINCE) for n in (1, 2))
    note_process(history.database, one, 1)
    note_process(history.database, two, 1)
    assert reader.read() == [one, two]
    now_s[0] = SILENT_S
    note_process(history.database, two, 2)
    assert reader.read() == [two]
    forget_process(history.database, "ingest-2")
    assert reader.read() == []
    history.close()
