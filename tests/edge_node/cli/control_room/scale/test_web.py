"""``control-room web``: its port is its own."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from tests.edge_node.cli.control_room.scale.test_ingest import MINIMAL, run

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_port_of_the_command_line_is_the_one_that_is_bound(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Several processes have one configuration; a port that is taken is named, and nothing starts."""
    text = MINIMAL.format(tmp_path) + 'database = "postgresql+psycopg://room@127.0.0.1:1/room"\n'
    (tmp_path / "room.toml").write_text(text)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert run("web", "--config", tmp_path / "room.toml", "--port", port) == 78
    assert f"[web] port = {port} on 127.0.0.1" in capsys.readouterr().err
