"""Plots as SVG."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from converter.charts import draw_risk_coverage, draw_shares


def test_plots_are_svg_that_loads_nothing_and_the_same_again():
    """Names stand in the plot as text; nothing is fetched; equal figures give equal bytes."""
    bars = [("as it is", 0.9, 0.05), ("grey", 0.5, 0.5)]
    plot = draw_shares(bars)
    ET.fromstring(plot)  # noqa: S314  # our own text
    assert "grey</text>" in plot
    assert plot == draw_shares(bars)
    curve = draw_risk_coverage([("any metal", [0.5, 1.0], [0.0, 0.04])])
    assert "any metal</text>" in curve
    assert 'href="http' not in plot + curve
