"""Real connections to the page's server that are silent, slow or too many; with TLS and without."""

from __future__ import annotations

import contextlib
import socket
import ssl
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("uvicorn")

from edge_node.control_room.connections.connection_book import ConnectionLimits
from tests.support.bounded_server import BoundedServer
from tests.support.certificates import Authority
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORT = ConnectionLimits(connections=24, per_address=24, head_s=0.4, body_s=0.5, drain_s=0.6)
HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[BoundedServer]:
    """A server with short times."""
    with BoundedServer(SHORT) as started:
        yield started


def opened(server: BoundedServer, content: bytes = b"") -> socket.socket:
    """A connection that has sent ``content``."""
    client = socket.create_connection(("127.0.0.1", server.port), 10)
    client.sendall(content)
    return client


def answer(client: socket.socket) -> bytes:
    """What comes until the connection ends or half of a second is silent."""
    client.settimeout(0.5)
    content = b""
    with contextlib.suppress(OSError), client:
        while chunk := client.recv(65536):
            content += chunk
    return content


def is_ended(client: socket.socket) -> bool:
    """Whether the server has ended a connection that nothing more was to come from."""
    client.settimeout(10)
    try:
        while client.recv(1 << 20):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize(
    "sent",
    [b"", b"\r\n", b"GET", HEAD[:-2], HEAD + b"GET / HT", POST, POST + b"x" * 999],
    ids=["silent", "empty line", "a word", "no end", "second head", "no body", "no end of body"],
)
def test_a_request_that_does_not_come_in_time_is_ended(server: BoundedServer, sent: bytes) -> None:
    """However little or much of it came."""
    with opened(server, sent) as client:
        assert is_ended(client)
    wait_for(lambda: len(server.book) == 0, 5, "no connection")


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\nX: ", POST], ids=["head", "body"])
def test_a_byte_now_and_then_renews_nothing(server: BoundedServer, sent: bytes) -> None:
    """A request that trickles is ended at the same time as a silent one."""
    with opened(server, sent) as client:
        client.settimeout(0.05)
        for _ in range(200):
            try:
                client.sendall(b"x")
                if client.recv(1 << 16) == b"":
                    return
            except TimeoutError:
                continue
            except ConnectionError:
                return
    pytest.fail("the connection was held for 10 s")


def test_who_takes_no_response_is_ended(server: BoundedServer) -> None:
    """A download that its client does not read, and one that it reads by the byte."""
    lazy = socket.socket()
    lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    lazy.connect(("127.0.0.1", server.port))
    lazy.sendall(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
    wait_for(lambda: server.book.ended["too slow: drain"] == 1, 10, "the slow reader to be ended")
    with opened(server, b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n") as quick:
        received = 0
        while received < 40_000_000:
            received += len(quick.recv(1 << 20))
    lazy.close()


def test_a_crowd_of_silent_connections_keeps_nobody_out(server: BoundedServer) -> None:
    """Newcomers take the place of those that have been silent for longest; nothing is left of them."""
    crowd = [opened(server) for _ in range(60)]
    assert answer(opened(server, HEAD)).endswith(b"ok\r\n0\r\n\r\n")
    assert len(server.book) <= 24
    for client in crowd:
        client.close()
    wait_for(lambda: len(server.book) == 0, 5, "no connection")


def test_headers_have_a_size(server: BoundedServer) -> None:
    """A head that is too long is refused, not read to its end."""
    assert answer(opened(server, HEAD[:-2] + b"X: " + b"a" * 40_000)).startswith(b"HTTP/1.1 400")


def test_unfinished_tls_handshakes_are_counted_and_ended(tmp_path) -> None:
    """Silent ones and ones that stop in the middle; people with TLS are served among them."""
    authority = Authority(tmp_path)
    with BoundedServer(SHORT, authority.certificate("room", host="127.0.0.1")) as server:
        crowd = [opened(server, b"\x16\x03\x01" * (number % 2)) for number in range(40)]
        wait_for(lambda: len(server.book) == 24, 5, "the crowd")
        context = ssl.create_default_context(cafile=str(authority.file))
        with context.wrap_socket(opened(server), server_hostname="127.0.0.1") as client:
            client.sendall(HEAD)
            assert client.recv(100).startswith(b"HTTP/1.1 200")
        wait_for(lambda: len(server.book) == 0, 5, "no connection")
        for client in crowd:
            client.close()
