"""The JSON API: what the page reads, and any other program may.

Each handler's first line is what ``GET /api`` says of it. Queries of the history run in threads: they take
milliseconds, which is long for a loop that feeds browsers.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from edge_node import __version__
from edge_node.control_room.history.records import FindingFilter
from edge_node.control_room.robots.review_service import DeskError, PostedReview
from edge_node.control_room.web import json_views as views
from edge_node.control_room.web.event_stream import TooManyBrowsersError
from edge_node.control_room.web.query_parameters import (
    AskingError,
    FindingQuestion,
    StripQuestion,
    VerdictQuestion,
    parse_query,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request

    from edge_node.control_room.history.history import History
    from edge_node.control_room.history.records import StoredReview
    from edge_node.control_room.ingest.ingest import Ingest
    from edge_node.control_room.robots.review_service import ReviewService
    from edge_node.control_room.settings import RoomSettings
    from edge_node.control_room.web.event_stream import Browser, Hub

_NEWEST = 60  # verdicts that the page shows as they come
_FINDINGS = 200
_GAPS = 100
_VERDICTS_OF_FINDING = 200
_REVIEWS = 20
_MAX_BODY_BYTES = 8192


@dataclass(frozen=True, slots=True)
class Room:
    """What the handlers work with."""

    settings: RoomSettings
    history: History
    hub: Hub
    ingest: Ingest
    desk: ReviewService | None = None


async def state(request: Request) -> Response:
    """All that the page shows when it opens: robots, findings, newest verdicts, gaps, link, bounds."""
    return await _json(_state, _room(request))


async def events(request: Request) -> Response:
    """Server-sent events: `news` with what changed, `resync` when all is to be loaded anew."""
    hub = _room(request).hub
    try:
        browser = hub.enter()
    except TooManyBrowsersError:
        return _problem(503, "too many pages are open")
    return StreamingResponse(
        _stream(hub, browser),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def robots(request: Request) -> Response:
    """Robots: status and health as they said them last, counts of verdicts, duplicates, missing."""
    history = _room(request).history
    return await _json(lambda: {"robots": [views.robot_view(record) for record in history.robots()]})


async def verdicts(request: Request) -> Response:
    """Verdicts by filters, newest first: site robot asset outcome material form severity since until ..."""
    return await _json(_verdicts, _room(request), parse_query(request.query_params, VerdictQuestion))


async def verdict(request: Request) -> Response:
    """One verdict as the robot sent it, with its reviews."""
    found = await run_in_threadpool(_verdict, _room(request), request.path_params["id"])
    return _found(found, "no such verdict")


async def findings(request: Request) -> Response:
    """Findings by filters, open ones first, each with the newest review."""
    history, question = _room(request).history, parse_query(request.query_params, FindingQuestion)
    return await _json(
        lambda: {
            "findings": [
                views.finding_view(record)
                for record in history.findings(question.filter(), limit=question.limit)
            ]
        }
    )


async def finding(request: Request) -> Response:
    """One finding with its verdicts, reviews and best verdict."""
    found = await run_in_threadpool(
        _finding, _room(request), request.path_params["site"], request.path_params["id"]
    )
    return _found(found, "no such finding")


async def strip(request: Request) -> Response:
    """A strip chart: verdicts along the pose, or over time, added up; the same filters as verdicts."""
    history, question = _room(request).history, parse_query(request.query_params, StripQuestion)
    return await _json(
        lambda: {
            "cells": views.strip_view(
                history.strip(question.filter(), cells=question.cells, by_time=question.by_time)
            ),
            "by_time": question.by_time,
        }
    )


async def gaps(request: Request) -> Response:
    """Numbers of verdicts that are missing, the newest first."""
    history = _room(request).history
    return await _json(lambda: {"gaps": history.gaps(limit=_GAPS)})


async def words(request: Request) -> Response:
    """What verdicts say for asset, material, form and severity: for lists to choose from."""
    history = _room(request).history
    names = ("asset", "material", "form", "severity")
    return await _json(lambda: {name: history.words(name) for name in names})


async def picture(request: Request) -> Response:
    """A picture by its hash, JPEG: the full one if it came, else the thumbnail (?size=thumbnail)."""
    found = await _picture(request)
    if found is None:
        return _problem(404, "no such picture; it may still be on its way")
    return Response(
        found.content,
        media_type="image/jpeg",
        headers={
            "Cache-Control": "private, max-age=60" if found.is_thumbnail else "private, max-age=86400",
            "X-Picture-Size": "thumbnail" if found.is_thumbnail else "full",
        },
    )


async def marking(request: Request) -> Response:
    """The corrosion map that a full picture carries, row by row, 0 to 1."""
    found = await _picture(request)
    return _found(None if found is None else views.marking_view(found), "no map with this picture")


async def usage(request: Request) -> Response:
    """How large the history is, and the messages that could not be read, by reason."""
    history = _room(request).history
    return await _json(lambda: {"usage": history.usage(), "refused": history.refused()})


async def review(request: Request) -> Response:
    """POST what a person says of a finding: judgement, by, note, and the labels that are right."""
    names = request.path_params
    return await _reviewed(
        request, lambda desk, answer: desk.review_finding(names["site"], names["id"], answer)
    )


async def review_verdict(request: Request) -> Response:
    """POST what a person says of one verdict, in the same words."""
    return await _reviewed(
        request, lambda desk, answer: desk.review_verdict(request.path_params["id"], answer)
    )


async def ask_picture(request: Request) -> Response:
    """POST to ask the robot for the full picture; it comes when the link allows."""
    room, names = _room(request), request.path_params
    if room.desk is None:
        return _problem(403, "[commands] enabled = false: this control room only looks")
    try:
        said = await run_in_threadpool(room.desk.ask_picture, names["site"], names["robot"], names["sha256"])
    except DeskError as err:
        return _problem(409, str(err))
    return Response(views.as_json({"said": said}), 202, media_type="application/json")


async def index(request: Request) -> Response:
    """This list."""
    return Response(
        views.as_json(
            {
                route.path: (route.endpoint.__doc__ or "").strip().splitlines()[0]
                for route in request.app.routes
                if isinstance(route, Route) and route.path.startswith("/api")
            }
        ),
        media_type="application/json",
    )


ROUTES = [
    Route("/api", index),
    Route("/api/state", state),
    Route("/api/events", events),
    Route("/api/robots", robots),
    Route("/api/verdicts", verdicts),
    Route("/api/verdicts/{id}", verdict),
    Route("/api/verdicts/{id}/review", review_verdict, methods=["POST"]),
    Route("/api/findings", findings),
    Route("/api/findings/{site}/{id}", finding),
    Route("/api/findings/{site}/{id}/review", review, methods=["POST"]),
    Route("/api/strip", strip),
    Route("/api/gaps", gaps),
    Route("/api/words", words),
    Route("/api/pictures/{site}/{robot}/{sha256}", picture),
    Route("/api/markings/{site}/{robot}/{sha256}", marking),
    Route("/api/pictures/{site}/{robot}/{sha256}/ask", ask_picture, methods=["POST"]),
    Route("/api/usage", usage),
]


async def body_of(request: Request) -> bytes:
    """Return what was posted; nothing where it is too large."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            return b""
    return body


