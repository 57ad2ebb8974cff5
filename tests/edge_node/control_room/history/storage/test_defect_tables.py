"""The tables of defects."""

from __future__ import annotations

from edge_node.control_room.history.storage import tables
from edge_node.control_room.history.storage.defect_tables import defect, defect_deed, defect_match, sighting


def test_they_are_tables_of_the_history() -> None:
    """So each new file has them, and a salvage looks for their rows."""
    for table in (defect, defect_deed, defect_match, sighting):
        assert tables.metadata.tables[table.name] is table
