"""A robot under attack: a real broker, the real daemon, the control room's key, and a listener to all."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_node.messages.topics import Topics
from edge_node.signing import load_signer, make_key_pair, signed_bytes
from tests.support.collector import Collector
from tests.support.processes import Mosquitto, daemon, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SITE, ROBOT = "yard", "crawler-1"
TOPICS = Topics(SITE, ROBOT)


class Succeeded(Exception):  # noqa: N818  the attack did, not the robot
    """The attack reached what it wanted; the text says what."""


class CannotTry(Exception):  # noqa: N818  no error of the robot
    """The machine lacks what the attack needs; the text says what."""


@dataclass(frozen=True)
class Attack:
    """A way to harm a robot; ``attempt`` works in an empty folder and returns how the robot fared."""

    name: str
    attempt: Callable[[Path], str]


class Rig:
    """One robot in a folder, with its broker and its control room.

    Attributes:
        room: receives everything; publishes what an attacker would.
        sign: signs bytes with the control room's key, as base64.
    """

    def __init__(
        self,
        folder: Path,
        *,
        sections: str = "",
        mqtt: str = "",
        node: str = "",
        bundle: str = 'path = "default"',
        broker: str = "",
        signed: bool = True,
        fps: int | None = 20,
    ) -> None:
        self.folder = folder
        self.broker = Mosquitto(folder, broker)
        self.broker.start()
        self.port = self.broker.port  # of what the robot connects to
        self.key = folder / "room.pem"
        public = make_key_pair(self.key)
        self.sign = load_signer(self.key)
        self.room = Collector(self.broker.port, "#", "room")
        self.config = folder / "node.toml"
        self.state = folder / "state"
        self._mqtt = mqtt
        self._sections = sections
        self._node = node
        self._bundle = bundle
        self._commands = f'[commands]\npublic_key_file = "{public}"\n' if signed else ""
        self._pace = f"fps = {fps}" if fps else 'pace = "fast"'
        write_pictures(folder / "pictures")
        self.configure()

    def configure(self, port: int | None = None) -> None:
        """Write the robot's configuration; it connects to ``port``."""
        self.config.write_text(
            f'[node]\nsite = "{SITE}"\nrobot = "{ROBOT}"\nstate_dir = "{self.state}"\n{self._node}\n'
            f'[camera]\nsource = "{self.folder / "pictures"}"\nloop = true\n{self._pace}\n'
            f"[bundle]\n{self._bundle}\n"
            f'[mqtt]\nhostname = "127.0.0.1"\nport = {port or self.port}\n{self._mqtt}\n'
            f"{self._commands}{self._sections}",
            encoding="utf-8",
        )

    @contextmanager
    def running(self, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run the daemon; it is stopped cleanly at the end if it still runs."""
        with daemon(self.config, **environment) as process:
            seen = len(self.verdicts())
            wait_for(lambda: len(self.verdicts()) > seen, 60, "the first verdict")
            yield process
            if process.poll() is not None:
                raise Succeeded(f"the daemon ended with code {process.returncode}: {self.log()[-300:]}")
            stop(process)

    def run_for(self, seconds: float, **environment: str) -> None:
        """Run the daemon for a while after its first verdict."""
        with self.running(**environment):
            time.sleep(seconds)

    def close(self) -> None:
        """End the room and the broker."""
        self.room.__exit__()
        self.broker.kill()

    def log(self) -> str:
        """What the daemon has logged."""
        return self.config.with_suffix(".log").read_text(encoding="utf-8", errors="replace")

    def verdicts(self) -> list[bytes]:
        """The payloads of all verdicts that arrived."""
        return [message.payload for message in self.room.of(TOPICS.verdict)]

    def answers(self) -> list[dict[str, object]]:
        """All responses to commands that arrived."""
        return [json.loads(message.payload) for message in self.room.of(TOPICS.response)]

    def command(self, **changes: object) -> bytes:
        """The bytes of a command as the control room would send it now; ``changes`` replace or add keys."""
        now = datetime.now(timezone.utc)
        fields = {
            "schema": "corrosion/v1",
            "id": f"attack-{time.monotonic_ns()}",
            "issued_at": now.isoformat(),
            "expires_at": (now + timedelta(seconds=60)).isoformat(),
        }
        return json.dumps({**fields, **changes}).encode()

    def send(self, verb: str, payload: bytes, *, signed: bool = True, **options: object) -> None:
        """Publish a command, with the control room's signature or without."""
        topic = f"{TOPICS.base}/cmd/{verb}"
        if signed:
            options["UserProperty"] = [("signature", self.sign(signed_bytes(topic, payload)))]
        self.room.publish(topic, payload, **options)

    def must_go_on(self, what: str, timeout_s: float = 20.0) -> None:
        """Raise Succeeded unless verdicts still come."""
        seen, deadline_s = len(self.verdicts()), time.monotonic() + timeout_s
        while len(self.verdicts()) < seen + 5:
            if time.monotonic() > deadline_s:
                raise Succeeded(f"no verdict within {timeout_s:.0f} s {what}")
            time.sleep(0.05)


@contextmanager
def rig(folder: Path, **options: object) -> Iterator[Rig]:
    """A rig that is closed at the end."""
    made = Rig(folder, **options)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        made.close()


def write_pictures(folder: Path) -> None:
    """Write ten small pictures, too dark to be judged: a verdict each at the price of no inference."""
    folder.mkdir()
    noise = np.random.default_rng(1)
    for number in range(10):
        cv2.imwrite(str(folder / f"{number}.png"), noise.integers(0, 20, (96, 96, 3), dtype=np.uint8))


def stop(process: subprocess.Popen[bytes]) -> None:
    """Stop the daemon as its service manager does."""
    process.send_signal(signal.SIGTERM)
    process.wait(30)


def start_beside(config: Path) -> subprocess.CompletedProcess[str]:
    """Try to run the daemon once more on the same configuration."""
    return subprocess.run(
        [sys.executable, "-m", "edge_node.cli", "run", "--config", str(config)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def conflicts(payloads: list[bytes]) -> dict[str, set[bytes]]:
    """Return the verdict ids under which different payloads came."""
    contents: dict[str, set[bytes]] = defaultdict(set)
    for payload in payloads:
        contents[json.loads(payload)["id"]].add(payload)
    return {verdict_id: found for verdict_id, found in contents.items() if len(found) > 1}
