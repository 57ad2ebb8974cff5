"""Bounds of the history: the oldest goes first, and no gap appears."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.history.defects.defect_book import DefectBook
from edge_node.control_room.history.records import (
    StoredPicture,
)
from edge_node.control_room.history.retention import MAX_RANGES
from edge_node.messages.verdict import Pose, encode
from tests.support.postgres import ON_SQLITE
from tests.support.room_records import finding
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from pathlib import Path

    from edge_node.control_room.history.history import History


@ON_SQLITE
def test_bounds_cost_the_oldest_verdicts_and_no_gap(history: History, tmp_path: Path) -> None:
    """What was given up for room is known to have come: it is neither a gap nor new when it comes again."""
    with history.transaction():
        for seq in range(1, 5001):
            history.add_verdict(verdict(seq, "U"))
        for number in range(50):
            sha256 = f"{number:064x}"
            history.add_picture(
                StoredPicture("quay", "crawler-1", sha256, is_thumbnail=False, content=b"x" * 10_000)
            )
    history.trim(max_bytes=2_000_000, max_picture_bytes=200_000)
    usage = history.usage()
    assert usage.picture_bytes <= 200_000
    assert usage.database_bytes <= 2_000_000 + 200_000 + 100_000
    assert 0 < usage.verdicts < 5000
    assert history.newest(1)[0].verdict.seq == 5000
    assert history.verdict("crawler-1:epoch:1") is None
    assert history.gaps() == []
    assert not history.add_verdict(verdict(1, "U"))
    assert history.trim(max_bytes=10**9, max_picture_bytes=10**9, days=1e-9) >= usage.verdicts
    assert history.usage().verdicts == 0


DAY = timedelta(days=1)
NOW = datetime(2026, 11, 1, tzinfo=timezone.utc)


def stamped(history: History, stamps: list[datetime]) -> None:
    """Store one verdict, one picture and one response for each time of arrival, in this order."""
    for seq, at in enumerate(stamps, start=1):
        history.add_verdict(verdict(seq, "U"), received_at=at)
        picture = StoredPicture("quay", "crawler-1", f"{seq:064x}", is_thumbnail=True, content=b"x")
        history.add_picture(picture, received_at=at)


@pytest.mark.parametrize(
    ("stamps", "left"),
    [
        ([NOW - 40 * DAY, NOW - 31 * DAY, NOW - 29 * DAY, NOW], 2),
        ([NOW - 29 * DAY, datetime(1970, 1, 1, tzinfo=timezone.utc), NOW - DAY], 3),
        ([NOW - 29 * DAY, NOW - 400 * DAY, NOW - 28 * DAY], 3),
        ([NOW - 40 * DAY, NOW + 400 * DAY, NOW - 39 * DAY, NOW], 1),  # an old one that claims to be of later
        ([NOW - 40 * DAY, NOW, NOW + 400 * DAY], 2),
        ([NOW - 40 * DAY, NOW + 400 * DAY], 1),  # may be new
        ([NOW + 400 * DAY] * 3, 3),
        ([NOW + 400 * DAY, NOW + 401 * DAY, NOW - DAY], 3),  # a room that began with a wrong clock
        ([NOW + 400 * DAY, NOW - 40 * DAY, NOW - DAY], 1),
    ],
)
def test_age_goes_by_the_order_of_arrival_too(history: History, stamps, left) -> None:
    """What came behind a young row is young, also if the room's clock said otherwise when it came."""
    stamped(history, stamps)
    history.trim(max_bytes=10**9, max_picture_bytes=10**9, days=30, now=NOW)
    assert (history.usage().verdicts, history.usage().pictures) == (left, left)


@ON_SQLITE
def test_a_robot_that_sends_each_second_number_does_not_wear_the_history_out(history: History) -> None:
    """Its oldest gaps are forgotten; what came is still known."""
    with history.transaction():
        for seq in range(1, 2 * MAX_RANGES + 200, 2):
            history.add_verdict(verdict(seq, "U"))
    history.trim(max_bytes=10**9, max_picture_bytes=0)
    assert MAX_RANGES // 2 - 10 < len(history.gaps(limit=10**6)) <= MAX_RANGES // 2
    assert not history.add_verdict(verdict(1, "U"))
    assert not history.add_verdict(verdict(2 * MAX_RANGES + 199, "U"))


@ON_SQLITE
def test_a_flood_of_large_conflicts_costs_no_verdict(history: History) -> None:
    """Whoever sends other content under known ids fills a share of the history; its newest stay."""
    with history.transaction():
        for seq in range(1, 501):
            history.add_verdict(verdict(seq, "U"))
        payload = encode(verdict(1, "C"))
        for number in range(250):
            history.add_verdict(verdict(1, "C"), payload=payload + b" " * (60_000 + number))
    history.trim(max_bytes=10_000_000, max_picture_bytes=10**9)
    assert history.usage().verdicts == 500
    kept = history.conflicts()
    assert 0 < sum(len(conflict.payload) for conflict in kept) <= 500_000
    assert len(kept[0].payload) == len(payload) + 60_249


def test_what_belongs_to_no_defect_goes_with_its_finding(history: History) -> None:
    """What was seen of a defect stays; a room that is full gives it up last, and then the defect itself."""
    book = DefectBook(history.database)
    for number, at_m in ((3, 2.0), (30, None)):
        pose = None if at_m is None else Pose(distance_m=at_m)
        fields = {"id": f"crawler-1:epoch:f{number}", "asset": "pipe", "from_pose": pose, "to_pose": pose}
        history.add_finding(finding(**fields), received_at=NOW - 9 * DAY)
    book.catch_up()
    bounds = {"max_bytes": 10**9, "max_picture_bytes": 10**9}
    history.trim(**bounds, days=5, now=NOW)
    assert book.sighting("quay", "crawler-1:epoch:f30") is None
    (kept,) = book.defects()
    assert (kept.sightings, history.findings()) == (1, [])
    history.trim(max_bytes=0, max_picture_bytes=0, now=NOW)
    assert book.defects() == []
    assert book.defect(kept.key) is None
