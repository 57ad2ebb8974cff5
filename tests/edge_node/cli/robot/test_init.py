"""``edge-node init``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_node.config.sections import load_config
from tests.support.processes import command

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("broker", "hostname", "port"),
    [
        ("broker.example:1884", "broker.example", 1884),
        ("[fe80::1]:1884", "fe80::1", 1884),
        ("::1", "::1", None),
    ],
)
def test_init_takes_the_broker_as_the_other_commands_do(
    tmp_path: Path, broker: str, hostname: str, port: int | None
) -> None:
    """HOST[:PORT], not a host name with a colon in it that no broker has."""
    file = tmp_path / "node.toml"
    assert command("edge_node.cli", "init", "--broker", broker, str(file)).returncode == 0
    mqtt = load_config(file).mqtt
    assert (mqtt.hostname, mqtt.port) == (hostname, port)
