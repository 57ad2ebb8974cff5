"""Tell service managers and orchestrators how the control room is.

``/livez`` says whether the process can go on by itself, ``/readyz`` whether messages arrive, are stored and
can be read, with the reasons why not; ``/healthz`` is the same without the link to the broker, in one line.
None needs a login: they say nothing about robots, and their answer is kept for a moment, so that asking
often costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from edge_node.control_room.web.json.json_responses import respond
from edge_node.control_room.web.services import get_probed

if TYPE_CHECKING:
    from starlette.requests import Request


async def get_livez(request: Request) -> Response:
    """Say whether the process can go on; if not, only a new start helps."""
    if not get_probed(request).ingest.is_alive:
        return PlainTextResponse("the ingest has ended\n", 503)
    return PlainTextResponse("ok\n")


async def get_readyz(request: Request) -> Response:
    """Say whether messages are received, stored and can be read; if not, why."""
    services = get_probed(request)
    found = await services.readiness.find_problems(services.ingest)
    return respond({"ready": not found, "problems": found}, 503 if found else 200)


async def get_healthz(request: Request) -> Response:
    """Say in one line whether messages can be stored and read; the broker may be away."""
    services = get_probed(request)
    found = await services.readiness.find_problems(services.ingest)
    for problem in found:
        if problem.part != "broker":
            return PlainTextResponse(f"{problem.part}: {problem.text}\n", 503)
    return PlainTextResponse("ok\n")


ROUTES = [Route("/livez", get_livez), Route("/readyz", get_readyz), Route("/healthz", get_healthz)]
