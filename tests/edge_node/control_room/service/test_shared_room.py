"""Which rooms may be run as several processes."""

from __future__ import annotations

import pytest

from edge_node.control_room.service.shared_room import check_shared
from edge_node.control_room.settings import build_settings
from edge_node.errors import ConfigError


def test_a_file_serves_one_process_and_postgresql_many() -> None:
    """The sentence names the key, and what runs without it."""
    with pytest.raises(ConfigError, match=r"\[room\] database: not given.*`edge-node control-room` alone"):
        check_shared(build_settings({"hostname": "127.0.0.1"}))
    room = {"database": "postgresql+psycopg://room@db.example/room"}
    check_shared(build_settings({"hostname": "127.0.0.1"}, room))
