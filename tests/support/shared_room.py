"""A control room of several processes: a real PostgreSQL, a real mosquitto, ``ingest`` and ``web``."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from edge_node.control_room.settings import example_settings
from tests.support.processes import free_port, wait_for

GROUP = "hall"


class RoomProcess:
    """One process, which may be killed and started again."""

    def __init__(self, folder: Path, name: str, words: list[str], port: int) -> None:
        self.name = name
        self.port = port
        self.log = folder / f"{name}.log"
        self._words = words
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it; returns at once."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "edge_node.cli", "control-room", *self._words],
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": str(Path.cwd())},
            )

    def wait(self, path: str = "/readyz") -> None:
        """Wait until it is ready."""
        wait_for(lambda: self.ask(path)[0] == 200, 60, f"{self.name} ready")

    def ask(self, path: str, method: str = "GET", body: bytes | None = None) -> tuple[int, Any]:
        """Return status and body, JSON decoded; status 0 while nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            answer = connection.getresponse()
            body = answer.read()
            is_json = "json" in (answer.getheader("content-type") or "")
            return answer.status, json.loads(body) if is_json else body.decode()
        except OSError:
            assert self._process is None or self._process.poll() is None, self.log.read_text("utf-8")[-3000:]
            return 0, None
        finally:
            connection.close()

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> int:
        """SIGTERM; returns its exit code."""
        if self._process is None:
            return 0
        self._process.terminate()
        code = self._process.wait(30)
        self._process = None
        return code

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run its command with more words, to its end."""
        command = [sys.executable, "-m", "edge_node.cli", "control-room", *self._words, *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


class SharedRoom:
    """A room of several processes in one state folder; a ``with`` block."""

    def __init__(
        self,
        folder: Path,
        broker_port: int,
        url: str,
        *,
        ingests: int = 2,
        webs: int = 1,
        **sections: dict[str, Any],
    ) -> None:
        self.folder = folder / "room"
        self.config = folder / "room.toml"
        text = example_settings(
            mqtt={"hostname": "127.0.0.1", "port": broker_port, **sections.get("mqtt", {})},
            room={"state_dir": str(self.folder), "database": url, **sections.get("room", {})},
            web={"port": free_port(), **sections.get("web", {})},
            alerts=sections.get("alerts", {}),
        )
        self.config.write_text(text, encoding="utf-8")
        self.ingests = [self._ingest(folder, number) for number in range(1, ingests + 1)]
        self.webs = [self._web(folder, number) for number in range(1, webs + 1)]

    @property
    def processes(self) -> list[RoomProcess]:
        """All of them."""
        return [*self.ingests, *self.webs]

    def __enter__(self) -> SharedRoom:  # noqa: PYI034  Self needs Python 3.11
        for process in self.processes:
            process.start()
        for process in self.processes:
            process.wait()
        return self

    def __exit__(self, *_exception: object) -> None:
        for process in self.processes:
            process.kill()

    def _ingest(self, folder: Path, number: int) -> RoomProcess:
        port = free_port()
        words = ["ingest", "--config", str(self.config), "--share", GROUP, "--member", str(number)]
        return RoomProcess(folder, f"ingest-{number}", [*words, "--probe-port", str(port)], port)

    def _web(self, folder: Path, number: int) -> RoomProcess:
        port = free_port()
        words = ["web", "--config", str(self.config), "--port", str(port)]
        return RoomProcess(folder, f"web-{number}", words, port)