def refused_question(_request: Request, err: Exception) -> Response:
    """Answer a query that cannot be answered."""
    return _problem(400, str(err))


def broken_history(_request: Request, err: Exception) -> Response:
    """Answer while the history cannot be read."""
    return _problem(503, str(err))


def _state(room: Room) -> dict[str, Any]:
    history = room.history
    open_findings = history.findings(FindingFilter(is_open=True), limit=_FINDINGS)
    closed = history.findings(FindingFilter(is_open=False), limit=_FINDINGS)
    return {
        "title": room.settings.room.title,
        "version": __version__,
        "now": datetime.now(timezone.utc),
        "severities": room.settings.room.severities,
        "can": {"review": room.desk is not None},
        "logins": room.settings.web.token_file is not None,
        "link": views.link_view(room.ingest.link),
        "robots": [views.robot_view(record) for record in history.robots()],
        "findings": [views.finding_view(record) for record in open_findings + closed],
        "verdicts": [views.record_line(record) for record in history.newest(_NEWEST)],
        "gaps": history.gaps(limit=_GAPS),
        "usage": history.usage(),
        "refused": history.refused(),
    }


def _verdicts(room: Room, question: VerdictQuestion) -> dict[str, Any]:
    history = room.history
    after = history.verdict(question.after) if question.after else None
    if question.after and after is None:
        raise AskingError(f"after = {question.after}: no such verdict")
    only = question.filter()
    found = history.verdicts(only, limit=question.limit, after=after, oldest_first=question.oldest_first)
    return {
        "total": history.count_verdicts(only),
        "verdicts": [views.record_line(record) for record in found],
    }


