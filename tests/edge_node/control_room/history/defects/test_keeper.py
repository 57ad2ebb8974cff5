"""Matching beside the ingest."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING

from edge_node.control_room.history.defects.defect_book import DefectBook
from edge_node.control_room.history.defects.keeper import DefectKeeper

if TYPE_CHECKING:
    from edge_node.control_room.history.history import History


def test_what_is_stored_is_matched_from_the_start(walked: History) -> None:
    """Then whoever asked is told which defects changed; stopping ends the thread."""
    told: queue.SimpleQueue[set[int]] = queue.SimpleQueue()
    keeper = DefectKeeper(walked.database, told.put)
    keeper.start()
    try:
        changed = told.get(timeout=30)
    finally:
        keeper.stop()
    assert changed == {one.key for one in DefectBook(walked.database).defects()}
    keeper.note_findings()  # after the end it does nothing
