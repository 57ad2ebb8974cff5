"""Whose a request is, and what it asks for."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytest.importorskip("starlette")

from starlette.requests import HTTPConnection

from edge_node.control_room.requests.client import client_of, path_of


@pytest.mark.parametrize(
    ("name", "address", "client"),
    [
        ("alice", "10.0.0.1", "user alice"),
        ("", "10.0.0.1", "10.0.0.1"),
        ("", "::ffff:10.0.0.1", "10.0.0.1"),
        ("", "2001:db8::7", "2001:0db8:0000:0000::/64"),
    ],
)
def test_a_login_counts_wherever_it_comes_from(name: str, address: str, client: str) -> None:
    """And without one the network address does, of IPv6 the network."""
    person = SimpleNamespace(name=name, address=address)
    assert client_of(HTTPConnection({"type": "http", "person": person})) == client
    if not name:
        assert client_of(HTTPConnection({"type": "http", "client": (address, 1)})) == client


def test_the_path_is_counted_from_where_the_page_lies() -> None:
    """Below a path of a reverse proxy and without one."""
    assert path_of({"path": "/corrosion/api", "root_path": "/corrosion/"}) == "/api"
    assert path_of({"path": "/api"}) == "/api"
