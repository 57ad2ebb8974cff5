"""Who may read the metrics, and by what requests are counted; over real HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("starlette")

from starlette.requests import Request

from edge_node.control_room.settings import WebConfig
from edge_node.control_room.web.metrics_endpoint import MetricsToken
from edge_node.errors import ConfigError
from tests.support.control_room import ControlRoom

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.processes import Mosquitto

TOKEN = "prometheus asks for figures"  # noqa: S105  of this test


def test_a_token_opens_the_metrics_and_nothing_else(tmp_path: Path, broker: Mosquitto) -> None:
    """The people's token opens them too; requests are counted by route, whatever path was asked for."""
    for name, token in (("metrics", TOKEN), ("people", "correct horse battery staple")):
        (tmp_path / name).write_text(token, encoding="ascii")
        (tmp_path / name).chmod(0o600)
    web = {"token_file": str(tmp_path / "people"), "metrics_token_file": str(tmp_path / "metrics")}
    room = ControlRoom(tmp_path, broker.port, web=web)
    room.start(connected=False)
    try:
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        assert room.request("/metrics")[0] == 401
        assert room.request("/metrics", Authorization="Bearer " + TOKEN[:-1])[0] == 401
        assert room.request("/api/state", **bearer)[0] == 401
        assert room.request("/metrics", Authorization="Bearer correct horse battery staple")[0] == 200
        for path in ("/nothing", "/api/nothing/at/all", "/page/app.js"):
            room.request(path, Authorization="Bearer correct horse battery staple")
        status, headers, body = room.request("/metrics", **bearer)
        assert (status, headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
        lines = body.decode().splitlines()
        assert 'corrosion_room_requests_total{method="GET",route="none",status="404"} 2.0' in lines
        assert 'corrosion_room_requests_total{method="GET",route="/page",status="200"} 1.0' in lines
        assert "corrosion_room_ingest_alive 1.0" in lines
    finally:
        room.stop()


def test_a_short_token_is_none(tmp_path: Path) -> None:
    """Said when the room starts; without a file no token opens anything."""
    (tmp_path / "metrics").write_text("short", encoding="ascii")
    with pytest.raises(ConfigError, match=r"\[web\] metrics_token_file .*16 characters"):
        MetricsToken(WebConfig(metrics_token_file=str(tmp_path / "metrics")))
    scope = {"type": "http", "path": "/metrics", "headers": [(b"authorization", b"Bearer ")]}
    assert not MetricsToken(WebConfig()).opens(Request(scope))
