"""The page's socket."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.service.page_server import bind
from edge_node.control_room.settings import build_settings
from edge_node.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_port_in_use_is_told_before_anything_starts(tmp_path: Path) -> None:
    """One sentence with the key, the port and what to do; a free one is bound."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        room = {"state_dir": str(tmp_path)}
        settings = build_settings({"hostname": "127.0.0.1"}, room, {"port": port})
        with pytest.raises(ConfigError, match=rf"\[web\] port = {port} on 127.0.0.1: .*choose another port"):
            bind(settings)
    with bind(settings) as listening:
        assert listening.getsockname() == ("127.0.0.1", port)
