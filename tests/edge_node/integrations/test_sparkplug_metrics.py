"""The metrics of the Sparkplug view: a birth has every one that data has."""

from __future__ import annotations

from datetime import datetime, timezone

from edge_node.integrations.sparkplug_metrics import birth_metrics, row_metrics, status_metrics
from edge_node.integrations.sparkplug_payload import (
    REBIRTH,
    encode_payload,
)
from edge_node.messages.status import Part, PartState, Status
from edge_node.messages.topics import Kind
from edge_node.messages.verdict import encode
from tests.support.sparkplug import value_of
from tests.support.verdicts import verdict


def test_a_birth_has_every_metric_that_data_has(schema) -> None:
    """Hosts refuse data on metrics that were not born; what is not known yet is null."""
    now = datetime.now(timezone.utc)
    said = row_metrics(
        Kind.VERDICT, encode(verdict(7, "C", severity="late", area_mm2=120.5)), is_historical=False
    )
    status = Status(site="s", robot="r", since=now, camera=Part(state=PartState.OK))
    said += status_metrics(status, 5)
    born = schema.FromString(
        encode_payload(birth_metrics({m.name: m for m in said}, 3, 9), timestamp_ms=9, seq=0)
    )
    by_name = {metric.name: value_of(metric) for metric in born.metrics}
    assert {metric.name for metric in said} < set(by_name)
    assert len(by_name) == len(born.metrics)
    assert by_name["bdSeq"] == 3
    assert by_name[REBIRTH] is False
    assert by_name["Verdict/Outcome"] == "corroded"
    assert by_name["Verdict/Severity"] == "late"
    assert by_name["Verdict/Sequence"] == 7
    assert by_name["Verdict/Corroded Area mm2"] == 120.5
    assert by_name["Finding/Id"] is None
    assert by_name["Node/Camera"] == "ok"
    assert row_metrics(Kind.RESPONSE, b"{}", is_historical=False) == []
