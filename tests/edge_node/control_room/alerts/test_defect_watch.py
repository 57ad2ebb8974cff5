"""What alerts ask of defects: a muted one's findings, and those that grow, from the real book of defects."""

from __future__ import annotations

from datetime import timedelta

from edge_node.control_room.alerts.defect_watch import DefectWatch
from edge_node.control_room.history.defects.deeds import Deeds
from edge_node.control_room.history.defects.defect_book import DefectBook
from edge_node.control_room.history.defects.records import DefectState
from edge_node.messages.verdict import Pose
from tests.support.room_records import finding
from tests.support.watched_room import WatchedRoom


def find(room: WatchedRoom, number: int, place_m: float) -> tuple[str, str]:
    """Let a finding come, and return its site and id."""
    pose = Pose(distance_m=place_m, sigma_m=0.02)
    seen = {"first_observed_at": room.now, "last_observed_at": room.now, "asset": "pipe L-7"}
    one = finding(id=f"crawler-1:epoch:f{number}", from_pose=pose, to_pose=pose, **seen)
    room.say(one)
    return one.site, one.id


def test_findings_of_a_defect_that_a_person_muted_and_defects_that_a_person_calls_growing(tmp_path) -> None:
    """A finding that has just come is matched first."""
    room = WatchedRoom(tmp_path, {})
    watch, book = DefectWatch(room.history.database), DefectBook(room.history.database)
    muted, loud = find(room, 1, 3.0), find(room, 2, 9.0)
    assert watch.muted([muted, loud], room.now) == set()
    keys = book.of_findings([muted, loud])
    deeds = Deeds(room.history.database)
    deeds.mute(keys[muted], room.now + timedelta(days=1), "ada")
    assert watch.muted([muted, loud], room.now) == {muted}
    assert watch.muted([muted, loud], room.now + timedelta(days=2)) == set()
    for key in keys.values():
        deeds.set_state(key, DefectState.GROWING.value, "ada")
    (growing,) = watch.growing(room.now)
    assert (growing.key, growing.asset, growing.robot) == (keys[loud], "pipe L-7", "crawler-1")
    assert growing.growth
    room.close()
