"""Run an embedded broker: rumqttd in a child process, MQTT v5, on a free loopback port."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from edge_node.errors import PublisherError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# rumqttd supports MQTT v5 only with a configuration file.
_CONFIGURATION = """\
id = 0

[router]
id = 0
max_connections = 100
max_outgoing_packet_count = 200
max_segment_size = 16777216
max_segment_count = 10

[v5.demo]
name = "demo"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1

[v5.demo.connections]
connection_timeout_ms = 60000
max_payload_size = 1048576
max_inflight_count = 100
dynamic_filters = true
"""


@contextmanager
def embedded_broker(folder: Path) -> Iterator[int]:
    """Run a broker during the context and yield its port.

    Args:
        folder: for its configuration file.

    Raises:
        PublisherError: the ``demo`` extra is not installed, or the broker does not start.
    """
    if find_spec("iotcore") is None:
        raise PublisherError("the embedded broker is not installed; pip install 'corrosion-edge-node[demo]'")
    port = _free_port()
    configuration = folder / "rumqttd.toml"
    configuration.write_text(_CONFIGURATION.format(port=port), encoding="utf-8")
    broker = import_module("iotcore").Broker(config_path=str(configuration))
    try:
        broker.start()
    except (OSError, RuntimeError) as err:
        raise PublisherError(f"embedded broker on 127.0.0.1:{port}: {err}") from err
    try:
        yield port
    finally:
        broker.stop()


def _free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