def _finding(room: Room, site: str, finding_id: str) -> dict[str, Any] | None:
    history = room.history
    record = history.finding(finding_id, site=site)
    if record is None:
        return None
    best = history.verdict(record.finding.best_verdict)
    return {
        **views.finding_view(record),
        "best": None if best is None else views.verdict_whole(best),
        "verdicts": [
            views.record_line(one) for one in history.verdicts_of(record.finding, limit=_VERDICTS_OF_FINDING)
        ],
        "reviews": _reviews(history, site, finding_id),
    }


def _verdict(room: Room, verdict_id: str) -> dict[str, Any] | None:
    record = room.history.verdict(verdict_id)
    if record is None:
        return None
    return {**views.verdict_whole(record), "reviews": _reviews(room.history, record.verdict.site, verdict_id)}


def _reviews(history: History, site: str, subject: str) -> list[dict[str, Any]]:
    """Return what people said of a finding or a verdict, newest first."""
    said = history.reviews(finding_id=subject, limit=_REVIEWS)
    return [views.review_view(one) for one in said if one.site == site]


async def _reviewed(
    request: Request, keep: Callable[[ReviewService, PostedReview], StoredReview]
) -> Response:
    desk = _room(request).desk
    if desk is None:
        return _problem(403, "[commands] enabled = false: this control room only looks")
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        return _problem(415, "wanted application/json")
    try:
        answer = msgspec.json.decode(await body_of(request), type=PostedReview)
    except (msgspec.DecodeError, ValueError, RecursionError) as err:
        return _problem(400, str(err).replace("`", ""))
    try:
        said = await run_in_threadpool(keep, desk, answer)
    except DeskError as err:
        return _problem(409, str(err))
    return Response(views.as_json(views.review_view(said)), 202, media_type="application/json")


async def _picture(request: Request) -> Any:
    names = request.path_params
    return await run_in_threadpool(
        _room(request).history.picture,
        names["site"],
        names["robot"],
        names["sha256"],
        full=request.query_params.get("size") != "thumbnail",
    )


async def _stream(hub: Hub, browser: Browser) -> AsyncIterator[bytes]:
    try:
        async for event in browser.stream():
            yield event
    except asyncio.CancelledError:
        pass  # the page was closed
    finally:
        hub.leave(browser)


async def _json(ask: Callable[..., Any], *arguments: Any) -> Response:
    content = await run_in_threadpool(lambda: views.as_json(ask(*arguments)))
    return Response(content, media_type="application/json")


def _found(view: object | None, otherwise: str) -> Response:
    if view is None:
        return _problem(404, otherwise)
    return Response(views.as_json(view), media_type="application/json")


def _problem(code: int, text: str) -> Response:
    return Response(views.as_json({"problem": text}), code, media_type="application/json")


def _room(request: Request) -> Room:
    room: Room = request.app.state.room
    return room
