"""A rebuilt history holds what is right, under the keys that its rows name."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from edge_node.control_room.history.database import Database
from edge_node.control_room.history.defects.defect_book import DefectBook
from edge_node.control_room.history.history import History
from edge_node.control_room.history.recovery.rebuild import rebuild
from edge_node.control_room.history.storage.tables import metadata
from edge_node.messages.verdict import encode
from tests.support.room_records import finding
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Rows:
    """Rows as they could be recovered."""

    def __init__(self, **found: list[dict[str, Any]]) -> None:
        self._found = found

    def count(self, table) -> int:
        """Return how many there are."""
        return len(self._found.get(table.name, []))

    def rows(self, table) -> Iterator[dict[str, Any]]:
        """Return those of a table."""
        yield from self._found.get(table.name, [])


def _message(position: int, seq: int, robot: str) -> dict[str, Any]:
    return {"position": position, "payload": encode(verdict(seq, "C", robot=robot, id=f"{robot}:e:{seq}"))}


def _row(position: int, seq: int, key: int) -> dict[str, Any]:
    return {
        "position": position,
        "robot_key": key,
        "epoch_key": 10 + key,
        "seq": seq,
        "received_us": 1_000_000 * position,
        "replayed": 0,
        "sha256": bytes([position]),
    }


def _rebuilt(folder: Path, **found: list[dict[str, Any]]):
    database = Database(folder)
    done = rebuild(Rows(**found), database, lambda _step, _rows: None)  # type: ignore[arg-type]
    database.close()
    return done


def test_a_robot_whose_row_is_lost_keeps_its_key(tmp_path: Path) -> None:
    """Its verdicts tell its key, by which its refused numbers, pictures and reviews are known."""
    conflict = {
        "conflict_key": 1,
        "robot_key": 4,
        "epoch": "e",
        "seq": 1,
        "sha256": b"x",
        "received_us": 5,
        "count": 1,
        "payload": _message(1, 1, "b")["payload"],
    }
    stray = {**conflict, "conflict_key": 2, "robot_key": 77, "sha256": b"y"}
    done = _rebuilt(
        tmp_path,
        verdict=[_row(1, 1, 4), _row(2, 1, 9)],
        verdict_message=[_message(1, 1, "b"), _message(2, 1, "a")],
        conflict=[conflict, stray],
    )
    assert done.kept == {"verdict": 2, "conflict": 1}
    assert done.unreadable == {"conflict": 1}
    history = History(tmp_path, read_only=True)
    assert {(record.robot, record.conflicts) for record in history.robots()} == {("a", 0), ("b", 1)}
    history.close()


def test_a_row_that_names_another_robots_key_gets_its_own(tmp_path: Path) -> None:
    """The message tells whose it is: a damaged key mixes no two robots."""
    _rebuilt(
        tmp_path,
        verdict=[_row(1, 1, 4), _row(2, 1, 4)],
        verdict_message=[_message(1, 1, "a"), _message(2, 1, "b")],
    )
    history = History(tmp_path, read_only=True)
    assert {(record.robot, record.verdicts) for record in history.robots()} == {("a", 1), ("b", 1)}
    history.close()


@pytest.mark.parametrize("payload", [b"", b"{}", b"\xff\xfe"], ids=["empty", "no verdict", "noise"])
def test_a_number_whose_message_is_lost_is_a_gap(tmp_path: Path, payload: bytes) -> None:
    """It counts as never received, and those that were deleted by age as received."""
    done = _rebuilt(
        tmp_path,
        robot=[],
        verdict=[_row(1, 5, 4), _row(2, 6, 4), _row(3, 7, 4)],
        verdict_message=[_message(1, 5, "a"), {"position": 2, "payload": payload}, _message(3, 7, "a")],
        arrived=[{"epoch_key": 14, "first_seq": 1, "last_seq": 7}],
    )
    assert [(one.robot, one.ranges) for one in done.lost] == [("a", [(6, 6)])]
    history = History(tmp_path, read_only=True)
    assert [(gap.first_seq, gap.last_seq) for gap in history.gaps()] == [(6, 6)]
    history.close()


def test_what_people_decided_of_defects_is_carried_over(tmp_path: Path) -> None:
    """With rows of a table that an older program wrote, which have fewer columns, among newer ones."""
    with closing(History(tmp_path / "old")) as history:
        for number in (3, 30):
            history.add_finding(finding(id=f"crawler-1:epoch:f{number}", asset="pipe"))
        book = DefectBook(history.database)
        book.catch_up()
        key = book.deeds.join_findings([("quay", f"crawler-1:epoch:f{number}") for number in (3, 30)], "Ada")
        book.deeds.name(key, "weld 7", "Ada")
        found = {
            table.name: [
                dict(zip(table.c.keys(), row, strict=True)) for row in history.database.rows(select(table))
            ]
            for table in metadata.sorted_tables
        }
    del found["finding"][0]["is_taken"]
    done = _rebuilt(tmp_path / "new", **found)
    assert done.unreadable == {}
    with closing(History(tmp_path / "new")) as history:
        book = DefectBook(history.database)
        named = book.defect(key)
        assert named is not None
        assert (named.name, named.sightings) == ("weld 7", 2)
        assert [deed.action for deed in book.log(key)] == ["name", "join findings"]
        assert len(history.findings()) == 2
