"""Real processes for tests: mosquitto, our command lines; and waiting for what they do."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def cpu_s(task: Path) -> float:
    """Return the processor seconds that a process or thread, a folder below ``/proc``, has used."""
    fields = (task / "stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """Return a loopback port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def installed_environment() -> dict[str, str]:
    """Return our environment, but let Python keep compiled modules, as it does for an installed package."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def wait_for(condition, timeout_s: float = 10.0, what: str = "condition") -> None:
    """Poll until ``condition()`` holds; fail after ``timeout_s``."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not come true within {timeout_s} s")
        time.sleep(0.02)


class Mosquitto:
    """A real mosquitto on a free loopback port, or on ``port``, which tests may kill and start again."""

    def __init__(self, folder: Path, extra: str = "", *, port: int | None = None) -> None:
        self.port = port or free_port()
        self._configuration = folder / "mosquitto.conf"
        self._configuration.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n{extra}",
            encoding="utf-8",
        )
        self._process: subprocess.Popen[bytes] | None = None

    def configure(self, text: str) -> None:
        """Run on a whole configuration of the test's own, which must listen on ``port``."""
        # As root it would drop to a user that cannot read the test's folder.
        self._configuration.write_text(f"user root\n{text}", encoding="utf-8")

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it listens."""
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self._process = subprocess.Popen(
            [program, "-c", str(self._configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for(self._listens, 30.0, "mosquitto listening")

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def reload(self) -> None:
        """SIGHUP, upon which it reads its rules again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)
        time.sleep(0.2)

    def terminate(self) -> None:
        """SIGTERM, upon which it saves what it has."""
        if self._process:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@contextmanager
def daemon(config: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``edge-node run`` on ``config``, its log beside it; whatever is left of it at the end is killed."""
    with config.with_suffix(".log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "edge_node.cli", "run", "--config", str(config)],
            stderr=log,
            env={**os.environ, **environment},
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGCONT)  # a test may have stopped it
            process.kill()
            process.wait()


def command(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    """Run ``python -m MODULE ...`` of this environment as a user would run the console script."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", **options.pop("env", {})}
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        capture_output=True,
        text=True,
        timeout=options.pop("timeout", 120),
        check=False,
        env=environment,
        **options,
    )
