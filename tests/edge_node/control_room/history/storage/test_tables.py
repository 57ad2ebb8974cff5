"""The tables as statements know them are those of a file, whichever version made it."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from edge_node.control_room.history.database import NAME
from edge_node.control_room.history.history import History
from edge_node.control_room.history.storage.sqlite import make_engine
from edge_node.control_room.history.storage.tables import arrived, metadata, refused, retired, verdict_message
from tests.support.older_histories import VERSIONS, make_older

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("version", ["new", *VERSIONS])
def test_a_file_has_the_tables_and_indexes_of_this_version(tmp_path: Path, version: str) -> None:
    """A change of ``tables.py`` without a step that upgrades older files fails here."""
    History(tmp_path).close()
    if version != "new":
        make_older(tmp_path, version)
        History(tmp_path).close()
    with make_engine(tmp_path / NAME).connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), metadata)
    # Older versions left it to SQLite that a key is never null.
    keys = {column.name for table in metadata.sorted_tables for column in table.primary_key}
    assert [one for one in found if one[0][0] != "modify_nullable" or one[0][3] not in keys] == []


def test_tables_that_older_programs_fill_by_place_have_no_further_column(tmp_path: Path) -> None:
    """They insert ``VALUES (?, ?)`` without names."""
    counts = {table.name: len(table.c) for table in (arrived, refused, retired, verdict_message)}
    assert counts == {"arrived": 3, "refused": 5, "retired": 2, "verdict_message": 2}


def test_another_database_could_hold_the_tables() -> None:
    """PostgreSQL's words for them: keys that count themselves up, bytes, indexes of a part of the rows."""
    made = {
        table.name: str(CreateTable(table).compile(dialect=postgresql.dialect()))
        for table in metadata.sorted_tables
    }
    assert "position BIGSERIAL NOT NULL" in made["verdict"]
    assert "payload BYTEA NOT NULL" in made["verdict_message"]
    assert "epoch_key BIGINT NOT NULL" in made["arrived"]
    (part,) = (index for index in metadata.tables["epoch_state"].indexes if index.name == "epoch_with_gaps")
    assert "WHERE missing > 0" in str(CreateIndex(part).compile(dialect=postgresql.dialect()))


def test_a_position_is_never_given_twice(tmp_path: Path) -> None:
    """A page that was asked for behind a deleted verdict must not begin again."""
    with closing(History(tmp_path)):
        pass
    with make_engine(tmp_path / NAME).connect() as connection:
        sql = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = 'verdict'").scalar()
    assert "AUTOINCREMENT" in str(sql)
