"""Handle POST requests of the JSON API: reviews of findings and verdicts, requests for full pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from edge_node.control_room.robots.review_service import PostedReview, RequestRefusedError
from edge_node.control_room.web.json_responses import read_body, respond, respond_problem
from edge_node.control_room.web.json_views import review_view
from edge_node.control_room.web.services import get_services
from edge_node.validation import describe_invalid

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from edge_node.control_room.history.records import StoredReview
    from edge_node.control_room.robots.review_service import ReviewService

_DISABLED = "[commands] enabled = false: this control room only looks"


async def post_finding_review(request: Request) -> Response:
    """POST a person's review of a finding: judgement, by, note, and the labels that are right."""
    names = request.path_params
    return await _post_review(
        request, lambda reviews, posted: reviews.review_finding(names["site"], names["id"], posted)
    )


async def post_verdict_review(request: Request) -> Response:
    """POST a person's review of one verdict, with the same fields."""
    return await _post_review(
        request, lambda reviews, posted: reviews.review_verdict(request.path_params["id"], posted)
    )


async def post_picture_request(request: Request) -> Response:
    """POST to ask the robot for the full picture; it comes when the link allows."""
    reviews, names = get_services(request).reviews, request.path_params
    if reviews is None:
        return respond_problem(403, _DISABLED)
    try:
        sentence = await run_in_threadpool(
            reviews.request_picture, names["site"], names["robot"], names["sha256"]
        )
    except RequestRefusedError as err:
        return respond_problem(409, str(err))
    return respond({"said": sentence}, 202)


ROUTES = [
    Route("/api/verdicts/{id}/review", post_verdict_review, methods=["POST"]),
    Route("/api/findings/{site}/{id}/review", post_finding_review, methods=["POST"]),
    Route("/api/pictures/{site}/{robot}/{sha256}/ask", post_picture_request, methods=["POST"]),
]


async def _post_review(
    request: Request, review: Callable[[ReviewService, PostedReview], StoredReview]
) -> Response:
    reviews = get_services(request).reviews
    if reviews is None:
        return respond_problem(403, _DISABLED)
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        return respond_problem(415, "wanted application/json")
    try:
        posted = msgspec.json.decode(await read_body(request), type=PostedReview)
    except (msgspec.DecodeError, ValueError, RecursionError) as err:
        return respond_problem(400, describe_invalid(err, kind=PostedReview))
    try:
        stored = await run_in_threadpool(review, reviews, posted)
    except RequestRefusedError as err:
        return respond_problem(409, str(err))
    return respond(review_view(stored), 202)
