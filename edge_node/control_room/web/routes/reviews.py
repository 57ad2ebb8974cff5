"""Handle POST requests of the JSON API that review findings and verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from edge_node.control_room.deeds import Deed
from edge_node.control_room.history.records import ReviewOrigin
from edge_node.control_room.robots.review_service import PostedReview, RequestRefusedError
from edge_node.control_room.web.access import person_of, sign_name
from edge_node.control_room.web.json.json_responses import read_json, require_json, respond, respond_problem
from edge_node.control_room.web.json.json_views import review_view
from edge_node.control_room.web.routes.commands import DISABLED
from edge_node.control_room.web.services import get_services

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from edge_node.control_room.history.records import StoredReview
    from edge_node.control_room.robots.review_service import ReviewService

    Review = Callable[[ReviewService, PostedReview, ReviewOrigin], StoredReview]


async def post_finding_review(request: Request) -> Response:
    """POST a person's review of a finding: judgement, the labels that are right, the picture that was seen.

    Without a login its field ``by`` names the person. ``withdrawn`` takes back the review that
    ``withdraws`` names.
    """
    names = request.path_params
    return await _post_review(
        request,
        names["id"],
        lambda reviews, posted, origin: reviews.review_finding(names["site"], names["id"], posted, origin),
    )


async def post_verdict_review(request: Request) -> Response:
    """POST a person's review of one verdict, with the same fields."""
    verdict_id = request.path_params["id"]
    return await _post_review(
        request,
        verdict_id,
        lambda reviews, posted, origin: reviews.review_verdict(verdict_id, posted, origin),
    )


ROUTES = [
    Route("/api/verdicts/{id}/review", post_verdict_review, methods=["POST"]),
    Route("/api/findings/{site}/{id}/review", post_finding_review, methods=["POST"]),
]


async def _post_review(request: Request, subject: str, review: Review) -> Response:
    services, person = get_services(request), person_of(request)
    if services.reviews is None:
        return respond_problem(403, DISABLED)
    require_json(request)
    posted = await read_json(request, PostedReview)
    posted = msgspec.structs.replace(posted, by=sign_name(person, posted.by))
    origin = ReviewOrigin.LOGIN if person.origin.is_named else ReviewOrigin.TYPED
    try:
        stored = await run_in_threadpool(review, services.reviews, posted, origin)
    except RequestRefusedError as err:
        outcome, said = "refused", str(err)
        return respond_problem(409, said)
    else:
        outcome, said = "done", f"{posted.judgement.value} by {posted.by}"
        said += f": review {posted.withdraws}" if posted.withdraws else ""
        return respond(review_view(stored), 202)
    finally:
        await run_in_threadpool(
            services.audit.note_done, person, Deed.REVIEW, subject[:200], outcome=outcome, text=said
        )
