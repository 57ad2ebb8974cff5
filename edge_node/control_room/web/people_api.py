"""Handle the API's requests for users and the audit, which admins see."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from starlette.routing import Route

from edge_node.control_room.history.records import Deed  # msgspec resolves annotations
from edge_node.control_room.web.json_responses import respond_from_thread
from edge_node.control_room.web.query_parameters import MAX_PAGE, FilterText, parse_query
from edge_node.control_room.web.services import get_services

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from edge_node.control_room.people.logins import Logins


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


ROUTES = [Route("/api/audit", get_audit), Route("/api/users", get_users)]


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
