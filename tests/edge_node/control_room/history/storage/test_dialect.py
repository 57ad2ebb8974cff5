"""What is SQLite's own: durability, the mark of a file, upserts, and how texts and JSON are searched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import LargeBinary, Text, literal, select

from edge_node.control_room.history.storage import dialect, sqlite
from edge_node.control_room.history.storage.tables import metadata, refused, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """A connection to a file of its own."""
    with sqlite.make_engine(tmp_path / "a.db").connect() as opened:
        yield opened


def test_what_is_committed_survives_a_power_cut(connection: Connection) -> None:
    """The broker is told to forget a message when it is committed."""
    found = [
        connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")
    ]
    assert found == ["wal", 2]


def test_a_file_is_marked_once_it_is_a_history(connection: Connection) -> None:
    """So that no other program's file is taken for one."""
    assert sqlite.is_empty(connection)
    assert sqlite.read_mark(connection) is None
    sqlite.mark(connection, 3)
    assert sqlite.read_mark(connection) == 3


def test_a_row_is_left_alone_or_replaced(connection: Connection) -> None:
    """The two upserts that statements are made of."""
    metadata.create_all(connection)
    row = {"reason": "r", "count": 1, "last_us": 1, "last_topic": "a", "last_text": "a"}
    newer = {**row, "count": 5, "last_topic": "b"}
    for statement in (
        dialect.insert_new(refused).values(row),
        dialect.insert_new(refused).values(newer),
        dialect.insert_or_update(refused, [refused.c.reason], ["last_topic"]).values(newer),
    ):
        connection.execute(statement)
    assert connection.execute(select(refused)).fetchall() == [("r", 1, 1, "b", "a")]


def test_texts_and_json_are_searched_as_written(connection: Connection) -> None:
    """No letter stands for others, as in LIKE."""
    words = literal(",low_margin,", Text)
    asked = [dialect.contains(words, literal(word, Text)) for word in ("low_margin", "lowxmargin", "LOW")]
    payload = literal(b'{"best": "abc"}', LargeBinary)
    found = connection.execute(select(*asked, dialect.json_text(payload, "best"))).one()
    assert tuple(found) == (1, 0, 0, "abc")


def test_a_hint_is_written(connection: Connection) -> None:
    """SQLite would take the wrong index for the verdicts of a finding."""
    query = select(verdict.c.seq).with_hint(verdict, "INDEXED BY verdict_by_number", dialect.HINTS)
    assert "INDEXED BY verdict_by_number" in str(query.compile(connection.engine))
