"""Handle what admins see and decide: users, the audit, robots that wait to be admitted."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from starlette.routing import Route

from edge_node.control_room.deeds import Deed
from edge_node.control_room.web.access import person_of
from edge_node.control_room.web.json.json_responses import respond_from_thread, respond_problem
from edge_node.control_room.web.json.query_parameters import MAX_PAGE, FilterText, parse_query
from edge_node.control_room.web.services import get_services
from edge_node.messages.topics import is_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from edge_node.control_room.people.logins import Logins
    from edge_node.control_room.people.roles import Person
    from edge_node.control_room.web.services import Services


Position = Annotated[int, msgspec.Meta(ge=1, le=1 << 62)]  # what the database takes as a key


class AuditQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query parameters for the audit; all optional."""

    user: FilterText | None = None
    action: Deed | None = None
    before: Position | None = None  # of the last page's last entry
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE)] = 100


async def get_audit(request: Request) -> Response:
    """Who decided and commanded what, newest first: user action before limit."""
    history, query = get_services(request).history, parse_query(request.query_params, AuditQuery)
    return await respond_from_thread(
        lambda: {
            "entries": [
                asdict(entry)
                for entry in history.audit_entries(
                    limit=query.limit, before=query.before, user=query.user, action=query.action
                )
            ]
        }
    )


async def get_users(request: Request) -> Response:
    """Users and programs with their roles, and how many sessions each user has."""
    return await respond_from_thread(_view_users, get_services(request).logins)


async def get_quarantine(request: Request) -> Response:
    """Robots beyond the bounds that wait to be admitted, and those of which that was decided."""
    history = get_services(request).history
    return await respond_from_thread(lambda: {"robots": [robot._asdict() for robot in history.quarantined()]})


async def post_decision(request: Request) -> Response:
    """POST to admit a robot, or to refuse it: its messages are stored from now on, or not."""
    names = request.path_params
    if names["decision"] not in ("admit", "refuse"):
        return respond_problem(404, "no such decision; known are admit, refuse")
    if not (is_id(names["site"]) and is_id(names["robot"])):
        return respond_problem(400, "no robot can have this name")
    return await respond_from_thread(_decide, get_services(request), person_of(request), names)


ROUTES = [
    Route("/api/audit", get_audit),
    Route("/api/users", get_users),
    Route("/api/quarantine", get_quarantine),
    Route("/api/quarantine/{site}/{robot}/{decision}", post_decision, methods=["POST"]),
]


def _decide(services: Services, person: Person, names: Mapping[str, str]) -> dict[str, str]:
    site, robot, decision = names["site"], names["robot"], names["decision"]
    services.audit.note(person, Deed.ADMIT, f"{site}/{robot}", outcome="asked", text=decision)
    services.history.decide_robot(site, robot, admit=decision == "admit", by=person.name)
    services.audit.note_done(person, Deed.ADMIT, f"{site}/{robot}", text=decision)
    return {"said": f"{site}/{robot}: {'admitted' if decision == 'admit' else 'refused'}"}


def _view_users(logins: Logins) -> dict[str, Any]:
    return {
        "users": [
            {
                "name": user.name,
                "role": user.role,
                "has_password": bool(user.password),
                "changed_at": user.changed_at,
                "sessions": logins.count_sessions(user.name),
            }
            for user in logins.directory.users()
        ],
        "tokens": [
            {"name": token.name, "role": token.role, "changed_at": token.changed_at}
            for token in logins.directory.tokens()
        ],
    }
