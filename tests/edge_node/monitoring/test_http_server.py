"""The server of the local page: bounds on connections, time and size, and clients of every kind."""

from __future__ import annotations

import contextlib
import resource
import socket
import threading
import time
from pathlib import Path

import pytest

from edge_node.monitoring.http_server import HttpServer, Limits, Response, limits_of_process
from tests.support.http_requests import get
from tests.support.processes import wait_for

LARGE = b"x" * 3_000_000
FEW = Limits(connections=12, per_address=6, head_bytes=1000, head_s=20.0, response_s=20.0)


def descriptors() -> int:
    """Return how many descriptors this process has."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def start():
    """Return a function that starts a server with small bounds."""
    started = []

    def respond(request):
        if request.path == "/fault":
            raise RuntimeError
        return Response(200, LARGE if request.path == "/large" else request.path.encode())

    def make(limits):
        started.append(HttpServer(("127.0.0.1", 0), respond, headers={"X-Of": "all"}, limits=limits))
        started[-1].start()
        return started[-1]

    yield make
    for one in started:
        one.stop()


@pytest.fixture
def server(start):
    """A server with few places."""
    return start(FEW)


@contextlib.contextmanager
def clients(port, count, first=b"", hosts=("127.0.0.1",)):
    """Hold so many connections open, each of which has sent ``first``."""
    with contextlib.ExitStack() as stack:
        found = []
        for number in range(count):
            client = socket.create_connection(
                ("127.0.0.1", port), source_address=(hosts[number % len(hosts)], 0)
            )
            stack.enter_context(client)
            with contextlib.suppress(OSError):
                client.sendall(first)
            found.append(client)
        yield found


def exchange(port, request):
    """Return what the server answers to raw bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        with contextlib.suppress(OSError):
            client.sendall(request)
        content = b""
        with contextlib.suppress(OSError):
            while piece := client.recv(65536):
                content += piece
        return content


def test_a_response_has_its_length_and_the_headers_of_all(server):
    """A large one comes whole; HEAD has no body; a fault of the page is a 500 and no more."""
    status, headers, body = get(server.port, "/large")
    assert (status, headers["X-Of"], body == LARGE) == (200, "all", True)
    head = exchange(server.port, b"HEAD /large HTTP/1.1\r\n\r\n")
    assert b"Content-Length: 3000000" in head
    assert head.endswith(b"\r\n\r\n")
    assert get(server.port, "/fault")[0] == 500
    assert get(server.port, "/after")[2] == b"/after"


@pytest.mark.parametrize(
    ("request_bytes", "code"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody", b"405"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 5000 + b"\r\n\r\n", b"431"),
        (b"GET /" + b"x" * 100_000, b"431"),
        (b"GET / HTTP/1.1\r\n\r\nGET /second HTTP/1.1\r\n\r\n", b"200"),
    ],
)
def test_whatever_is_sent_is_answered_in_a_word(server, request_bytes, code):
    """A client that speaks out of turn gets its status line, and the page goes on."""
    assert exchange(server.port, request_bytes).split()[1] == code
    assert get(server.port, "/after")[0] == 200


def test_a_hundred_slow_clients_hold_nothing(server):
    """Descriptors stay below the bound, no thread is started, and whoever asks is answered meanwhile."""
    before, threads = descriptors(), threading.active_count()
    hosts = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
    with clients(server.port, 100, b"GET / HTTP/1.1\r\n", hosts) as held:
        assert get(server.port, "/")[0] == 200
        # Ours are 100 of the descriptors, the server's the rest.
        assert descriptors() - before - len(held) <= FEW.connections + 1
        assert threading.active_count() == threads
        assert get(server.port, "/")[0] == 200


def test_one_address_cannot_take_the_places_of_all(server):
    """Where one address has used its share, a client of another that waits is not closed for it."""
    with (
        clients(server.port, 1, b"GET /", ("127.0.0.9",)) as (other,),
        clients(server.port, 50, b"GET /"),
    ):
        other.sendall(b"other HTTP/1.1\r\n\r\n")
        assert b"200 OK" in other.recv(1000)


def test_a_request_has_one_deadline_however_it_trickles(start):
    """Bytes that keep coming do not begin the time anew; a client that reads nothing is given up too."""
    server = start(Limits(head_s=0.3, response_s=0.5))
    with clients(server.port, 2) as (trickling, deaf):
        deaf.sendall(b"GET /large HTTP/1.1\r\n\r\n")
        closed = []

        def trickle():
            with contextlib.suppress(OSError):
                for _ in range(200):
                    trickling.sendall(b"G")
                    time.sleep(0.02)
            closed.append("trickling")

        thread = threading.Thread(target=trickle)
        thread.start()
        wait_for(lambda: closed, 3, "the end of the trickling client")
        thread.join()

        def is_cut():
            with contextlib.suppress(OSError):
                while deaf.recv(1 << 20):
                    pass
            return True

        time.sleep(0.7)
        assert is_cut()
    assert get(server.port, "/")[0] == 200


def test_without_descriptors_it_waits_and_goes_on(server):
    """A process that has none left serves the client later, and neither ends nor spins."""
    _, hard = before = resource.getrlimit(resource.RLIMIT_NOFILE)
    client = socket.create_connection(("127.0.0.1", server.port), timeout=5)
    try:
        assert get(server.port, "/")[0] == 200
        second = socket.socket()
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
        second.connect(("127.0.0.1", server.port))
        second.sendall(b"GET /late HTTP/1.1\r\n\r\n")
        time.sleep(0.1)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    second.settimeout(5)
    assert b"200 OK" in second.recv(1000)
    for one in (client, second):
        one.close()


def test_the_bound_leaves_the_process_what_it_needs():
    """With 1,024 descriptors 64 clients are served at once; with few, fewer."""
    _, hard = before = resource.getrlimit(resource.RLIMIT_NOFILE)
    found = []
    try:
        for soft in (1024, 256, 64):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            found.append(limits_of_process().connections)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert found == [64, 32, 4]
