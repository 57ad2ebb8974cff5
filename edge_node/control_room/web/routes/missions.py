"""Handle requests for missions: the list of them, their names, two of them side by side."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from edge_node.control_room.comparison.changes_json import comparison_view, mission_view
from edge_node.control_room.deeds import Deed
from edge_node.control_room.history.database import to_us
from edge_node.control_room.history.missions.mission_names import MAX_NAME_LENGTH, set_name
from edge_node.control_room.long_work.job_order import CompareQuery, JobKind, PostedJob
from edge_node.control_room.long_work.report_work import collect_comparison
from edge_node.control_room.web.access import person_of, sign_name
from edge_node.control_room.web.json.json_responses import (
    read_json,
    require_json,
    respond,
    respond_from_thread,
    respond_problem,
)
from edge_node.control_room.web.json.query_parameters import FilterText, parse_query
from edge_node.control_room.web.routes.downloads import make_and_send
from edge_node.control_room.web.services import get_services
from edge_node.errors import CorrosionError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from edge_node.control_room.history.missions.mission import AssetMission
    from edge_node.control_room.history.missions.mission_book import MissionBook
    from edge_node.control_room.people.roles import Person
    from edge_node.control_room.web.services import Services


class MissionQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query parameters for missions: filters, all optional."""

    site: FilterText | None = None
    robot: FilterText | None = None
    asset: FilterText | None = None


class PostedName(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The name that a person gives to a mission; an empty one takes it away."""

    name: Annotated[str, msgspec.Meta(max_length=MAX_NAME_LENGTH)]
    by: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None


async def get_missions(request: Request) -> Response:
    """Missions, the newest first: passes of one robot over one asset; site robot asset."""
    book, query = _book(request), parse_query(request.query_params, MissionQuery)
    return await respond_from_thread(lambda: {"missions": _view_missions(book, query)})


async def get_comparison(request: Request) -> Response:
    """Two missions side by side, what changed by defect: site later earlier (the one before if not given)."""
    query = parse_query(request.query_params, CompareQuery)
    services, book = get_services(request), _book(request)
    try:
        return await respond_from_thread(
            lambda: comparison_view(
                collect_comparison(services.history, book, query, services.settings.room.severities)
            )
        )
    except CorrosionError as err:
        return respond_problem(404, str(err))


async def get_comparison_file(request: Request) -> Response:
    """The same as a file: pdf, csv or json."""
    query, kind = parse_query(request.query_params, CompareQuery), request.path_params["kind"]
    if kind not in ("pdf", "csv", "json"):
        return respond_problem(404, "wanted compare.pdf, compare.csv or compare.json")
    return await make_and_send(request, PostedJob(kind=JobKind(kind), compare=query))


async def post_mission_name(request: Request) -> Response:
    """POST a name for a mission, or an empty one to take it away; by without a login."""
    require_json(request)
    posted = await read_json(request, PostedName)
    person, names = person_of(request), request.path_params
    by = sign_name(person, posted.by)
    book = _book(request)
    found = await run_in_threadpool(book.find, names["site"], names["id"])
    if found is None:
        return respond_problem(404, "no such mission")
    await run_in_threadpool(_set_name, get_services(request), person, found, posted.name.strip(), by)
    return respond({"name": posted.name.strip()})


ROUTES = [
    Route("/api/missions", get_missions),
    Route("/api/missions/{site}/{id}/name", post_mission_name, methods=["POST"]),
    Route("/api/compare", get_comparison),
    Route("/api/compare.{kind}", get_comparison_file),
]


def _book(request: Request) -> MissionBook:
    book: MissionBook = request.app.state.missions
    return book


def _view_missions(book: MissionBook, query: MissionQuery) -> list[dict[str, Any]]:
    found = book.missions(site=query.site, robot=query.robot, asset=query.asset)
    return [mission_view(one) for one in reversed(found)]


def _set_name(services: Services, person: Person, mission: AssetMission, name: str, by: str) -> None:
    set_name(services.history.database, mission, name, by, to_us(datetime.now(timezone.utc)))
    text = f"named {name!r} by {by}" if name else f"its name was taken away by {by}"
    services.audit.note_done(person, Deed.MISSION, f"{mission.site}/{mission.id}"[:200], text=text)
