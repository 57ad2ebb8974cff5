"""A control room as a service manager and Prometheus see it, from outside."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("starlette")

from tests.support.control_room import ControlRoom
from tests.support.notify_socket import NotifySocket
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "prometheus asks for figures"  # noqa: S105  of this test
PEOPLE = {"Authorization": "Bearer correct horse battery staple"}


def test_a_service_is_watched_from_outside(tmp_path: Path, mosquitto, monkeypatch) -> None:
    """Systemd hears that it lives; one token opens the metrics alone; cut-off posts leave no trace."""
    for name, token in (("metrics", TOKEN), ("people", "correct horse battery staple")):
        (tmp_path / name).write_text(token, encoding="ascii")
        (tmp_path / name).chmod(0o600)
    web = {"token_file": str(tmp_path / "people"), "metrics_token_file": str(tmp_path / "metrics")}
    room = ControlRoom(tmp_path, mosquitto.port, web=web)
    with NotifySocket(tmp_path / "notify") as manager:
        monkeypatch.setenv("NOTIFY_SOCKET", manager.address)
        monkeypatch.setenv("WATCHDOG_USEC", "200000")
        room.start(connected=False)
        try:
            told: list[str] = []
            wait_for(
                lambda: told.extend(manager.received()) or told.count("WATCHDOG=1") >= 3, 10, "three signs"
            )
            assert "READY=1" in told
            _ask_for_metrics(room)
            with socket.create_connection(("127.0.0.1", room.port)) as client:
                client.sendall(b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900\r\n\r\nx")
            assert room.request("/livez")[0] == 200
        finally:
            assert room.stop() == 0
        assert "STOPPING=1" in manager.received()
    assert "Traceback" not in room.log.read_text(encoding="utf-8")


def _ask_for_metrics(room: ControlRoom) -> None:
    """By both tokens and by none; requests are counted by route, whatever path was asked for."""
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert room.request("/metrics")[0] == 401
    assert room.request("/metrics", Authorization="Bearer " + TOKEN[:-1])[0] == 401
    assert room.request("/api/state", **bearer)[0] == 401
    assert room.request("/metrics", **PEOPLE)[0] == 200
    for path in ("/nothing", "/api/nothing/at/all", "/page/app.js"):
        room.request(path, **PEOPLE)
    status, headers, body = room.request("/metrics", **bearer)
    assert (status, headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    lines = body.decode().splitlines()
    assert 'corrosion_room_requests_total{method="GET",route="none",status="404"} 2.0' in lines
    assert 'corrosion_room_requests_total{method="GET",route="/page",status="200"} 1.0' in lines
    assert "corrosion_room_ingest_alive 1.0" in lines
