"""Handle what people see and decide of defects: the findings of all passes at one place of one asset."""

from __future__ import annotations

from datetime import datetime  # msgspec resolves annotations at run time
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from edge_node.control_room.deeds import Deed
from edge_node.control_room.history.defects.deeds import MAX_NAME, MAX_NOTE, MAX_TOGETHER
from edge_node.control_room.history.defects.defect_book import DefectBook
from edge_node.control_room.history.defects.looks import offer_pairs
from edge_node.control_room.history.defects.records import DefectError, DefectFilter, DefectState
from edge_node.control_room.web.access import person_of, sign_name
from edge_node.control_room.web.json.defect_views import defect_view, drift_view, observation_view, pair_view
from edge_node.control_room.web.json.json_responses import (
    read_json,
    require_json,
    respond,
    respond_from_thread,
    respond_problem,
)
from edge_node.control_room.web.json.query_parameters import MAX_PAGE, FilterText, parse_query
from edge_node.control_room.web.services import get_services

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response


Body = TypeVar("Body", bound="Posted")
_MAX_KEY = 1 << 62
_Key = Annotated[int, msgspec.Meta(ge=1, le=_MAX_KEY)]
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class DefectQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query parameters for defects: filters, all optional."""

    site: FilterText | None = None
    asset: FilterText | None = None
    state: DefectState | None = None
    assignee: FilterText | None = None
    muted: bool | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE)] = 500


class PairQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query parameters for findings that look alike; without an asset, those of which none is told."""

    site: FilterText
    asset: FilterText | None = None


class NamedFinding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A finding as people name it."""

    site: _Id
    id: _Id


class Posted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person decides; ``by`` is the person's name where no login says it."""

    by: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)] | None = None


