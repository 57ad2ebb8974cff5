"""Zones of times, and what a report says beside its figures."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from edge_node.control_room.report.report_details import ReportDetails, parse_zone
from edge_node.errors import CorrosionError

AT = datetime(2026, 11, 30, 13, 3, 5, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("UTC", "2026-11-30 13:03:05 +00:00"),
        ("Europe/Berlin", "2026-11-30 14:03:05 +01:00"),
        ("America/St_Johns", "2026-11-30 09:33:05 -03:30"),
        ("Asia/Kathmandu", "2026-11-30 18:48:05 +05:45"),
    ],
)
def test_a_time_has_its_zone_as_on_the_page(zone, text):
    """Date, time, and what the zone is ahead of UTC."""
    assert ReportDetails(zone=parse_zone(zone)).moment(AT) == text


@pytest.mark.parametrize(
    "name", ["Europe/Nowhere", "../../etc/passwd", "", "/etc/localtime", "a\0b", "x" * 300]
)
def test_a_zone_that_nobody_knows_is_said_so(name):
    """And no path leads out of the zones."""
    with pytest.raises(CorrosionError, match="wanted a name such as Europe/Berlin, or UTC"):
        parse_zone(name)
