"""What each robot uses is counted as rows come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete

from edge_node.control_room.history.database import Database
from edge_node.control_room.history.shares import ledger
from edge_node.control_room.history.storage import tables
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from pathlib import Path

    from edge_node.control_room.database_address import DatabasePlace
    from edge_node.control_room.history.history import History

FAR = 10**9


def add(history: History, robot: str, first: int, last: int) -> None:
    """Add verdicts of one robot."""
    with history.transaction():
        for seq in range(first, last + 1):
            history.add_verdict(verdict(seq, "U", robot=robot, id=f"{robot}:epoch:{seq}"))


def count_anew(folder: Path, place: DatabasePlace | None) -> list[tuple[str, str, int]]:
    """What is counted if nothing was written down."""
    store = Database(folder, place=place)
    try:
        store.write(delete(tables.verdict_share))
        return ledger.sum_by_name(store)
    finally:
        store.close()


def test_what_was_written_down_is_what_is_there(history: History, tmp_path: Path, place) -> None:
    """After rows came, went by their share and by age, and after another version deleted some."""
    add(history, "a", 1, 300)
    add(history, "b", 1, 100)
    history.trim(max_bytes=FAR, max_picture_bytes=FAR)
    add(history, "a", 301, 400)
    history.trim(max_bytes=700_000, max_picture_bytes=FAR)
    add(history, "b", 101, 150)
    told = [(share.site, share.robot, share.bytes) for share in history.shares(max_bytes=FAR)]
    assert [name for _, name, _ in told] == ["a", "b"]
    assert told == count_anew(tmp_path, place)
    history.trim(max_bytes=FAR, max_picture_bytes=FAR)
    if place is not None:  # there is no other version for servers
        return
    store = Database(tmp_path, place=place)
    for table in (tables.verdict, tables.verdict_message):
        store.write(delete(table).where(table.c.position <= 420))
    told = ledger.sum_by_name(store)
    store.close()
    assert told == count_anew(tmp_path, place)
