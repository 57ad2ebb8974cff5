"""Figures for Prometheus: in its own format, and none invented."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from edge_node.config.sections import HttpConfig
from edge_node.monitoring.live_view import LiveView
from edge_node.monitoring.local_page import LocalPage
from edge_node.monitoring.prometheus import format_metrics
from tests.support.http_requests import get
from tests.support.processes import free_port


def test_the_figures_are_prometheus_own_format(serve):
    """Prometheus' own parser reads every figure, and unknown ones are left out instead of 0."""
    text = get(serve().port, "/metrics")[2].decode()
    found = {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["corrosion_edge_verdicts"] == 7
    assert found["corrosion_edge_memory_mb"] == 99.5
    assert "corrosion_edge_temperature_celsius" not in found
    assert "corrosion_edge_spool_waiting" not in found


def test_before_the_first_verdict_nothing_is_invented():
    """No figures, no picture, and a health that says starting."""
    empty = LiveView()
    assert empty.picture() is None
    assert b"corrosion_edge_verdicts" not in format_metrics(empty.state())
    page = LocalPage(HttpConfig(port=free_port()), empty)
    page.start()
    try:
        assert get(page.port, "/healthz")[0] == 503
        assert get(page.port, "/picture.jpg")[0] == 404
    finally:
        page.stop()
