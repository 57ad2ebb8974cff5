"""Say which role each route of the page and the API needs. A route without a line here is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.routing import Match, Mount, Route

from edge_node.control_room.people.roles import Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from starlette.routing import BaseRoute
    from starlette.types import Scope

RouteKey = tuple[str, str]  # a method, and the path as the route is declared with it

ROUTE_ROLES: Final[dict[RouteKey, Role | None]] = {
    # Open to everybody: what a person needs before the login, and what says nothing of robots.
    ("GET", "/livez"): None,
    ("GET", "/readyz"): None,
    ("GET", "/healthz"): None,
    ("GET", "/login"): None,
    ("POST", "/login"): None,
    ("POST", "/logout"): None,
    # Looking.
    ("GET", "/"): Role.VIEWER,
    ("GET", "/page"): Role.VIEWER,
    ("GET", "/api"): Role.VIEWER,
    ("GET", "/api/state"): Role.VIEWER,
    ("GET", "/api/events"): Role.VIEWER,
    ("GET", "/api/robots"): Role.VIEWER,
    ("GET", "/api/verdicts"): Role.VIEWER,
    ("GET", "/api/verdicts/{id}"): Role.VIEWER,
    ("GET", "/api/findings"): Role.VIEWER,
    ("GET", "/api/findings/{site}/{id}"): Role.VIEWER,
    ("GET", "/api/defects"): Role.VIEWER,
    ("GET", "/api/defects/pairs"): Role.VIEWER,
    ("GET", "/api/defects/{key}"): Role.VIEWER,
    ("GET", "/api/queue"): Role.VIEWER,
    ("GET", "/api/strip"): Role.VIEWER,
    ("GET", "/api/gaps"): Role.VIEWER,
    ("GET", "/api/conflicts"): Role.VIEWER,
    ("GET", "/api/words"): Role.VIEWER,
    ("GET", "/api/pictures/{site}/{robot}/{sha256}"): Role.VIEWER,
    ("GET", "/api/markings/{site}/{robot}/{sha256}"): Role.VIEWER,
    ("GET", "/api/usage"): Role.VIEWER,
    ("GET", "/api/report.{kind}"): Role.VIEWER,
    ("GET", "/api/record"): Role.VIEWER,
    ("GET", "/api/dataset.zip"): Role.VIEWER,
    ("GET", "/api/jobs"): Role.VIEWER,
    ("POST", "/api/jobs"): Role.VIEWER,  # to make a report is to look
    ("GET", "/api/jobs/{id}"): Role.VIEWER,
    ("DELETE", "/api/jobs/{id}"): Role.VIEWER,  # one's own only
    ("GET", "/api/jobs/{id}/file"): Role.VIEWER,
    ("GET", "/metrics"): Role.VIEWER,
    # Deciding.
    ("POST", "/api/verdicts/{id}/review"): Role.REVIEWER,
    ("POST", "/api/findings/{site}/{id}/review"): Role.REVIEWER,
    ("POST", "/api/defects"): Role.REVIEWER,
    ("POST", "/api/defects/{key}/join"): Role.REVIEWER,
    ("POST", "/api/defects/{key}/part"): Role.REVIEWER,
    ("POST", "/api/defects/{key}/name"): Role.REVIEWER,
    ("POST", "/api/defects/{key}/note"): Role.REVIEWER,
    ("POST", "/api/defects/{key}/assign"): Role.REVIEWER,
    ("POST", "/api/defects/{key}/mute"): Role.REVIEWER,
    ("POST", "/api/defects/{key}/state"): Role.REVIEWER,
    # Commanding robots.
    ("POST", "/api/pictures/{site}/{robot}/{sha256}/ask"): Role.OPERATOR,
    ("POST", "/api/robots/{site}/{robot}/commands/{verb}"): Role.OPERATOR,
    # Seeing who does what.
    ("GET", "/api/audit"): Role.ADMIN,
    ("GET", "/api/users"): Role.ADMIN,
    # Deciding which robots come in.
    ("GET", "/api/quarantine"): Role.ADMIN,
    ("POST", "/api/quarantine/{site}/{robot}/{decision}"): Role.ADMIN,
}
# Files that the login page shows.
OPEN_FILES: Final = frozenset({"/page/style/login.css", "/page/theme.js", "/page/icon.svg"})


def list_routes(routes: Iterable[BaseRoute]) -> Iterator[RouteKey]:
    """Yield method and path of each route, as ``ROUTE_ROLES`` names them."""
    for route in routes:
        if isinstance(route, Mount):
            yield "GET", route.path
        elif isinstance(route, Route):
            yield from ((method, route.path) for method in route.methods or () if method != "HEAD")


def find_route(routes: Iterable[BaseRoute], scope: Scope) -> RouteKey | None:
    """Return method and path of the route that a request reaches; None if there is none."""
    method = "GET" if scope["method"] == "HEAD" else scope["method"]
    for route in routes:
        match, _ = route.matches(scope)
        if match is Match.FULL and isinstance(route, Route | Mount):
            return method, route.path
    return None
