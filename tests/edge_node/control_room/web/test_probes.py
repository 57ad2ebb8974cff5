"""What is answered to those who ask whether the room is well, over real HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("starlette")

from starlette.applications import Starlette

from edge_node.control_room.connections.connection_book import ConnectionLimits
from edge_node.control_room.ingest.readiness import Readiness
from edge_node.control_room.web.probes import ROUTES
from edge_node.control_room.web.services import Services
from edge_node.messages.status import LinkState
from tests.support.bounded_server import BoundedServer
from tests.support.ingest_room import Room
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from pathlib import Path


def test_each_address_answers_what_it_is_for(tmp_path: Path, mosquitto) -> None:
    """A broker that is away: no reason to start anew, no fault of the storage, and not ready."""
    room = Room(tmp_path / "room", mosquitto.port)
    app = Starlette(routes=ROUTES)
    readiness = Readiness(tmp_path / "room", room.history)
    app.state.services = Services(*(None, room.history, None, room.ingest, None, None, None, readiness, None))
    with BoundedServer(ConnectionLimits(), app=app) as web:
        try:
            assert [web.get(path)[0] for path in ("/livez", "/readyz", "/healthz")] == [200, 200, 200]
            assert json.loads(web.get("/readyz")[2]) == {"ready": True, "problems": []}
            mosquitto.kill()
            wait_for(lambda: room.ingest.link.state is not LinkState.CONNECTED, 10, "the link to be lost")
            wait_for(lambda: web.get("/readyz")[0] == 503, 10, "no readiness")
            told = json.loads(web.get("/readyz")[2])
            assert (told["ready"], [found["part"] for found in told["problems"]]) == (False, ["broker"])
            assert [web.get(path)[0] for path in ("/livez", "/healthz")] == [200, 200]
            room.ingest.stop()
            assert web.get("/livez")[0] == 503
        finally:
            mosquitto.start()
            room.close()
