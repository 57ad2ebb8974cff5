"""Answer probes and Prometheus in a process of a room that serves no page, on the loopback address."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from edge_node.control_room.web import metrics_endpoint, probes
from edge_node.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_node.control_room.web.services import Probed

ADDRESS = "127.0.0.1"  # there is no login: a proxy, or a Prometheus on this machine, reaches it
_JOIN_S = 5.0
_TICK_S = 0.02


@contextlib.contextmanager
def serve_probes(probed: Probed, port: int) -> Iterator[None]:
    """Serve ``/livez``, ``/readyz``, ``/healthz`` and ``/metrics`` in a thread while the block runs.

    Raises:
        ConfigError: the port cannot be bound.
    """
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((ADDRESS, port))
    except OSError as err:
        listening.close()
        raise ConfigError(f"--probe-port {port} on {ADDRESS}: {err.strerror or err}; choose another") from err
    app = Starlette(routes=[*probes.ROUTES, Route(metrics_endpoint.PATH, metrics_endpoint.get_metrics)])
    app.state.services = probed
    server = _Server(uvicorn.Config(app, ws="none", log_level="error", access_log=False, server_header=False))
    thread = threading.Thread(target=server.run, args=([listening],), name="probes", daemon=True)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(_TICK_S)
        yield
    finally:
        server.should_exit = True
        thread.join(_JOIN_S)
        listening.close()


class _Server(uvicorn.Server):
    """Uvicorn without signal handlers: it runs in a thread."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install none."""
        yield
