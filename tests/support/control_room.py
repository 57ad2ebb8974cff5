"""A real control room as a process, for tests and benchmarks."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from edge_node.control_room.settings import example_settings
from tests.support.processes import free_port, wait_for

if TYPE_CHECKING:
    from pathlib import Path

SYSTEMD_QUEUES = (  # of systemd/mosquitto/corrosion.conf
    "persistence true\nautosave_interval 30\nmax_queued_messages 1000000\nmax_queued_bytes 1000000000\n"
    "max_inflight_messages 100\nmessage_size_limit 2000000\n"
)


class ControlRoom:
    """``edge-node control-room`` on a configuration of its own; may be killed and started again."""

    def __init__(
        self, folder: Path, broker_port: int, *, code: Path | None = None, **sections: dict[str, Any]
    ) -> None:
        """Write its configuration; ``code`` is a folder with the package in another version."""
        self._code = code
        self.port = free_port()
        self.folder = folder / "room"
        self.log = folder / "room.log"
        self._config = folder / "room.toml"
        self._process: subprocess.Popen[bytes] | None = None
        text = example_settings(
            mqtt={"hostname": "127.0.0.1", "port": broker_port, **sections.get("mqtt", {})},
            room={"state_dir": str(self.folder), **sections.get("room", {})},
            web={"port": self.port, **sections.get("web", {})},
            **{name: sections[name] for name in ("commands", "robots", "alerts") if name in sections},
        )
        if code is not None:  # older versions know no [robots], which stands last
            text = text[: text.index("[robots]")]
        self._config.write_text(text, encoding="utf-8")

    def __enter__(self) -> ControlRoom:  # noqa: PYI034  Self needs Python 3.11
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.port}/"

    def start(self, *, connected: bool = True) -> None:
        """Start it and wait for its page, and for its link to the broker."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "edge_node.cli", "control-room", "--config", str(self._config)],
                cwd=self._code,
                env={**os.environ, "PYTHONPATH": str(self._code)} if self._code else None,
                stdout=log,
                stderr=log,
            )
        wait_for(self._answers, 30, "control room answering")
        if connected:
            wait_for(lambda: self.state()["link"]["state"] == "connected", 30, "control room connected")

    def kill(self) -> None:
        """SIGKILL."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> int:
        """SIGTERM; returns its exit code."""
        if not self._process:
            return 0
        self._process.terminate()
        code = self._process.wait(15)
        self._process = None
        return code

    def request(
        self, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers in lower case, body; ``_`` in the names of headers to send is ``-``."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def ask(self, path: str) -> Any:
        """Return the JSON at ``path``."""
        status, _, body = self.request(path)
        assert status == 200, (path, status, body)
        return json.loads(body)

    def state(self) -> Any:
        """Return all that the page shows when it opens."""
        return self.ask("/api/state")

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text(encoding="utf-8")
        try:
            return self.request("/healthz")[0] in (200, 503)
        except OSError:
            return False
