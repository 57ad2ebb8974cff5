"""Each route of the page and the API needs a role."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.people.roles import Role
from edge_node.control_room.web.route_roles import OPEN_FILES, ROUTE_ROLES, list_routes
from tests.support.room_app import QUICK_HASH, RoomApp

if TYPE_CHECKING:
    from collections.abc import Iterator

UNENDING = {"/api/events", "/api/report.{kind}", "/api/dataset.zip"}  # here nobody makes the files
OPEN = {
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/healthz"),
    ("GET", "/login"),
    ("POST", "/login"),
    ("POST", "/logout"),
}


@pytest.fixture(scope="module")
def room(tmp_path_factory) -> Iterator[RoomApp]:
    """A control room with a user of each role."""
    with RoomApp(tmp_path_factory.mktemp("room")) as started:
        for role in Role:
            started.users.add_user(role.value, role, QUICK_HASH)
        yield started


@pytest.fixture(scope="module")
def cookies(room: RoomApp) -> dict[Role, str]:
    """Their sessions."""
    return {role: room.log_in(role.value).cookie for role in Role}


def test_every_route_has_a_role_and_every_role_a_route(room: RoomApp) -> None:
    """Whoever adds a route says here who may use it; what is open to all stands in this test too."""
    assert set(list_routes(room.app.routes)) == ROUTE_ROLES.keys()
    assert {route for route, role in ROUTE_ROLES.items() if role is None} == OPEN
    assert {f"/page/{name}" for name in ("style/login.css", "theme.js", "icon.svg")} == OPEN_FILES


@pytest.mark.parametrize("route", sorted(ROUTE_ROLES), ids=" ".join)
def test_no_role_below_the_one_of_the_route_comes_through(
    room: RoomApp, cookies: dict[Role, str], route: tuple[str, str]
) -> None:
    """Nor a stranger; the lowest that may is let through, to whatever the route answers."""
    method, template = route
    path = template.replace("{kind}", "pdf").replace("{", "").replace("}", "") + "/" * (template == "/page")
    needed = ROUTE_ROLES[route]
    if needed is None:
        return
    assert room.request(path, method).status == (303 if path == "/" else 401)
    for role in Role:
        if not role.allows(needed):
            answer = room.request(path, method, cookie=cookies[role])
            assert (answer.status, needed.value in answer.json()["problem"]) == (403, True)
    if template not in UNENDING:
        assert room.request(path, method, cookie=cookies[needed]).status not in (401, 403)


def test_a_route_without_a_role_is_refused(room: RoomApp, cookies: dict[Role, str], monkeypatch) -> None:
    """Also to an admin; what is no route is not told to a stranger."""
    monkeypatch.delitem(ROUTE_ROLES, ("GET", "/api/robots"))
    assert room.request("/api/robots", cookie=cookies[Role.ADMIN]).status == 403
    assert room.request("/api/robots").status == 401
    assert room.request("/nothing").status == 401
    assert room.request("/nothing", cookie=cookies[Role.VIEWER]).status == 404
    assert room.request("/api/state", "DELETE", cookie=cookies[Role.ADMIN]).status == 405
