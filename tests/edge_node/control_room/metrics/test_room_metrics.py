"""What is counted while it happens."""

from __future__ import annotations

from datetime import timedelta

from edge_node.control_room.ingest.batch_store import Arrival
from edge_node.control_room.metrics.room_metrics import RoomMetrics
from tests.support.verdicts import verdict


def test_the_lag_is_of_verdicts_that_did_not_wait() -> None:
    """Neither a backlog nor a repetition is one; a robot's clock that is ahead makes none below zero."""
    metrics = RoomMetrics()
    message = verdict(1, "U")
    seen = message.observed_at
    metrics.note_arrivals(
        [
            Arrival(message, seen + timedelta(seconds=0.15), is_news=True),
            Arrival(message, seen - timedelta(seconds=5), is_news=True),
            Arrival(message, seen + timedelta(hours=5), is_news=True, replayed=True),
            Arrival(message, seen + timedelta(seconds=9), is_news=False),
        ]
    )
    lines = metrics.format().decode().splitlines()
    assert "corrosion_room_ingest_lag_seconds_count 2.0" in lines
    assert "corrosion_room_ingest_lag_seconds_sum 0.15" in lines
    assert 'corrosion_room_messages_total{kind="verdict"} 4.0' in lines
