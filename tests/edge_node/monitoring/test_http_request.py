"""The head of a request: what is taken, and what is refused in a word."""

from __future__ import annotations

import pytest

from edge_node.monitoring.http_request import (
    BadRequestError,
    Request,
    client_key,
    host_name,
    parse_head,
    real_address,
)


def test_a_request_is_taken_apart() -> None:
    """Path and query stay as they were sent; header names do not."""
    found = parse_head(b"GET /a/b?c=%20d HTTP/1.1\r\nHOST: robot:80\r\nX-A:  1 \r\nx-a: 2", "10.0.0.9")
    assert (found.method, found.path, found.query) == ("GET", "/a/b", "c=%20d")
    assert found.headers == {"host": "robot:80", "x-a": "1, 2"}


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"GET",
        b"GET / HTTP/2",
        b"GET  / HTTP/1.1",
        b"GET http://robot/ HTTP/1.1",
        b"GET /\x00 HTTP/1.1",
        b"GET / HTTP/1.1\r\nno colon",
        b"GET / HTTP/1.1\r\n folded: 1",
        b"GET / HTTP/1.1\r\nname : 1",
        b"GET / HTTP/1.1\r\nname: a\nb: c",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    ],
)
def test_what_is_no_request_is_refused(head: bytes) -> None:
    """Nothing is guessed of a head that is not as the standard says."""
    with pytest.raises(BadRequestError):
        parse_head(head, "10.0.0.9")


@pytest.mark.parametrize(
    ("header", "name"),
    [("Robot.local:8420", "robot.local"), ("[::1]:80", "::1"), ("10.0.0.1", "10.0.0.1"), ("", "")],
)
def test_a_host_is_a_name_or_an_address(header: str, name: str) -> None:
    """Port and brackets go."""
    assert host_name(header) == name


@pytest.mark.parametrize(
    "header",
    [
        "[",
        "]",
        "[]",
        "[::1",
        "::1]",
        "[:::1]",
        "a b",
        "a:b",
        "a:",
        ":80",
        "a:99999",
        "u@a",
        "a/b",
        "a?b",
        "ä",
    ],
)
def test_a_malformed_host_is_refused(header: str) -> None:
    """Whatever a parser of addresses would stumble over."""
    with pytest.raises(BadRequestError):
        host_name(header)


def test_clients_are_told_apart_by_what_they_cannot_change() -> None:
    """One IPv6 network is one client; a proxy on this machine, and no other, speaks for its clients."""
    assert client_key("10.0.0.9") == "10.0.0.9"
    assert (
        client_key("2001:db8:1:2:3:4:5:6") == client_key("2001:db8:1:2::9") != client_key("2001:db8:1:3::9")
    )
    assert client_key("fe80::1%eth0") == client_key("fe80::2")

    def ask(address: str, *named: str) -> str:
        return real_address(Request("GET", "/", "", {"x-forwarded-for": ", ".join(named)}, address))

    assert ask("127.0.0.1", "6.6.6.6", "10.0.0.9") == "10.0.0.9"
    # A proxy may add its own header behind the one that its client invented.
    head = b"GET / HTTP/1.1\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 10.0.0.9"
    assert real_address(parse_head(head, "127.0.0.1")) == "10.0.0.9"
    assert ask("127.0.0.1") == "127.0.0.1"
    assert ask("10.0.0.8", "6.6.6.6") == "10.0.0.8"
