"""Handle GET requests of the JSON API, which the page uses and other programs may use.

The first line of each handler's docstring is its description in the answer to ``GET /api``.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from edge_node import __version__
from edge_node.control_room.history.record_proof.robot_proofs import read_proofs
from edge_node.control_room.history.records import FindingFilter
from edge_node.control_room.history.strip_cells import select_asset_strips
from edge_node.control_room.requests.client import client_of
from edge_node.control_room.web.access import person_of, validity_of
from edge_node.control_room.web.event_stream import TooManyBrowsersError
from edge_node.control_room.web.json import json_views as views
from edge_node.control_room.web.json.json_responses import (
    respond,
    respond_found,
    respond_from_thread,
    respond_problem,
)
from edge_node.control_room.web.json.query_parameters import (
    NOT_TOLD,
    FindingQuery,
    QueryError,
    ReviewQuery,
    StripQuery,
    VerdictQuery,
    parse_query,
)
from edge_node.control_room.web.routes import alerts as alerts_api
from edge_node.control_room.web.routes import commands as command_api
from edge_node.control_room.web.routes import defects as defect_api
from edge_node.control_room.web.routes import people as people_api
from edge_node.control_room.web.routes import reviews as review_api
from edge_node.control_room.web.services import get_services
from edge_node.messages.topics import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from starlette.requests import Request

    from edge_node.control_room.history.defects.defect_book import DefectBook
    from edge_node.control_room.history.history import History
    from edge_node.control_room.history.records import StoredPicture
    from edge_node.control_room.people.roles import Person
    from edge_node.control_room.web.event_stream import BrowserQueue, EventBroadcaster
    from edge_node.control_room.web.services import Services

_NEWEST = 60  # verdicts in the page's live list
_FINDINGS = 200
_GAPS = 100
_VERDICTS_OF_FINDING = 200
_REVIEWS = 20


async def get_state(request: Request) -> Response:
    """All that the page shows when it opens: robots, findings, newest verdicts, gaps, link, bounds."""
    return await respond_from_thread(_view_state, get_services(request), person_of(request))


async def get_events(request: Request) -> Response:
    """Server-sent events: `news` with what changed, `resync` when the page must load all again."""
    events = get_services(request).events
    try:
        browser = events.subscribe(client_of(request), validity_of(request))
    except TooManyBrowsersError as err:
        return respond_problem(429, str(err), {"Retry-After": "10"})
    return StreamingResponse(
        _stream(events, browser),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def get_robots(request: Request) -> Response:
    """Robots: last status and health, counts of verdicts, duplicates, missing."""
    history = get_services(request).history
    return await respond_from_thread(
        lambda: {"robots": [views.robot_view(record) for record in history.robots()]}
    )


async def get_verdicts(request: Request) -> Response:
    """Verdicts by filters, newest first: site robot asset outcome material form severity since until ..."""
    query = parse_query(request.query_params, VerdictQuery)
    return await respond_from_thread(_view_verdicts, get_services(request).history, query)


async def get_verdict(request: Request) -> Response:
    """One verdict as the robot sent it, with its reviews."""
    history = get_services(request).history
    view = await run_in_threadpool(_view_verdict, history, request.path_params["id"])
    return respond_found(view, "no such verdict")


async def get_findings(request: Request) -> Response:
    """Findings by filters, open ones first, each with the newest review."""
    history, query = get_services(request).history, parse_query(request.query_params, FindingQuery)
    return await respond_from_thread(
        lambda: {
            "findings": [
                views.finding_view(record) for record in history.findings(query.filter(), limit=query.limit)
            ]
        }
    )


async def get_finding(request: Request) -> Response:
    """One finding with its verdicts, reviews and best verdict."""
    history, names = get_services(request).history, request.path_params
    book = defect_api.open_book(request)
    view = await run_in_threadpool(_view_finding, history, book, names["site"], names["id"])
    return respond_found(view, "no such finding")


async def get_queue(request: Request) -> Response:
    """Pictures to review, by what teaches most or by severity: order site robot reason reviewed ..."""
    services = get_services(request)
    query = parse_query(request.query_params, ReviewQuery)
    return await respond_from_thread(_view_queue, services.history, query, services.settings.room.severities)


async def get_strip(request: Request) -> Response:
    """Strip charts: verdicts along the pose, or over time, added up; by_asset=true: one for each asset."""
    history, query = get_services(request).history, parse_query(request.query_params, StripQuery)
    view = _view_asset_strips if query.by_asset else _view_strip
    return await respond_from_thread(view, history, query)


async def get_gaps(request: Request) -> Response:
    """Numbers of verdicts that are missing, the newest first."""
    history = get_services(request).history
    return await respond_from_thread(lambda: {"gaps": history.gaps(limit=_GAPS)})


async def get_record(request: Request) -> Response:
    """Up to which number the record of each robot is proved, and what contradicts it."""
    history = get_services(request).history
    return await respond_from_thread(
        lambda: {"robots": [views.proof_view(found) for found in read_proofs(history.database)]}
    )


async def get_conflicts(request: Request) -> Response:
    """Verdicts that came with an id that another verdict had, the newest first."""
    history = get_services(request).history
    return await respond_from_thread(
        lambda: {"conflicts": [views.conflict_view(found) for found in history.conflicts()]}
    )


async def get_words(request: Request) -> Response:
    """Values of asset, material, form and severity in verdicts: for lists to choose from."""
    history = get_services(request).history
    names = ("asset", "material", "form", "severity")
    return await respond_from_thread(lambda: {name: history.words(name) for name in names})


async def get_picture(request: Request) -> Response:
    """A picture by its hash, JPEG: the full one if it came, else the thumbnail (?size=thumbnail).

    With ``?absent=ok`` one that has not come is an answer without content: browsers count 404 as an error.
    """
    picture = await _find_picture(request)
    if picture is None:
        return _respond_absent(request, "no such picture; it may still be on its way")
    # A full picture may come under the same address: its outline would lie over the kept thumbnail.
    may_change = picture.is_thumbnail and request.query_params.get("size") != "thumbnail"
    return Response(
        picture.content,
        media_type="image/jpeg",
        headers={
            "Cache-Control": "private, no-cache" if may_change else "private, max-age=86400",
            "X-Picture-Size": "thumbnail" if picture.is_thumbnail else "full",
        },
    )


async def get_marking(request: Request) -> Response:
    """The corrosion map that a full picture carries, row by row, 0 to 1; null if it carries none."""
    picture = await _find_picture(request)
    if picture is None:
        return _respond_absent(request, "no such picture")
    return respond(views.marking_view(picture))


async def get_usage(request: Request) -> Response:
    """Size of the history, and counts of messages that could not be read, by reason."""
    history = get_services(request).history
    return await respond_from_thread(lambda: {"usage": history.usage(), "refused": history.refused()})


async def get_index(request: Request) -> Response:
    """This list."""
    return respond(
        {
            route.path: (route.endpoint.__doc__ or "").strip().splitlines()[0]
            for route in request.app.routes
            if isinstance(route, Route) and route.path.startswith("/api")
        }
    )


ROUTES = [
    Route("/api", get_index),
    Route("/api/state", get_state),
    Route("/api/events", get_events),
    Route("/api/robots", get_robots),
    Route("/api/verdicts", get_verdicts),
    Route("/api/verdicts/{id}", get_verdict),
    Route("/api/findings", get_findings),
    Route("/api/findings/{site}/{id}", get_finding),
    Route("/api/queue", get_queue),
    Route("/api/strip", get_strip),
    Route("/api/gaps", get_gaps),
    Route("/api/conflicts", get_conflicts),
    Route("/api/record", get_record),
    Route("/api/words", get_words),
    Route("/api/pictures/{site}/{robot}/{sha256}", get_picture),
    Route("/api/markings/{site}/{robot}/{sha256}", get_marking),
    *defect_api.ROUTES,
    *review_api.ROUTES,
    *command_api.ROUTES,
    *people_api.ROUTES,
    *alerts_api.ROUTES,
    Route("/api/usage", get_usage),
]


def _view_state(services: Services, person: Person) -> dict[str, Any]:
    history, settings = services.history, services.settings
    open_findings = history.findings(FindingFilter(is_open=True), limit=_FINDINGS)
    closed = history.findings(FindingFilter(is_open=False), limit=_FINDINGS)
    return {
        "title": settings.room.title,
        "version": __version__,
        "now": datetime.now(timezone.utc),
        "severities": settings.room.severities,
        **views.person_view(person, can_send=services.reviews is not None),
        "link": views.link_view(services.ingest.link),
        "listens_to": f"{ROOT}/{settings.room.site or '+'}/+/# at {settings.broker}",
        "robots": [views.robot_view(record) for record in history.robots()],
        "findings": [views.finding_view(record) for record in open_findings + closed],
        "verdicts": [views.record_row(record) for record in history.newest(_NEWEST)],
        "gaps": history.gaps(limit=_GAPS),
        "usage": history.usage(),
        "refused": history.refused(),
    }


def _view_verdicts(history: History, query: VerdictQuery) -> dict[str, Any]:
    after = history.verdict(query.after) if query.after else None
    if query.after and after is None:
        raise QueryError(f"after = {query.after}: no such verdict")
    only = query.filter()
    records = history.verdicts(only, limit=query.limit, after=after, oldest_first=query.oldest_first)
    return {
        "total": history.count_verdicts(only),
        "verdicts": [views.record_row(record) for record in records],
    }


def _view_strip(history: History, query: StripQuery) -> dict[str, Any]:
    cells = history.strip(query.filter(), cells=query.cells, by_time=query.by_time)
    view = {"cells": views.strip_view(cells), "by_time": query.by_time}
    each = _view_asset_strips(history, query)
    return {**view, **each} if each["total"] > 1 else view  # one alone would be the same again


def _view_asset_strips(history: History, query: StripQuery) -> dict[str, Any]:
    strips, total = select_asset_strips(
        history.database,
        query.filter(),
        query.cells,
        by_time=query.by_time,
        robots=query.named_robots(),
        most=query.most,
    )
    return {"strips": [views.asset_strip_view(strip) for strip in strips], "total": total}


def _view_queue(history: History, query: ReviewQuery, severities: Sequence[str]) -> dict[str, Any]:
    if query.after and history.verdict(query.after) is None:
        raise QueryError(f"after = {query.after}: no such verdict")
    only = query.filter(severities)
    counts = history.count_queue(replace(only, reason=None, worst_first=None))
    return {
        "counts": {reason or NOT_TOLD: count for reason, count in counts.items()},
        "pictures": [
            views.queued_view(found) for found in history.queue(only, limit=query.limit, after=query.after)
        ],
    }


def _view_finding(history: History, book: DefectBook, site: str, finding_id: str) -> dict[str, Any] | None:
    record = history.finding(finding_id, site=site)
    if record is None:
        return None
    best = history.verdict(record.finding.best_verdict)
    verdicts = history.verdicts_of(record.finding, limit=_VERDICTS_OF_FINDING)
    return {
        **views.finding_view(record),
        "defect": defect_api.name_defect(book, site, finding_id),
        "best": None if best is None else views.verdict_view(best),
        "verdicts": [views.record_row(verdict) for verdict in verdicts],
        "reviews": _view_reviews(history, site, finding_id),
    }


def _view_verdict(history: History, verdict_id: str) -> dict[str, Any] | None:
    record = history.verdict(verdict_id)
    if record is None:
        return None
    queued = history.queued(verdict_id)
    return {
        **views.verdict_view(record),
        "queued": None if queued is None else views.queued_view(queued),
        "reviews": _view_reviews(history, record.verdict.site, verdict_id),
    }


def _view_reviews(history: History, site: str, subject: str) -> list[dict[str, Any]]:
    """Return the reviews of a finding or a verdict, newest first."""
    reviews = history.reviews(finding_id=subject, limit=_REVIEWS)
    return [views.review_view(review) for review in reviews if review.site == site]


def _respond_absent(request: Request, problem: str) -> Response:
    if request.query_params.get("absent") == "ok":
        return Response(status_code=204, headers={"Cache-Control": "no-store"})
    return respond_problem(404, problem)


async def _find_picture(request: Request) -> StoredPicture | None:
    names = request.path_params
    return await run_in_threadpool(
        get_services(request).history.picture,
        names["site"],
        names["robot"],
        names["sha256"],
        full=request.query_params.get("size") != "thumbnail",
    )


async def _stream(events: EventBroadcaster, browser: BrowserQueue) -> AsyncIterator[bytes]:
    try:
        async for event in browser.stream():
            yield event
    except asyncio.CancelledError:
        pass  # the page was closed
    finally:
        events.unsubscribe(browser)
