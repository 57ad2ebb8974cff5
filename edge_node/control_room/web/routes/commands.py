"""Handle POST requests of the JSON API that command robots; each is in the audit before it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from edge_node.control_room.history.audit import Deed
from edge_node.control_room.robots.review_service import RequestRefusedError
from edge_node.control_room.web.access import person_of
from edge_node.control_room.web.json.json_responses import read_body, respond, respond_problem
from edge_node.control_room.web.services import get_services
from edge_node.messages.command import Verb

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from edge_node.control_room.people.roles import Person
    from edge_node.control_room.web.services import Services

DISABLED: Final = "[commands] enabled = false: this control room only looks"
# Reviews have addresses of their own; a bundle is sent by `edge-node bundle send`.
_VERBS: Final = (Verb.PING, Verb.PAUSE, Verb.RESUME, Verb.SNAPSHOT, Verb.EVIDENCE, Verb.RELOAD)


async def post_picture_request(request: Request) -> Response:
    """POST to ask the robot for the full picture; it comes when the link allows."""
    return await _send(request, Verb.EVIDENCE, {"sha256": request.path_params["sha256"]})


async def post_command(request: Request) -> Response:
    """POST a command to a robot, its fields as JSON: ping pause resume snapshot evidence reload."""
    given = request.path_params["verb"]
    verb = next((verb for verb in _VERBS if verb.value == given), None)
    if verb is None:
        return respond_problem(404, f"no such command; known are {', '.join(one.value for one in _VERBS)}")
    try:
        values = msgspec.json.decode(await read_body(request) or b"{}", type=dict[str, Any])
    except (msgspec.DecodeError, ValueError, RecursionError):
        return respond_problem(400, "wanted the command's fields as a JSON object, or nothing")
    return await _send(request, verb, values)


ROUTES = [
    Route("/api/pictures/{site}/{robot}/{sha256}/ask", post_picture_request, methods=["POST"]),
    Route("/api/robots/{site}/{robot}/commands/{verb}", post_command, methods=["POST"]),
]


async def _send(request: Request, verb: Verb, values: dict[str, Any]) -> Response:
    services, names = get_services(request), request.path_params
    if services.reviews is None:
        return respond_problem(403, DISABLED)
    try:
        said = await run_in_threadpool(
            _send_audited, services, person_of(request), (names["site"], names["robot"]), verb, values
        )
    except RequestRefusedError as err:
        return respond_problem(409, str(err))
    return respond({"said": said}, 202)


def _send_audited(
    services: Services, person: Person, robot: tuple[str, str], verb: Verb, values: dict[str, Any]
) -> str:
    assert services.reviews is not None  # noqa: S101  the caller has looked
    subject = "/".join(robot)
    if not any((one.site, one.robot) == robot for one in services.history.robots()):
        raise RequestRefusedError(f"no such robot: {subject}")
    services.audit.note(person, Deed.COMMAND, subject, outcome="asked", text=verb.value)
    try:
        said = services.reviews.send_command(*robot, verb, values)
    except RequestRefusedError as err:
        services.audit.note_done(
            person, Deed.COMMAND, subject, outcome="refused", text=f"{verb.value}: {err}"
        )
        raise
    services.audit.note_done(person, Deed.COMMAND, subject, text=said)
    return said
