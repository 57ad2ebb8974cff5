"""Parse the head of an HTTP request strictly: what is not understood is refused, never guessed. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_REQUEST = re.compile(r"([A-Z]{1,16}) (/[!-~]*) HTTP/1\.[01]")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)")
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::([0-9]{1,5}))?")
_ONCE = frozenset(("host", "authorization"))
_MAX_PORT = 65535


class BadRequestError(Exception):
    """A request that is not understood; its text is the answer. Never leaves this package."""


@dataclass(frozen=True, slots=True)
class Request:
    """The head of a request.

    Attributes:
        headers: by name in lower case.
        address: of the client.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    address: str


def parse_head(head: bytes, address: str) -> Request:
    """Return the request whose head, without the empty line behind it, is ``head``.

    Raises:
        BadRequestError: it is no request of HTTP/1.
    """
    first, *lines = head.decode("latin-1").split("\r\n")
    found = _REQUEST.fullmatch(first)
    if found is None:
        raise BadRequestError("wanted GET /PATH HTTP/1.1")
    method, target = found.groups()
    headers: dict[str, str] = {}
    for line in lines:
        header = _HEADER.fullmatch(line)
        if header is None:
            raise BadRequestError("a header is not NAME: VALUE")
        name, value = header[1].lower(), header[2].strip()
        if name in headers and name in _ONCE:
            raise BadRequestError(f"{name} is given twice")
        between = "; " if name == "cookie" else ", "
        headers[name] = f"{headers[name]}{between}{value}" if name in headers else value
    path, _, query = target.partition("?")
    return Request(method, path, query, headers, address)


def host_name(header: str) -> str:
    """Return the name or address in a Host header in lower case, without brackets and port; "" for none.

    Raises:
        BadRequestError: it is no host.
    """
    if not header:
        return ""
    found = _HOST.fullmatch(header)
    if found is None or int(found[3] or 0) > _MAX_PORT:
        raise BadRequestError("Host is not NAME or NAME:PORT")
    if found[1] is None:
        return found[2].lower()
    try:
        return str(IPv6Address(found[1]))
    except ValueError:
        raise BadRequestError("Host is not NAME or NAME:PORT") from None


def client_key(address: str) -> str:
    """Return what one client is counted by: its address, of IPv6 the network of 64 bits that it is given."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        return f"{found.exploded[:19]}::/64"
    return str(found)


def real_address(request: Request) -> str:
    """Return the address of who asks: behind a reverse proxy on this machine, the one that it names.

    Only a proxy on the loopback address is believed, and of what it passes on only the last address, which
    it added itself.
    """
    try:
        is_local = ip_address(request.address.partition("%")[0]).is_loopback
    except ValueError:
        is_local = False
    named = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return named[:64] if is_local and named else request.address
