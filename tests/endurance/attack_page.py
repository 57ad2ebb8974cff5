"""A thousand slow connections to the page of a node that inspects: its threads and descriptors stay few.

    python -m tests.endurance.attack_page [--connections 1000] [--seconds 20]

The node runs with 1,024 descriptors, as systemd starts it, beside a real broker. Each connection sends one
byte every 2.5 s and is opened again when it is closed.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import selectors
import socket
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from edge_node.demo.run import CLIP
from edge_node.mqtt.subscriber import Subscriber
from tests.scenarios.test_daemon_field import write_config
from tests.support.http_requests import get
from tests.support.processes import Mosquitto, daemon, free_port, wait_for

_REQUEST = b"GET /state.json HTTP/1.1\r\nX: "
_BYTE_EVERY_S = 2.5
_DESCRIPTORS = 1024  # the soft limit of a service of systemd
_THREADS = 128  # TasksMax= of the unit
_ADDRESSES = 8  # of the loopback network, so that no bound on one address helps alone


@dataclass(frozen=True, slots=True)
class PageAttack:
    """The result of the attack.

    Attributes:
        survived: the node still ran at the end.
        connections: that were opened in all.
        threads: most that the node had.
        descriptors: most that the node had.
        verdicts: that arrived at the broker during the attack, and in as long a time before it.
        answered: of the times that somebody else asked for ``/healthz`` meanwhile, how often it was answered.
    """

    survived: bool
    connections: int
    threads: int
    descriptors: int
    verdicts: int
    verdicts_before: int
    answered: int
    asked: int

    @property
    def is_held(self) -> bool:
        """Whether the inspection did not notice."""
        return (
            self.survived
            and self.threads < _THREADS
            and self.descriptors < _DESCRIPTORS // 2
            and self.verdicts > self.verdicts_before // 2
            and self.answered == self.asked
        )


def attack_page(folder: Path, *, connections: int = 1000, seconds: float = 20.0) -> PageAttack:
    """Start a node in ``folder``, attack its page for ``seconds`` and return what came of it."""
    broker, port = Mosquitto(folder), free_port()
    broker.start()
    config = write_config(
        folder, CLIP, broker.port, camera={"loop": True}, http={"enabled": True, "port": port}
    )
    subscriber = Subscriber("127.0.0.1", broker.port, ("corrosion/v1/quay/crawler-1/verdict",))
    try:
        with daemon(config) as process:
            _, hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
            resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (_DESCRIPTORS, hard))
            wait_for(lambda: subscriber.arrived(0.1), 60, "the first verdict")
            before = _count(subscriber, seconds)
            crowd = _Crowd(port, connections)
            threads = descriptors = verdicts = answered = asked = 0
            end_s = time.monotonic() + seconds
            while time.monotonic() < end_s and process.poll() is None:
                crowd.turn(1.0)
                verdicts += len(subscriber.arrived(0.05))
                threads = max(threads, _entries(process.pid, "task"))
                descriptors = max(descriptors, _entries(process.pid, "fd"))
                asked += 1
                with contextlib.suppress(OSError):
                    answered += get(port, "/healthz")[0] == 200
            survived = process.poll() is None
            crowd.close()
    finally:
        subscriber.close()
        broker.kill()
    return PageAttack(survived, crowd.opened, threads, descriptors, verdicts, before, answered, asked)


class _Crowd:
    """Connections that send a byte now and then, and are opened again when the node closes them."""

    def __init__(self, port: int, count: int) -> None:
        self._port = port
        self._count = count
        self._selector = selectors.DefaultSelector()
        self._due_s = 0.0
        self.opened = 0

    def turn(self, seconds: float) -> None:
        """Go on for ``seconds``."""
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            while len(self._selector.get_map()) < self._count and time.monotonic() < end_s:
                self._open()
            for key, _ in self._selector.select(0.05):
                self._drop(key.fileobj)  # closed, or answered
            if time.monotonic() >= self._due_s:
                self._due_s = time.monotonic() + _BYTE_EVERY_S
                for key in list(self._selector.get_map().values()):
                    try:
                        key.fileobj.send(b"x")
                    except OSError:
                        self._drop(key.fileobj)

    def close(self) -> None:
        """Close all."""
        for key in list(self._selector.get_map().values()):
            self._drop(key.fileobj)

    def _open(self) -> None:
        client = socket.socket()
        client.setblocking(False)
        client.bind((f"127.0.0.{2 + self.opened % _ADDRESSES}", 0))
        self.opened += 1
        client.connect_ex(("127.0.0.1", self._port))
        with contextlib.suppress(OSError):
            client.send(_REQUEST)
        self._selector.register(client, selectors.EVENT_READ)

    def _drop(self, client: socket.socket) -> None:
        self._selector.unregister(client)
        client.close()


def _count(subscriber: Subscriber, seconds: float) -> int:
    end_s, found = time.monotonic() + seconds, 0
    while time.monotonic() < end_s:
        found += len(subscriber.arrived(0.2))
    return found


def _entries(pid: int, name: str) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/{name}").iterdir())


def main() -> int:
    """Run the attack and print what came of it; 1 if the inspection noticed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20.0)
    args = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, args.connections + 256), hard))
    with tempfile.TemporaryDirectory() as folder:
        result = attack_page(Path(folder), connections=args.connections, seconds=args.seconds)
    print(result, "held" if result.is_held else "NOT HELD")
    return 0 if result.is_held else 1


if __name__ == "__main__":
    sys.exit(main())
