"""Probes of a process that serves no page."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.history.history import History
from edge_node.control_room.ingest.ingest import Ingest
from edge_node.control_room.ingest.readiness import Readiness
from edge_node.control_room.metrics.room_metrics import RoomMetrics
from edge_node.control_room.metrics.snapshot import RoomSnapshot, Sources
from edge_node.control_room.service.probe_server import serve_probes
from edge_node.control_room.settings import build_settings
from edge_node.control_room.web.services import Probed
from edge_node.errors import ConfigError
from tests.support.processes import free_port

if TYPE_CHECKING:
    from pathlib import Path


def test_a_process_tells_how_it_is_and_nothing_of_robots_to_strangers(tmp_path: Path) -> None:
    """Not connected yet, so not ready; its name is a label; of the history only one process tells."""
    settings = build_settings({"hostname": "127.0.0.1", "port": 1}, {"state_dir": str(tmp_path)})
    with closing(History(tmp_path)) as history:
        ingest, metrics = Ingest(settings, history, tmp_path), RoomMetrics()
        sources = Sources(settings.room, history, ingest, tells_history=lambda: False, process="ingest-7")
        metrics.add_snapshot(RoomSnapshot(sources))
        port = free_port()
        probed = Probed(ingest, Readiness(tmp_path, history), metrics)
        with serve_probes(probed, port):
            status, body = ask(port, "/readyz")
            assert status == 503
            assert {problem["part"] for problem in json.loads(body)["problems"]} == {"ingest", "broker"}
            figures = ask(port, "/metrics")[1]
            assert 'process="ingest-7"' in figures
            assert "corrosion_room_link_up 0.0" in figures
            assert "corrosion_room_history" not in figures
            assert ask(port, "/api/robots")[0] == 404
            with pytest.raises(ConfigError, match=f"--probe-port {port}"), serve_probes(probed, port):
                pass


def ask(port: int, path: str) -> tuple[int, str]:
    """Return status and body."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
