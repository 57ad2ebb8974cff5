"""What a reverse proxy says of its client."""

from __future__ import annotations

import pytest

from edge_node.control_room.people.proxy_headers import TrustedProxies, last_value
from edge_node.errors import ConfigError


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.0.0.1", ["1.2.3.4"], "1.2.3.4"),
        ("10.0.0.1", ["6.6.6.6, 1.2.3.4"], "1.2.3.4"),  # the left one is what the client wrote
        ("10.0.0.1", ["6.6.6.6", "1.2.3.4, 10.0.0.7"], "1.2.3.4"),  # two proxies, two headers
        ("10.0.0.1", ["1.2.3.4:5678"], "1.2.3.4"),
        ("10.0.0.1", ["[2001:db8::1]:5678"], "2001:db8::1"),
        ("10.0.0.1", ["2001:db8::1"], "2001:db8::1"),
        ("10.0.0.1", ["10.0.0.9"], "10.0.0.9"),  # from a trusted machine itself
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["6.6.6.6, unknown"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("::ffff:10.0.0.1", ["1.2.3.4"], "1.2.3.4"),
        ("10.0.0.1", [",".join(["10.0.0.2"] * 5000)], "10.0.0.2"),
        ("9.9.9.9", ["1.2.3.4"], "9.9.9.9"),  # no proxy of ours
        ("", ["1.2.3.4"], ""),
    ],
)
def test_the_client_is_the_rightmost_address_that_no_trusted_proxy_has(
    peer: str, forwarded: list[str], client: str
) -> None:
    """What stands left of it anybody can write."""
    assert TrustedProxies(["10.0.0.0/24", "fd00::/8"]).find_client(peer, forwarded) == client


@pytest.mark.parametrize("name", ["proxy.example", "10.0.0.0/33", "", "0.0.0.0/0", "::/0"])
def test_what_is_no_address_or_every_address_is_refused(name: str) -> None:
    """A proxy that is everybody is none."""
    with pytest.raises(ConfigError, match="trusted_proxies"):
        TrustedProxies([name])


def test_the_nearest_proxy_is_believed() -> None:
    """Of several values the last is the one that it added."""
    assert last_value(["http, https"]) == "https"
    assert last_value(["evil.example", "room.example"]) == "room.example"
    assert last_value([]) == ""
