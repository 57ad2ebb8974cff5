"""Findings and the verdicts from their first to their last, whatever the robot's clock said."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from edge_node.control_room.history.database import Database
from edge_node.control_room.history.finding_span import Span, find_spans
from edge_node.control_room.history.records import VerdictFilter
from tests.support.room_records import finding
from tests.support.verdicts import START, verdict

FIRST, LAST = "crawler-1:a:8", "crawler-1:c:2"


@pytest.fixture
def three_starts(history):
    """Return a history of ten verdicts of each of three starts of one robot: epochs a, b and c."""
    for epoch in "abc":
        for seq in range(1, 11):
            one = verdict(seq, "C", observed_at=START - timedelta(days=ord(epoch), seconds=seq))
            history.add_verdict(msgspec.structs.replace(one, id=f"crawler-1:{epoch}:{seq}"))
    return history


def test_epochs_count_in_the_order_of_their_arrival(three_starts):
    """A finding over two restarts has the end of one epoch, all of the next and the beginning of the last."""
    spanning = finding(first_verdict=FIRST, last_verdict=LAST)
    three_starts.add_finding(spanning)
    names = [record.verdict.id.removeprefix("crawler-1:") for record in three_starts.verdicts_of(spanning)]
    assert names[:13] == ["a:8", "a:9", "a:10", *(f"b:{seq}" for seq in range(1, 11))]
    assert names[13:15] == ["c:1", "c:2"]
    assert len(three_starts.verdicts_of(spanning, limit=5)) == 5
    for name, is_open in [("a:7", 0), ("a:8", 1), ("b:1", 1), ("b:10", 1), ("c:2", 1), ("c:3", 0)]:
        at = three_starts.verdict(f"crawler-1:{name}").verdict
        assert len(three_starts.findings_around(at)) == is_open
        only = VerdictFilter(site="quay", robot="crawler-1", since=at.observed_at, until=at.observed_at)
        at = at.observed_at
        assert len(three_starts.findings_open_at(only, begin=at, end=at)) == is_open


@pytest.mark.usefixtures("three_starts")
@pytest.mark.parametrize(
    ("first", "last", "spans"),
    [
        ("crawler-1:b:3", "crawler-1:b:5", [Span(2, 3, 5)]),
        ("crawler-1:gone:3", LAST, [Span(3, 0, 2)]),
        (FIRST, "crawler-1:unheard:3", [Span(1, 8, (1 << 63) - 1)]),
        ("crawler-1:gone:3", "crawler-1:gone:5", []),
        ("", "x", []),
        ("crawler-1:b:²", "crawler-1:b:" + "9" * 40, []),
        ("crawler-1:c:1", "crawler-1:a:2", [Span(3, 1, (1 << 63) - 1), Span(1, 0, 2)]),
        ("crawler-1:b:5", "crawler-1:b:3", [Span(2, 5, 3)]),
    ],
)
def test_what_is_not_known_of_a_finding_bounds_nothing(tmp_path, place, first, last, spans):
    """Epochs that never came, and ids that are none, as they come from robots and their enemies."""
    database = Database(tmp_path, read_only=True, place=place)
    assert find_spans(database, finding(first_verdict=first, last_verdict=last)) == spans
    database.close()


def test_a_robot_of_the_same_name_elsewhere_has_its_own(three_starts):
    """Names are unique within a site."""
    assert three_starts.verdicts_of(finding(site="yard", first_verdict=FIRST, last_verdict=LAST)) == []
