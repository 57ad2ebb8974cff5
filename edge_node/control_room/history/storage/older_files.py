"""Read a file of an older version beside the program that runs on it, without changing it.

What the file lacks is made for the reading connection alone: empty tables, and copies of small tables with
the columns that came later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import MetaData, Table, insert, inspect, select

from edge_node.control_room.history.storage.epoch_counts import fill_counts
from edge_node.control_room.history.storage.tables import epoch_state, metadata, verdict

if TYPE_CHECKING:
    from sqlalchemy import Connection

_TEMPORARY = "temp"  # is searched before the file's own tables


def add_what_lacks(connection: Connection) -> frozenset[str]:
    """Make what the file lacks for this connection; return the columns that the large table lacks."""
    known = inspect(connection)
    tables = set(known.get_table_names())
    lacking = frozenset[str]()
    for table in metadata.sorted_tables:
        wanted = set(table.c.keys())
        columns: set[str] = set()
        if table.name in tables:
            columns = {column["name"] for column in known.get_columns(table.name)}
        if wanted <= columns:  # a newer program may have added others
            continue
        if table is verdict and columns:
            lacking = frozenset(wanted - columns)
            continue
        _copy(connection, table, columns & wanted)
    if epoch_state.name not in tables:
        fill_counts(connection)
    return lacking


def _copy(connection: Connection, table: Table, columns: set[str]) -> None:
    copy = table.to_metadata(MetaData(), schema=_TEMPORARY)
    original = table.to_metadata(MetaData(), schema="main")
    copy.create(connection)
    if columns:
        names = sorted(columns)
        rows = select(*(original.c[name] for name in names))
        connection.execute(insert(copy).from_select(names, rows, include_defaults=False))
