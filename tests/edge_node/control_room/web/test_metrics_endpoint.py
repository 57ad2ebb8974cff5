"""The token that opens the metrics alone; test_server.py asks for them over real HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("starlette")

from starlette.requests import Request

from edge_node.control_room.sections import WebConfig
from edge_node.control_room.web.metrics_endpoint import MetricsToken
from edge_node.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_short_token_is_none(tmp_path: Path) -> None:
    """Said when the room starts; without a file no token opens anything."""
    (tmp_path / "metrics").write_text("short", encoding="ascii")
    with pytest.raises(ConfigError, match=r"\[web\] metrics_token_file .*16 characters"):
        MetricsToken(WebConfig(metrics_token_file=str(tmp_path / "metrics")))
    scope = {"type": "http", "path": "/metrics", "headers": [(b"authorization", b"Bearer ")]}
    assert not MetricsToken(WebConfig()).opens(Request(scope))
