"""Handle requests that command robots, each in the audit before it is sent, and tell what came of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from edge_node.control_room.deeds import Deed
from edge_node.control_room.robots.bundle_shelf import MAX_UPLOAD_BYTES
from edge_node.control_room.robots.review_service import RequestRefusedError
from edge_node.control_room.web.access import person_of
from edge_node.control_room.web.json.json_responses import (
    read_body,
    read_json,
    respond,
    respond_from_thread,
    respond_problem,
)
from edge_node.control_room.web.json.query_parameters import FilterText, parse_query
from edge_node.control_room.web.services import get_services
from edge_node.errors import UpdateError
from edge_node.messages.command import Verb

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from edge_node.control_room.history.commands.command_log import SentCommand
    from edge_node.control_room.people.roles import Person
    from edge_node.control_room.robots.bundle_shelf import BundleShelf, ShelvedBundle
    from edge_node.control_room.robots.command_desk import CommandDesk
    from edge_node.control_room.robots.update_desk import UpdateDesk
    from edge_node.control_room.web.services import Services

DISABLED: Final = "[commands] enabled = false: this control room only looks"
# Reviews and updates have addresses of their own.
_VERBS: Final = (Verb.PING, Verb.PAUSE, Verb.RESUME, Verb.SNAPSHOT, Verb.EVIDENCE, Verb.RELOAD)


class CommandQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query parameters for commands: of one robot, or of all."""

    site: FilterText | None = None
    robot: FilterText | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 20


class PostedUpdate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The bundle that a robot is to get, as ``/api/bundles`` names it."""

    file: Annotated[str, msgspec.Meta(min_length=1, max_length=300)]


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


async def get_commands(request: Request) -> Response:
    """Commands that people sent from the page, newest first, and what came of each."""
    query, desk = parse_query(request.query_params, CommandQuery), get_services(request).commands
    if desk is None:
        return respond({"commands": []})
    return await respond_from_thread(
        lambda: {"commands": desk.log.commands(query.site, query.robot, query.limit)}
    )


async def get_bundles(request: Request) -> Response:
    """Signed bundles that may be sent to robots: those of [commands] bundles_dir, and uploaded ones."""
    updates = get_services(request).updates
    if updates is None:
        return respond_problem(403, DISABLED)
    return await respond_from_thread(lambda: {"bundles": updates.shelf.bundles()})


async def post_bundle(request: Request) -> Response:
    """POST a signed bundle file of at most 256 MB; it is kept for updates, the newest eight are."""
    services, person = get_services(request), person_of(request)
    if services.updates is None:
        return respond_problem(403, DISABLED)
    try:
        kept = await _receive(request, services.updates.shelf)
    except UpdateError as err:
        return respond_problem(409, str(err))
    except OSError as err:
        return respond_problem(
            507, f"the bundle cannot be kept: {err.strerror or err}; make room, then send it again"
        )
    if kept is None:
        return respond_problem(413, f"wanted a bundle of at most {MAX_UPLOAD_BYTES // 2**20} MB")
    await run_in_threadpool(services.audit.note_done, person, Deed.BUNDLE, kept.label, text="uploaded")
    return respond({"bundle": kept}, 201)


async def post_update(request: Request) -> Response:
    """POST the name of a bundle to send it to a robot: it fetches it, tries it, keeps it or rolls back."""
    services = get_services(request)
    if services.updates is None:
        return respond_problem(403, DISABLED)
    posted = await read_json(request, PostedUpdate)
    names = request.path_params
    try:
        sent = await run_in_threadpool(
            _update_audited,
            services,
            services.updates,
            person_of(request),
            (names["site"], names["robot"]),
            posted.file,
        )
    except RequestRefusedError as err:
        return respond_problem(409, str(err))
    return respond({"said": f"{sent.detail} is offered to {sent.site}/{sent.robot}", "command": sent}, 202)


ROUTES = [
    Route("/api/commands", get_commands),
    Route("/api/bundles", get_bundles),
    Route("/api/bundles", post_bundle, methods=["POST"]),
    Route("/api/pictures/{site}/{robot}/{sha256}/ask", post_picture_request, methods=["POST"]),
    Route("/api/robots/{site}/{robot}/commands/{verb}", post_command, methods=["POST"]),
    Route("/api/robots/{site}/{robot}/update", post_update, methods=["POST"]),
]


async def _receive(request: Request, shelf: BundleShelf) -> ShelvedBundle | None:
    """Keep the bundle that comes; return None if it is too large."""
    with shelf.receive() as part:
        taken = 0
        async for chunk in request.stream():
            taken += len(chunk)
            if taken > MAX_UPLOAD_BYTES:
                return None
            await run_in_threadpool(part.write, chunk)
        return await run_in_threadpool(shelf.keep, part)


async def _send(request: Request, verb: Verb, values: dict[str, Any]) -> Response:
    services, names = get_services(request), request.path_params
    if services.commands is None:
        return respond_problem(403, DISABLED)
    robot = names["site"], names["robot"]
    try:
        sent, said = await run_in_threadpool(
            _send_audited, services, services.commands, person_of(request), robot, verb, values
        )
    except RequestRefusedError as err:
        return respond_problem(409, str(err))
    return respond({"said": said, "command": sent}, 202)


def _send_audited(  # noqa: PLR0913, PLR0917  run in a thread, which takes no names
    services: Services,
    desk: CommandDesk,
    person: Person,
    robot: tuple[str, str],
    verb: Verb,
    values: dict[str, Any],
) -> tuple[SentCommand, str]:
    subject = _subject(services, robot)
    services.audit.note(person, Deed.COMMAND, subject, outcome="asked", text=verb.value)
    try:
        sent, said = desk.send(*robot, verb, values, by=person.name)
    except RequestRefusedError as err:
        services.audit.note_done(
            person, Deed.COMMAND, subject, outcome="refused", text=f"{verb.value}: {err}"
        )
        raise
    services.audit.note_done(person, Deed.COMMAND, subject, text=said)
    return sent, said


def _update_audited(
    services: Services, updates: UpdateDesk, person: Person, robot: tuple[str, str], file: str
) -> SentCommand:
    subject = _subject(services, robot)
    services.audit.note(person, Deed.BUNDLE, subject, outcome="asked", text=file)

    def note_end(sent: SentCommand) -> None:
        text = f"{sent.detail}: {sent.text}"
        services.audit.note_done(person, Deed.BUNDLE, subject, outcome=sent.state.value, text=text)

    try:
        return updates.start(*robot, file, by=person.name, on_ended=note_end)
    except RequestRefusedError as err:
        services.audit.note_done(person, Deed.BUNDLE, subject, outcome="refused", text=f"{file}: {err}")
        raise


def _subject(services: Services, robot: tuple[str, str]) -> str:
    """Return a robot's name for the audit; only known ones come into it."""
    subject = "/".join(robot)
    if not any((one.site, one.robot) == robot for one in services.history.robots()):
        raise RequestRefusedError(f"no such robot: {subject}")
    return subject
