"""Read what a trusted reverse proxy says of a request: the client's address, its scheme, host and user. Pure.

Headers of anybody else are worth nothing: every client can send them.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from edge_node.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MAX_HOPS = 32
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class TrustedProxies:
    """The addresses and networks of ``[web] trusted_proxies``."""

    def __init__(self, names: Iterable[str]) -> None:
        """Parse addresses such as 127.0.0.1 and networks such as 10.1.0.0/24.

        Raises:
            ConfigError: one is neither.
        """
        self._networks = [_parse_network(name) for name in names]

    def is_trusted(self, address: str) -> bool:
        """Return whether ``address`` is that of a trusted proxy."""
        found = _parse_address(address)
        return found is not None and any(found in network for network in self._networks)

    def find_client(self, peer: str, forwarded_for: Sequence[str]) -> str:
        """Return the client's address: the right-most one that no trusted proxy has.

        Args:
            peer: the other end of the connection.
            forwarded_for: values of ``X-Forwarded-For``, in order.
        """
        client = peer
        hops = ",".join(forwarded_for).split(",") if forwarded_for else []
        for hop in reversed(hops[-_MAX_HOPS:]):
            if not self.is_trusted(client):
                break
            found = _parse_hop(hop)
            if found is None:
                break  # the proxy before it is the last that is known
            client = str(found)
        return client


def last_value(values: Sequence[str]) -> str:
    """Return what the nearest proxy said in a header that may name several."""
    return values[-1].rpartition(",")[2].strip() if values else ""


def _parse_network(name: str) -> Network:
    try:
        network = ipaddress.ip_network(name, strict=False)
    except ValueError as err:
        raise ConfigError(
            f"[web] trusted_proxies: {name!r} is no address or network, such as 127.0.0.1 or 10.1.0.0/24"
        ) from err
    if network.prefixlen == 0:
        raise ConfigError(f"[web] trusted_proxies: {name!r} is every address: then anybody may name any user")
    return network


def _parse_hop(text: str) -> Address | None:
    """Return the address of one hop, which some proxies give a port."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    return _parse_address(text)


def _parse_address(text: str) -> Address | None:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found
