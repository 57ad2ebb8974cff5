"""Tell clients apart, for bounds that each of them has, and the paths that they ask for."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from edge_node.monitoring.http_request import client_key

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection
    from starlette.types import Scope


def client_of(request: HTTPConnection) -> str:
    """Return whose a request is: the login's name if there is one, else the network address it comes from."""
    person = request.scope.get("person")
    if person is not None and person.name:
        return f"user {person.name}"
    address = person.address if person is not None else request.client.host if request.client else ""
    return _count_as(address)


def path_of(scope: Scope) -> str:
    """Return the path of a request below the one at which a reverse proxy shows the page."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", "").rstrip("/"))


@lru_cache(maxsize=1024)
def _count_as(address: str) -> str:
    return client_key(address.removeprefix("::ffff:"))
