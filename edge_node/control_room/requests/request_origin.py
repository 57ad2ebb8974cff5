"""Tell whether another site makes a browser read from this page.

A cookie with SameSite=Strict keeps another site from reading what needs a login. It does not keep it from
costing time: on the loopback there is no login, and a hundred image tags with a report's address make a
hundred reports. Browsers say in ``Sec-Fetch-Site`` who asks; older ones in ``Origin`` or ``Referer``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from edge_node.control_room.requests.client import path_of

if TYPE_CHECKING:
    from starlette.requests import Request

_OWN = ("same-origin", "none")  # none: a person typed the address, or chose a bookmark
_PAGES = ("", "/", "/login")  # what links elsewhere may lead to


def is_foreign_read(request: Request) -> bool:
    """Tell whether another site asks, other than by a link or an address that opens the page itself."""
    return _is_foreign(request) and not _opens_the_page(request)


def _is_foreign(request: Request) -> bool:
    headers = request.headers
    if (site := headers.get("sec-fetch-site")) is not None:
        return site not in _OWN
    named = headers.get("origin") or headers.get("referer")
    if named is None:
        return False  # a program
    try:
        return urlsplit(named).netloc.lower() != headers.get("host", "").lower()
    except ValueError:
        return True


def _opens_the_page(request: Request) -> bool:
    if request.method not in ("GET", "HEAD"):
        return False
    is_navigation = request.headers.get("sec-fetch-mode", "navigate") == "navigate"
    is_window = request.headers.get("sec-fetch-dest", "document") == "document"
    return path_of(request.scope) in _PAGES and is_navigation and is_window
