"""A robot's row is made with its first message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.control_room.history.robot_rows import find_robot_key

if TYPE_CHECKING:
    from edge_node.control_room.history.history import History


def test_a_robot_has_one_row(history: History) -> None:
    """Whoever asks; the same name at another site is another robot."""
    with history.transaction():
        keys = [find_robot_key(history.database, site, "crawler-1", 5) for site in ("quay", "dock", "quay")]
    assert keys[0] == keys[2] != keys[1]
    assert [record.first_heard_at.microsecond for record in history.robots()] == [5, 5]
