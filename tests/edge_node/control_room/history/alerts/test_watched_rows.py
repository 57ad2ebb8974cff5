"""What rules read: robots with what they say, new findings and responses, verdicts counted once."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy import bindparam, update

from edge_node.control_room.history.alerts.watched_rows import WatchedRows, age_us
from edge_node.control_room.history.database import to_us
from edge_node.control_room.history.storage.tables import robot
from edge_node.messages.verdict import Pose
from tests.support.room_records import finding
from tests.support.verdicts import verdict
from tests.support.watched_room import status

NOW = datetime(2026, 12, 1, 12, tzinfo=timezone.utc)
SPOIL = update(robot).values(status=bindparam("status"), health=bindparam("health"))


def test_robots_but_those_that_are_retired(history) -> None:
    """A status with words of a newer version is read; of one that is none nothing is known."""
    history.set_status(status(), received_at=NOW)
    history.set_status(status("crawler-2"), received_at=NOW)
    history.retire("quay", "crawler-2")
    rows = WatchedRows(history.database)
    (found,) = rows.robots()
    assert (found.name, found.heard_us, found.status.camera.state) == ("quay/crawler-1", to_us(NOW), "ok")
    newer = b'{"presence": "dozing", "camera": {"state": "foggy", "text": "x", "new": 1}, "new": {}}'
    for content, presence, camera in ((newer, "dozing", "foggy"), (b"[]", "", "unknown")):
        history.database.write(SPOIL, {"status": content, "health": b"no JSON"})
        (found,) = rows.robots()
        assert (found.status.presence, found.status.camera.state) == (presence, camera)
        assert found.health.alarms == ()


def test_verdicts_are_counted_once_from_the_first_look_on(history) -> None:
    """Judged ones of those that came live; the newest tells whether there is a pose."""
    rows = WatchedRows(history.database)
    history.add_verdict(verdict(1, "C"))
    assert rows.count_verdicts() == {}
    for seq, what in enumerate("CU?X", start=2):
        history.add_verdict(verdict(seq, what))
    history.add_verdict(verdict(6, "U"), replayed=True)
    (counts,) = rows.count_verdicts().values()
    assert (counts.judged, counts.live) == (2, 4)
    assert rows.has_place(counts.newest) is False
    assert rows.count_verdicts() == {}
    history.add_verdict(verdict(7, "U", pose=Pose(z_m=0.5)))
    (counts,) = rows.count_verdicts().values()
    assert (counts.judged, counts.live) == (1, 1)
    assert rows.has_place(counts.newest) is True
    assert rows.has_place(counts.newest + 1) is None


def test_findings_that_came_since_a_time(history) -> None:
    """Those that came later, with their newest message."""
    for number in range(3):
        history.add_finding(finding(id=f"f{number}"), received_at=NOW + timedelta(minutes=number))
    found = WatchedRows(history.database).findings(NOW + timedelta(minutes=1))
    assert [one.finding_id for one in found] == ["f1", "f2"]


@pytest.mark.parametrize(
    ("observed", "ahead_s", "age_s"),
    [
        (NOW, 0, 0),
        (NOW - timedelta(hours=2), 0, 7200),
        (NOW + timedelta(hours=3), 3 * 3600, 0),
        (NOW + timedelta(minutes=10), 0, 0),
        (NOW + timedelta(hours=2), 0, None),
        (datetime(1970, 1, 1, tzinfo=timezone.utc), 0, None),
    ],
)
def test_how_old_something_was_when_it_came(observed: datetime, ahead_s: int, age_s: int | None) -> None:
    """By the robot's clock as far as it is known to be ahead; not by one that cannot be right."""
    age = age_us(to_us(observed), to_us(NOW), ahead_s * 1_000_000)
    assert age == (None if age_s is None else age_s * 1_000_000)
