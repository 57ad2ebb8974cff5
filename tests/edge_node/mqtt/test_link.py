"""The reconnect loop against a real mosquitto: what ends a connection, what follows, how it stops."""

from __future__ import annotations

import logging
import socket
import time
from typing import TYPE_CHECKING

import pytest

from edge_node.errors import ConfigError
from edge_node.mqtt.link import ConnectionSteps, ReconnectLoop
from edge_node.mqtt.session import Session
from edge_node.mqtt.types import Endpoint, LinkError, Outgoing
from edge_node.mqtt.wake import Wake
from tests.support.collector import Collector
from tests.support.processes import Mosquitto, free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_log = logging.getLogger("tests.link")


class Connections:
    """The steps of connections, which write down what happened and raise what they are told to."""

    def __init__(self, port: int, wake: Wake) -> None:
        self.happened: list[str] = []
        self.reasons: list[Exception | None] = []
        self.raise_next: Exception | None = None
        self.raise_at_end: Exception | None = None
        self._port = port
        self._wake = wake

    def steps(self) -> ConnectionSteps:
        """Return the steps for a loop."""
        return ConnectionSteps(
            self._new_session, self._connected, self._turn, self._say_goodbye, self._connection_ended
        )

    def _new_session(self) -> Session:
        self.happened.append("attempt")
        return Session(Endpoint("127.0.0.1", self._port, "loop"))

    def _connected(self, _session: Session, _granted: object) -> None:
        self.happened.append("connected")

    def _turn(self, session: Session) -> None:
        error, self.raise_next = self.raise_next, None
        if error is not None:
            raise error
        session.poll(0.5, self._wake)

    def _say_goodbye(self, session: Session) -> None:
        self.happened.append("goodbye")
        session.publish(Outgoing("last/words", b"bye"))
        session.close()

    def _connection_ended(self, reason: Exception | None) -> None:
        self.reasons.append(reason)
        error, self.raise_at_end = self.raise_at_end, None
        if error is not None:
            raise error


@pytest.fixture
def begin() -> Iterator[Callable[[int], tuple[Connections, ReconnectLoop]]]:
    """Start loops towards a port, and stop them at the end."""
    loops = []

    def start(port: int) -> tuple[Connections, ReconnectLoop]:
        wake = Wake()
        connections = Connections(port, wake)
        loop = ReconnectLoop("loop", connections.steps(), wake, _log)
        loops.append(loop)
        loop.start()
        return connections, loop

    yield start
    for loop in loops:
        loop.stop(1.0)


def test_it_waits_for_a_broker_and_tells_the_same_reason_once(tmp_path: Path, begin, caplog) -> None:
    """No broker is one line in the log, whatever the number of attempts; then the broker is there."""
    broker = Mosquitto(tmp_path)
    connections, loop = begin(broker.port)
    wait_for(lambda: connections.happened.count("attempt") >= 3, what="attempts")
    assert caplog.text.count("loop: broker 127.0.0.1") == 1
    assert all(isinstance(reason, LinkError) for reason in connections.reasons)
    broker.start()
    wait_for(lambda: "connected" in connections.happened, what="connection")
    loop.backoff.reset()
    broker.kill()
    wait_for(lambda: caplog.text.count("trying again") >= 2, what="the same reason after a connection")
    loop.stop(1.0)


@pytest.mark.parametrize("error", [RuntimeError("a bug"), ConfigError("a file is gone"), LinkError("cut")])
def test_whatever_is_raised_in_a_turn_the_link_comes_back(mosquitto, begin, caplog, error: Exception) -> None:
    """An expected end is a sentence, a fault of ours a traceback; both are handed to ``ended``."""
    connections, _ = begin(mosquitto.port)
    wait_for(lambda: "connected" in connections.happened, what="connection")
    connections.raise_next = error
    wait_for(lambda: connections.happened.count("connected") == 2, what="the next connection")
    assert connections.reasons == [error]
    assert ("Traceback" in caplog.text) is isinstance(error, RuntimeError)


def test_a_fault_while_an_end_is_noted_ends_nothing_else(mosquitto, begin, caplog) -> None:
    """The thread would die, and the link would be away for ever."""
    connections, _ = begin(mosquitto.port)
    wait_for(lambda: "connected" in connections.happened, what="connection")
    connections.raise_at_end = RuntimeError("a bug at the end")
    connections.raise_next = LinkError("cut")
    wait_for(lambda: connections.happened.count("connected") == 2, what="the next connection")
    assert "a bug at the end" in caplog.text


def test_stopping_says_goodbye_over_the_connection_that_stands(mosquitto, begin) -> None:
    """``goodbye`` may still publish; afterwards ``ended`` gets no reason and the thread is over."""
    with Collector(mosquitto.port, "last/words") as collector:
        connections, loop = begin(mosquitto.port)
        wait_for(lambda: "connected" in connections.happened, what="connection")
        began_s = time.monotonic()
        loop.stop(2.0)
        assert time.monotonic() - began_s < 1.0, "stop did not wake it"
        wait_for(lambda: collector.messages, what="last words")
    assert connections.happened == ["attempt", "connected", "goodbye"]
    assert connections.reasons == [None]
    assert not loop.is_alive


def test_stopping_while_it_connects_is_bounded(begin) -> None:
    """A broker that accepts and says nothing holds up no stop, and is not said goodbye to."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        connections, loop = begin(silent.getsockname()[1])
        connection, _ = silent.accept()
        with connection:
            began_s = time.monotonic()
            loop.stop(2.0)
            assert time.monotonic() - began_s < 2.0
    assert not loop.is_alive
    assert connections.happened == ["attempt"]


def test_stopping_between_attempts_is_at_once(begin) -> None:
    """The pause of the back-off ends with the stop."""
    connections, loop = begin(free_port())
    loop.backoff.calm()  # some seconds
    wait_for(lambda: connections.reasons, what="the first end")
    began_s = time.monotonic()
    loop.stop(5.0)
    assert time.monotonic() - began_s < 0.5
    assert loop.seconds_left > 4.0