class Findings(Posted, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Findings to be joined, or to be parted from the others."""

    findings: Annotated[tuple[NamedFinding, ...], msgspec.Meta(min_length=1, max_length=MAX_TOGETHER)]

    @property
    def names(self) -> list[tuple[str, str]]:
        """Site and id of each."""
        return [(one.site, one.id) for one in self.findings]


class Others(Posted, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Defects to be joined into one."""

    others: Annotated[tuple[_Key, ...], msgspec.Meta(min_length=1, max_length=MAX_TOGETHER)]


class Name(Posted, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a defect is called from now on."""

    name: Annotated[str, msgspec.Meta(max_length=MAX_NAME)]


class Note(Posted, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person notes."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NOTE)]


class Assignee(Posted, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who looks after a defect; "" for nobody."""

    to: Annotated[str, msgspec.Meta(max_length=MAX_NAME)]


class Mute(Posted, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Until when a defect raises no alert; null ends that."""

    until: Annotated[datetime, msgspec.Meta(tz=True)] | None


class State(Posted, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The state that a person sets; null lets the computed one count."""

    state: DefectState | None


async def get_defects(request: Request) -> Response:
    """List defects by site, asset and place: site asset state assignee muted limit."""
    query, book = parse_query(request.query_params, DefectQuery), open_book(request)
    only = DefectFilter(query.site, query.asset, query.state, query.assignee, query.muted)
    return await respond_from_thread(
        lambda: {"defects": [defect_view(one) for one in book.defects(only, limit=query.limit)]}
    )


async def get_defect(request: Request) -> Response:
    """One defect with all that was seen of it, the drift of the passes there, and who decided what."""
    book, key = open_book(request), _read_key(request)
    found = None if key is None else await run_in_threadpool(_view_whole, book, key)
    return respond_problem(404, "no such defect") if found is None else respond(found)


async def get_pairs(request: Request) -> Response:
    """Findings of one asset without a place that look alike, most alike first: site asset."""
    query, database = parse_query(request.query_params, PairQuery), get_services(request).history.database
    return await respond_from_thread(
        lambda: {"pairs": [pair_view(one) for one in offer_pairs(database, query.site, query.asset)]}
    )


async def post_defect(request: Request) -> Response:
    """POST findings that are one place: they, and the defects that they belong to, become one."""
    return await _decide(
        request, Findings, lambda book, _key, posted, by: book.deeds.join_findings(posted.names, by), code=201
    )


async def post_join(request: Request) -> Response:
    """POST the keys of other defects that are this one."""
    return await _decide(
        request, Others, lambda book, key, posted, by: book.deeds.join(key, posted.others, by)
    )


async def post_part(request: Request) -> Response:
    """POST findings that are another defect than this one; responds with that one."""
    return await _decide(
        request, Findings, lambda book, key, posted, by: book.deeds.part(key, posted.names, by), code=201
    )


async def post_name(request: Request) -> Response:
    """POST what a defect is called."""
    return await _decide(request, Name, lambda book, key, posted, by: book.deeds.name(key, posted.name, by))


async def post_note(request: Request) -> Response:
    """POST a note."""
    return await _decide(request, Note, lambda book, key, posted, by: book.deeds.note(key, posted.text, by))


async def post_assignee(request: Request) -> Response:
    """POST who looks after a defect; one of the room's users, where it has any."""
    return await _decide(
        request, Assignee, lambda book, key, posted, by: book.deeds.assign(key, posted.to, by)
    )


async def post_mute(request: Request) -> Response:
    """POST until when a defect raises no alert."""
    return await _decide(request, Mute, lambda book, key, posted, by: book.deeds.mute(key, posted.until, by))


async def post_state(request: Request) -> Response:
    """POST the state that a person sets."""
    return await _decide(
        request,
        State,
        lambda book, key, posted, by: book.deeds.set_state(key, posted.state and posted.state.value, by),
    )


ROUTES = [
    Route("/api/defects", get_defects),
    Route("/api/defects", post_defect, methods=["POST"]),
    Route("/api/defects/pairs", get_pairs),
    Route("/api/defects/{key}", get_defect),
    Route("/api/defects/{key}/join", post_join, methods=["POST"]),
    Route("/api/defects/{key}/part", post_part, methods=["POST"]),
    Route("/api/defects/{key}/name", post_name, methods=["POST"]),
    Route("/api/defects/{key}/note", post_note, methods=["POST"]),
    Route("/api/defects/{key}/assign", post_assignee, methods=["POST"]),
    Route("/api/defects/{key}/mute", post_mute, methods=["POST"]),
    Route("/api/defects/{key}/state", post_state, methods=["POST"]),
]


def open_book(request: Request) -> DefectBook:
    """Return the defects of the room, whose configuration ranks severities."""
    services = get_services(request)
    return DefectBook(services.history.database, services.settings.room.severities)


def name_defect(book: DefectBook, site: str, finding_id: str) -> dict[str, Any] | None:
    """Return what the defect of a finding is called, and its state; None where it has none."""
    key = book.of_findings([(site, finding_id)]).get((site, finding_id))
    found = None if key is None else book.defect(key)
    if found is None:
        return None
    return {"key": found.key, "label": found.label, "name": found.name, "state": found.state}


async def _decide(
    request: Request,
    kind: type[Body],
    deed: Callable[[DefectBook, int, Body, str], int],
    *,
    code: int = 200,
) -> Response:
    """Do what a person decided, write it into the audit, and respond with the defect."""
    services, person = get_services(request), person_of(request)
    require_json(request)
    key = _read_key(request) if "key" in request.path_params else 0
    if key is None:
        return respond_problem(404, "no such defect")
    posted = await read_json(request, kind)
    by = sign_name(person, posted.by)
    book, action = open_book(request), request.url.path.rpartition("/")[2]
    subject, outcome, said = f"D{key}" if key else "", "done", action
    try:
        made = await run_in_threadpool(deed, book, key, posted, by)
        subject = subject or f"D{made}"
        found = await run_in_threadpool(book.defect, made)
    except DefectError as err:
        outcome, said = "refused", str(err)
        return respond_problem(409, said)
    else:
        services.events.send_defects([made])
        return respond(None if found is None else defect_view(found), code)
    finally:
        await run_in_threadpool(
            services.audit.note_done, person, Deed.DEFECT, subject, outcome=outcome, text=said
        )


def _view_whole(book: DefectBook, key: int) -> dict[str, Any] | None:
    found = book.defect(key)
    if found is None:
        return None
    drifts = [] if found.asset is None else book.drifts(found.site, found.asset)
    return {
        "defect": defect_view(found),
        "observations": [observation_view(one) for one in book.observations(found.key)],
        "log": book.log(found.key),
        "drifts": [drift_view(one) for one in drifts],
    }


def _read_key(request: Request) -> int | None:
    """Return the key in the path, as 12 or D12; None if no defect can have it."""
    text = str(request.path_params["key"]).removeprefix("D")
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        return None
    return int(text) or None
