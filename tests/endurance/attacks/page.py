"""Attacks on the robot's page: names of other hosts, paths, malformed heads, slow connections in crowds."""

from __future__ import annotations

import resource
import socket
import time
from pathlib import Path

from tests.endurance.attacks.crowd import Crowd
from tests.endurance.attacks.rig import Attack, Succeeded, rig
from tests.support.processes import free_port

CROWD = 1000
MOST_THREADS = 64  # half of the unit's TasksMax
_COOKIE = "GET / HTTP/1.1\r\nCookie: a=b; corrosion_edge_token={}"
_FORWARDED = "GET /?token={} HTTP/1.1\r\nX-Forwarded-For: 6.6.6.{n}\r\nX-Forwarded-For: 10.0.0.9"
MOST_DESCRIPTORS = 256  # a quarter of a service's usual limit


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
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 50,
        b"OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"HEAD /picture.jpg HTTP/1.1\r\nHost: 127.0.0.1\r\nRange: bytes=0-,0-,5-1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\nHost: 127.0.0.1\n\n" + b"\x00" * 100,
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


def returning_crowd(folder: Path) -> str:
    """Hold 1,000 slow connections from eight addresses, each opened again when it is closed."""
    port = free_port()
    with (
        rig(folder, sections=f"[http]\nenabled = true\nport = {port}\n") as robot,
        robot.running() as process,
    ):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, CROWD + 256), hard))
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (1024, 1024))
        crowd = Crowd(port, CROWD)
        threads = descriptors = 0
        for _ in range(20):
            crowd.turn(1.0)
            threads = max(threads, _entries(process.pid, "task"))
            descriptors = max(descriptors, _entries(process.pid, "fd"))
            _must_answer(port)  # among them
        robot.must_go_on("among those that come back")
        crowd.close()
        if threads > MOST_THREADS or descriptors > MOST_DESCRIPTORS:
            raise Succeeded(f"{threads} threads, {descriptors} descriptors")
        return (
            f"{crowd.opened} connections: at most {threads} threads, {descriptors} descriptors; all answered"
        )


def guesses(folder: Path) -> str:
    """Guess at the token in every way, from one address and through a proxy; then the operator comes."""
    port, token = free_port(), "operator0token0operator"
    (folder / "token").write_text(token, encoding="ascii")
    (folder / "token").chmod(0o600)
    page = f'[http]\nenabled = true\nhost = "::"\nport = {port}\ntoken_file = "{folder / "token"}"\n'
    with rig(folder, sections=page) as robot, robot.running():
        ways = ("GET /?token={} HTTP/1.1", "GET / HTTP/1.1\r\nAuthorization: Bearer {}", _COOKIE, _FORWARDED)
        codes: dict[bytes, int] = {}
        for number in range(400):
            head = ways[number % len(ways)].format(f"guess{number}", n=number)
            answer = _ask(port, f"{head}\r\nHost: 127.0.0.1\r\n\r\n".encode())
            codes[answer[9:12]] = codes.get(answer[9:12], 0) + 1
        right = f"GET / HTTP/1.1\r\nHost: [::1]\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        if not _ask(port, right, "::1").startswith(b"HTTP/1.1 200"):
            raise Succeeded("the operator, who comes from elsewhere, is locked out")
        if codes.get(b"200") or codes.get(b"401", 0) > 20 or token in robot.log():
            raise Succeeded(f"answers: {codes}")
        robot.must_go_on("among the guesses")
        return f"of 400 guesses {codes.get(b'401')} were looked at; the operator got the page"


def idle_crowd(folder: Path) -> str:
    """Hold 64 idle connections, 16 half-closed and 16 that do not read; the operator comes."""
    port = free_port()
    with rig(folder, sections=f"[http]\nenabled = true\nport = {port}\n") as robot, robot.running():
        crowd = []
        for number in range(96):
            visitor = socket.create_connection(("127.0.0.1", port), 5, ("127.0.0.1", 0))
            crowd.append(visitor)
            if number >= 80:
                visitor.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
                visitor.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 3)
            elif number >= 64:
                visitor.sendall(b"GET /state.json HTTP/1.1\r\n")
                visitor.shutdown(socket.SHUT_WR)
        began_s = time.monotonic()
        _must_answer(port)
        took_s = time.monotonic() - began_s
        for visitor in crowd:
            visitor.close()
        robot.must_go_on("among the idle")
        if took_s > 5.0:
            raise Succeeded(f"the operator waited {took_s:.1f} s")
        return f"96 connections held; the operator got the page after {took_s:.2f} s"


def _entries(pid: int, name: str) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/{name}").iterdir())


def _ask(port: int, content: bytes, address: str = "127.0.0.1") -> bytes:
    with socket.create_connection((address, port), 5) as visitor:
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
    Attack("1,000 connections that come back when they are closed", returning_crowd),
    Attack("guesses at the page's token in every way", guesses),
    Attack("idle, half-closed and deaf connections", idle_crowd),
)
