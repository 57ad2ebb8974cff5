"""Times with their zone, and what came late."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from edge_node.control_room.alerts.observation import describe_lateness, describe_time


def test_a_time_names_its_zone() -> None:
    """Whatever zone it was given in."""
    at = datetime(2026, 12, 1, 13, tzinfo=timezone(timedelta(hours=1)))
    assert describe_time(at) == "2026-12-01 12:00:00 +00:00"


@pytest.mark.parametrize(
    ("age_s", "text"), [(0, ""), (299, ""), (7200, "; late: it came 2 h after it was seen")]
)
def test_what_came_late_is_said_from_five_minutes_on(age_s: int, text: str) -> None:
    """A clock that was wrong tells nothing."""
    assert describe_lateness(age_s * 1_000_000) == text
    assert "clock was wrong" in describe_lateness(None)
