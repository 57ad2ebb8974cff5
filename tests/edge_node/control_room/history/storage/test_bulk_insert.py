"""An INSERT of one row becomes one of many."""

from __future__ import annotations

from sqlalchemy import Text, bindparam, insert, select, update
from sqlalchemy.dialects import postgresql

from edge_node.control_room.history.storage.bulk_insert import list_columns, listed, make_bulk
from edge_node.control_room.history.storage.dialect import insert_new
from edge_node.control_room.history.storage.tables import NUMBER, retired

NAMES = ("robot_key", "retired_us")


def test_a_plain_insert_takes_lists() -> None:
    """One that has more to say, of rows that are there, is left as it is."""
    plain = insert(retired).values({name: bindparam(name) for name in NAMES})
    assert list_columns(plain) == NAMES
    assert list_columns(insert_new(retired).values({name: bindparam(name) for name in NAMES})) is None
    assert list_columns(update(retired).values(retired_us=bindparam("at"))) is None
    text = str(make_bulk(plain).compile(dialect=postgresql.dialect()))
    assert "unnest(CAST(%(robot_key)s AS BIGINT[]), CAST(%(retired_us)s AS BIGINT[]))" in text


def test_rows_are_bound_as_lists() -> None:
    """Each column by its name."""
    rows = listed("rows", key=NUMBER, word=Text())
    text = str(select(rows.c.word).compile(dialect=postgresql.dialect()))
    assert "AS rows(key, word)" in text
