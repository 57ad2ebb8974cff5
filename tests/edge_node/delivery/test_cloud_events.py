"""CloudEvents attributes of rows: the required ones, and ids that no other row has."""

from __future__ import annotations

from edge_node.delivery.cloud_events import attributes
from edge_node.messages.topics import Kind, Topics
from edge_node.spool.rows import Keep, Row

TOPICS = Topics("quay", "crawler-1")


def test_a_verdict_has_the_id_of_its_payload_and_the_time_at_which_it_was_appended() -> None:
    """Specification, type, source, id and time; in UTC, to the millisecond."""
    row = Row(9, Kind.VERDICT, 7, "epoch", Keep.NORMAL, 1_767_268_800.25, b"")
    assert attributes(row, TOPICS) == [
        ("specversion", "1.0"),
        ("type", "corrosion.verdict.v1"),
        ("source", "/corrosion/v1/quay/crawler-1"),
        ("id", "crawler-1:epoch:7"),
        ("time", "2026-01-01T12:00:00.250Z"),
    ]


def test_rows_of_two_kinds_with_one_number_have_two_ids() -> None:
    """Each kind counts for itself, and source and id together must be unique."""
    ids = {dict(attributes(Row(1, kind, 1, "epoch", Keep.NORMAL, 0.0, b""), TOPICS))["id"] for kind in Kind}
    assert len(ids) == len(Kind)
