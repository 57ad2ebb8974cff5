"""A view of one verdict, and a local page that serves it."""

from __future__ import annotations

from datetime import datetime, timezone

import numpy as np
import pytest

from edge_node.camera.frame import frame_now
from edge_node.config.sections import HttpConfig
from edge_node.inspection.inspector import Inspection
from edge_node.messages.status import Health, Status
from edge_node.messages.verdict import Decision, Outcome
from edge_node.monitoring.live_view import LiveView
from edge_node.monitoring.local_page import LocalPage
from tests.support.processes import free_port
from tests.support.verdicts import verdict

NOW = datetime(2026, 3, 1, tzinfo=timezone.utc)


@pytest.fixture
def view():
    """Return a view of one verdict."""
    made = LiveView()
    pixels = np.random.default_rng(2).integers(0, 256, (480, 1280, 3), dtype=np.uint8)
    decision = Decision(outcome=Outcome.CORRODED, material="steel")
    made.on_verdict(frame_now(pixels, 7, "test"), Inspection(decision, None, 1.0), verdict(7, "C"))
    made.on_status(
        Status(site="quay", robot="crawler-1", since=NOW, version="1", bundle="b-1"),
        Health(site="quay", robot="crawler-1", at=NOW, uptime_s=5.0, verdicts=7, memory_mb=99.5),
        link="connected",
        hung="",
    )
    return made


@pytest.fixture
def serve(view, tmp_path):
    """Return a function that serves the view with a configuration, and gives the page."""
    running = []

    def start(**config):
        page = LocalPage(HttpConfig(enabled=True, port=free_port(), **config), view)
        page.start()
        running.append(page)
        return page

    yield start
    for page in running:
        page.stop()
