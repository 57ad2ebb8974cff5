"""Robots that wait: a bounded list of names with counts, and what people decided."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from edge_node.control_room.history.shares.quarantine import MAX_WAITING
from tests.support.verdicts import START

if TYPE_CHECKING:
    from edge_node.control_room.history.history import History


def test_invented_names_push_out_the_silent_and_no_decision(history: History) -> None:
    """The list of those that wait is bounded; who was admitted or refused stays in it."""
    history.decide_robot("quay", "ours", admit=True, by="ada")
    history.decide_robot("quay", "theirs", admit=False, by="ada")
    with history.transaction():
        for number in range(MAX_WAITING + 50):
            history.note_waiting("quay", f"ghost-{number}", 2, START + timedelta(seconds=number))
        history.note_waiting("quay", "ghost-1049", 3, START + timedelta(hours=1))
    found = history.quarantined()
    waiting = [robot for robot in found if robot.state == "waiting"]
    assert len(waiting) == MAX_WAITING
    assert "ghost-49" not in {robot.robot for robot in waiting}
    newest = next(robot for robot in waiting if robot.robot == "ghost-1049")
    assert (newest.messages, newest.first_heard_at) == (5, START + timedelta(seconds=1049))
    assert {(one.robot, one.state, one.decided_by) for one in found[MAX_WAITING:]} == {
        ("ours", "admitted", "ada"),
        ("theirs", "refused", "ada"),
    }
    assert history.robot_names() == set()
