"""Query strings of the API: typed, bounded, and refused in a sentence."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from edge_node.control_room.web.json.query_parameters import (
    FindingQuery,
    QueryError,
    ReviewQuery,
    StripQuery,
    VerdictQuery,
    parse_query,
)


def test_values_are_read_as_what_they_are_and_empty_ones_are_absent() -> None:
    """A form sends every field, also those that nobody filled in."""
    given = {"outcome": "corroded", "site": "", "from_m": "1.5", "replayed": "true", "limit": "7"}
    query = parse_query({**given, "since": "2026-01-01T12:00:00Z"}, VerdictQuery)
    found = query.filter()
    assert (found.outcome, found.site, found.from_m, found.replayed) == ("corroded", None, 1.5, True)
    assert found.since == datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
    assert (query.limit, query.oldest_first) == (7, False)


def test_a_strip_and_findings_have_parameters_of_their_own() -> None:
    """Cells along the pose or over time; open findings alone."""
    strip = parse_query({"cells": "2000", "by_time": "true"}, StripQuery)
    assert (strip.cells, strip.by_time) == (2000, True)
    assert parse_query({"is_open": "true"}, FindingQuery).filter().is_open is True


def test_pictures_without_a_reason_can_be_asked_for() -> None:
    """Without the parameter any picture is meant."""
    reasons = [parse_query(given, ReviewQuery).filter().reason for given in ({}, {"reason": "none"})]
    assert reasons == [None, ""]
    assert parse_query({"reason": "shadow", "reviewed": "true"}, ReviewQuery).filter().reviewed


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "1001"},
        {"limit": "x"},
        {"outcome": "rusty"},
        {"since": "yesterday"},
        {"since": "2026-01-01T12:00:00"},
        {"from_m": "near"},
        {"site": "x" * 201},
        {"colour": "red"},
        {"cells": "2001"},
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused(query: dict[str, str]) -> None:
    """Unknown keys, values out of bounds and times without a zone; without the backquotes of msgspec."""
    with pytest.raises(QueryError) as caught:
        parse_query(query, StripQuery)
    assert "`" not in str(caught.value)
