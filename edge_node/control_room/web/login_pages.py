"""Show the login page, and open and end sessions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from edge_node.control_room.people.logins import LoginRefusedError
from edge_node.control_room.web.access import cookie_name, is_secure, page_path
from edge_node.control_room.web.json.json_responses import read_body
from edge_node.control_room.web.services import get_services

if TYPE_CHECKING:
    from starlette.requests import Request

_PROBLEMS = ("token", "password", "wait", "busy")
_PAGE = Path(__file__).with_name("page") / "login.html"
_MAX_SHOWN_DIGITS = 3
_MAX_FIELDS = 8


async def show_login(request: Request) -> Response:
    """Send the login page, with the ways that this control room has and what was wrong."""
    services, given = get_services(request), request.query_params
    ways = " ".join(services.logins.ways) or "none"
    text = _PAGE.read_text(encoding="utf-8").replace('data-ways="none"', f'data-ways="{ways}"')
    if (problem := given.get("problem")) in _PROBLEMS:
        text = text.replace('data-problem="none"', f'data-problem="{problem}"')
    wait_s = given.get("wait_s", "")
    if wait_s.isascii() and wait_s.isdigit() and len(wait_s) <= _MAX_SHOWN_DIGITS:
        text = text.replace("a minute", f"{int(wait_s)} s")
    return HTMLResponse(text)


async def log_in(request: Request) -> Response:
    """Exchange user and password, or the shared token, for a cookie."""
    services = get_services(request)
    logins, address = services.logins, request.client.host if request.client else ""
    given = _parse_form((await read_body(request)).decode("utf-8", "replace"))
    try:
        if "token" in given:
            secret, _ = await run_in_threadpool(logins.log_in_by_token, given["token"].strip(), address)
        else:
            name, password = given.get("user", "").strip(), given.get("password", "")
            secret, _ = await logins.log_in(name, password, address)
    except LoginRefusedError as err:
        wait = f"&wait_s={int(err.wait_s) + 1}" if err.wait_s else ""
        return RedirectResponse(page_path(request, f"login?problem={err.reason}{wait}"), 303)
    if (before := request.scope.get("person")) is not None:
        await run_in_threadpool(logins.log_out, before)
    response = RedirectResponse(page_path(request, ""), 303)
    _set_cookie(request, response, secret, services.settings.web.session_hours * 3600)
    return response


async def log_out(request: Request) -> Response:
    """End the session, here and in every open event stream of it."""
    services = get_services(request)
    if (person := request.scope.get("person")) is not None:
        await run_in_threadpool(services.logins.log_out, person)
        services.events.end_invalid()
    response = RedirectResponse(page_path(request, "login"), 303)
    _set_cookie(request, response, "", 0)
    return response


ROUTES = [
    Route("/login", show_login),
    Route("/login", log_in, methods=["POST"]),
    Route("/logout", log_out, methods=["POST"]),
]


def _parse_form(text: str) -> dict[str, str]:
    """Return the first value of each field; none of a form that no browser sends from the page."""
    try:
        form = parse_qs(text, max_num_fields=_MAX_FIELDS)
    except ValueError:
        return {}
    return {name: values[0] for name, values in form.items()}


def _set_cookie(request: Request, response: Response, secret: str, lasts_s: int) -> None:
    """Set the session's cookie, which no script can read and no other site sends.

    Its path is the root path; without one, that of the page's own folder, as a proxy may have put it below a
    path that nobody told us. Only ``__Host-`` asks for the path /.
    """
    root = request.scope["root_path"]
    path = f"{root}/" if root else "/" if is_secure(request) else None
    response.set_cookie(
        cookie_name(request),
        secret,
        max_age=lasts_s,
        path=path,
        httponly=True,
        samesite="strict",
        secure=is_secure(request),
    )
