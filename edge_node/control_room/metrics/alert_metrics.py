"""Describe alerts to Prometheus: what is raised, what was delivered, and which channel takes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily

from edge_node.control_room.history.alerts.message_book import DeliveryState
from edge_node.control_room.metrics.room_metrics import PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric

    from edge_node.control_room.alerts.alert_desk import AlertDesk


def describe_alerts(desk: AlertDesk) -> Iterator[Metric]:
    """Yield the metrics of alerts; labels are the names that the configuration gives."""
    raised = GaugeMetricFamily(f"{PREFIX}_alerts_raised", "What a rule has raised now.", labels=["rule"])
    for name, count in desk.count_raised().items():
        raised.add_metric([name], count)
    yield raised
    rules = GaugeMetricFamily(f"{PREFIX}_alert_rules", "Alert rules in the configuration.")
    rules.add_metric([], len(desk.rules))
    yield rules
    ends = GaugeMetricFamily(
        f"{PREFIX}_alert_deliveries",
        "Messages that are kept, by channel and state.",
        labels=["channel", "state"],
    )
    up = GaugeMetricFamily(
        f"{PREFIX}_alert_channel_up", "0 while a channel does not take what is sent.", labels=["channel"]
    )
    counts = desk.count_deliveries()
    for channel in desk.list_channels():
        for state in DeliveryState:
            ends.add_metric([channel.name, state.value], counts.get((channel.name, state.value), 0))
        up.add_metric([channel.name], 0 if channel.why else 1)
    yield from (ends, up)
