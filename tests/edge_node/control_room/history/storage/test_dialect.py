"""What databases write differently: upserts, and how texts, JSON and numbers are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Float, LargeBinary, Text, bindparam, literal_column, select

from edge_node.control_room.history.storage import dialect
from edge_node.control_room.history.storage.tables import NUMBER, refused

if TYPE_CHECKING:
    from edge_node.control_room.history.history import History

_ROW = {name: bindparam(name) for name in ("reason", "count", "last_us", "last_topic", "last_text")}


def test_a_row_is_left_alone_or_replaced(history: History) -> None:
    """The two upserts that statements are made of."""
    row = {"reason": "r", "count": 1, "last_us": 1, "last_topic": "a", "last_text": "a"}
    newer = {**row, "count": 5, "last_topic": "b"}
    new = dialect.insert_new(refused).values(_ROW)
    update = dialect.insert_or_update(refused, [refused.c.reason], ["last_topic"]).values(_ROW)
    changed = [history.database.write(*one) for one in ((new, row), (new, newer), (update, newer))]
    assert changed == [1, 0, 1]
    assert history.database.rows(select(refused)) == [("r", 1, 1, "b", "a")]


def test_texts_json_and_numbers_are_read_as_written(history: History) -> None:
    """No letter stands for others, as in LIKE; a fraction is left out, not rounded."""
    words = literal_column("',low_margin,'", Text)
    asked = [dialect.contains(words, bindparam(f"word{place}", type_=Text)) for place in range(3)]
    payload = bindparam("payload", type_=LargeBinary)
    one, other = bindparam("one", type_=NUMBER), bindparam("other", type_=NUMBER)
    query = select(
        *asked,
        dialect.json_text(payload, "best"),
        dialect.larger(one, other),
        dialect.whole(bindparam("fraction", type_=Float)),
    )
    values = {"word0": "low_margin", "word1": "lowxmargin", "word2": "LOW", "one": 3, "other": 12}
    values |= {"payload": b'{"best": "abc"}', "fraction": 2.75}
    assert history.database.rows(query, values) == [(1, 0, 0, "abc", 12, 2)]
