"""Attacks on the robot's page: names of other hosts, paths, malformed heads, slow connections in crowds."""

from __future__ import annotations

import resource
import socket
import time
from pathlib import Path

from tests.endurance.attacks.rig import Attack, Succeeded, rig
from tests.support.processes import free_port

CROWD = 1000


def malformed_requests(folder: Path) -> str:
    """Send requests that no browser sends; the page goes on, and shows no file."""
    port = free_port()
    heads = [
        b"GET / HTTP/1.1\r\nHost: [\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1:99999999\r\n\r\n",
        b"GET /../../../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 300_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9999999999\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil\r\n\r\n",
        b"\r\n" * 10_000,
    ]
    with rig(folder, sections=f"[http]\nenabled = true\nport = {port}\n") as robot, robot.running():
        for head in heads:
            answer = _ask(port, head)
            if b"root:" in answer or (b" 200 " in answer[:20] and b"evil" in head):
                raise Succeeded(f"{head[:60]!r} got {answer[:80]!r}")
        _must_answer(port)
        robot.must_go_on("after the requests")
        return f"{len(heads)} requests, the page and the verdicts go on"


def slow_crowd(folder: Path) -> str:
    """Open 1,000 connections that send a byte every 2.5 seconds, for 15 seconds."""
    port = free_port()
    with (
        rig(folder, sections=f"[http]\nenabled = true\nport = {port}\n") as robot,
        robot.running() as process,
    ):
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (1024, 1024))  # a service's usual limit
        crowd = []
        for _ in range(CROWD):
            visitor = socket.socket()
            visitor.settimeout(0.1)
            try:
                visitor.connect(("127.0.0.1", port))
                visitor.sendall(b"GET / HTTP/1.1\r\n")
            except OSError:
                visitor.close()
                continue
            crowd.append(visitor)
        most = 0
        for _ in range(6):
            for visitor in crowd:
                try:
                    visitor.send(b"X")
                except OSError:
                    continue
            most = max(most, len(list(Path(f"/proc/{process.pid}/task").iterdir())))
            robot.must_go_on("among the slow connections")
            time.sleep(2.5)
        for visitor in crowd:
            visitor.close()
        time.sleep(1.0)
        _must_answer(port)
        return f"verdicts go on, at most {most} threads; the page answers afterwards"


def _ask(port: int, content: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 5) as visitor:
        visitor.settimeout(15)
        answer = b""
        try:
            visitor.sendall(content)
            while len(answer) < 10_000 and (chunk := visitor.recv(4096)):
                answer += chunk
        except OSError:
            pass
        return answer


def _must_answer(port: int) -> None:
    answer = _ask(port, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    if not answer.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200")):
        raise Succeeded(f"the page does not answer: {answer[:80]!r}")


ATTACKS = (
    Attack("requests that no browser sends", malformed_requests),
    Attack("1,000 connections that send a byte now and then", slow_crowd),
)
