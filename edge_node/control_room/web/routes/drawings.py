"""Handle requests on drawings of assets: upload, placing, and what lies where on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from edge_node.control_room.deeds import Deed
from edge_node.control_room.history.drawings.drawing_book import DrawingBook
from edge_node.control_room.history.drawings.placement import DrawingError, Placement
from edge_node.control_room.history.drawings.png_file import MAX_FILE_BYTES
from edge_node.control_room.web.access import person_of
from edge_node.control_room.web.json.drawing_views import drawing_view, view_marks
from edge_node.control_room.web.json.json_responses import (
    read_body,
    read_json,
    respond,
    respond_from_thread,
    respond_problem,
)
from edge_node.control_room.web.json.query_parameters import FilterText, parse_query
from edge_node.control_room.web.services import get_services

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from edge_node.control_room.history.drawings.drawing_book import Drawing
    from edge_node.control_room.people.roles import Person
    from edge_node.control_room.web.services import Services

Sha256: TypeAlias = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
_NONE = "this asset has no drawing"


class AssetQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The asset whose drawing is meant."""

    site: FilterText
    asset: FilterText
    sha256: Sha256 | None = None  # in the picture's address, so that another one is loaded anew


class PostedPlacement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a drawing is placed; ``sha256`` names the one that the person saw."""

    sha256: Sha256
    placement: Placement


async def get_drawings(request: Request) -> Response:
    """Drawings of assets: site, asset, size, and how they are placed."""
    book = _book(request)
    return await respond_from_thread(lambda: {"drawings": [drawing_view(one) for one in book.drawings()]})


async def get_drawing(request: Request) -> Response:
    """The drawing of an asset with what was found there: marks with their pixels, and what has no place."""
    wanted = parse_query(request.query_params, AssetQuery)
    services = get_services(request)
    found = await run_in_threadpool(_view, services, wanted)
    return respond_problem(404, _NONE) if found is None else respond(found)


async def get_picture(request: Request) -> Response:
    """The drawing itself, a PNG."""
    wanted = parse_query(request.query_params, AssetQuery)
    content = await run_in_threadpool(_book(request).content, wanted.site, wanted.asset)
    if content is None:
        return respond_problem(404, _NONE)
    return Response(content, media_type="image/png", headers={"Content-Disposition": "inline"})


async def post_picture(request: Request) -> Response:
    """POST a PNG of at most 16 MB as the drawing of an asset; its placement stays if the size does."""
    wanted, person = parse_query(request.query_params, AssetQuery), person_of(request)
    content = await read_body(request, MAX_FILE_BYTES)
    if not content:
        return respond_problem(413, f"wanted a PNG file of at most {MAX_FILE_BYTES // 2**20} MB")
    book = _book(request)
    return await _respond_deed(
        request, wanted, "uploaded", lambda: book.put(wanted.site, wanted.asset, content, person.name)
    )


async def post_placement(request: Request) -> Response:
    """POST how the drawing is placed: a path, two points, or a scale; sha256 of the drawing that was seen."""
    wanted, person = parse_query(request.query_params, AssetQuery), person_of(request)
    posted = await read_json(request, PostedPlacement, max_bytes=1 << 17)
    book = _book(request)
    return await _respond_deed(
        request,
        wanted,
        f"placed by {_say(posted.placement)}",
        lambda: book.place(wanted.site, wanted.asset, posted.sha256, posted.placement, person.name),
    )


async def delete_drawing(request: Request) -> Response:
    """DELETE the drawing of an asset."""
    wanted, book = parse_query(request.query_params, AssetQuery), _book(request)

    def remove() -> None:
        if not book.remove(wanted.site, wanted.asset):
            raise DrawingError(_NONE)

    return await _respond_deed(request, wanted, "removed", remove)


ROUTES = [
    Route("/api/drawings", get_drawings),
    Route("/api/drawing", get_drawing),
    Route("/api/drawing", delete_drawing, methods=["DELETE"]),
    Route("/api/drawing.png", get_picture),
    Route("/api/drawing.png", post_picture, methods=["POST"]),
    Route("/api/drawing/placement", post_placement, methods=["POST"]),
]


def _book(request: Request) -> DrawingBook:
    return DrawingBook(get_services(request).history.database)


async def _respond_deed(
    request: Request, wanted: AssetQuery, said: str, deed: Callable[[], Drawing | None]
) -> Response:
    """Do it, note in the audit what came of it, and respond with the drawing."""
    services, person = get_services(request), person_of(request)
    try:
        done = await run_in_threadpool(_do_audited, services, person, wanted, said, deed)
    except DrawingError as err:
        return respond_problem(409, str(err))
    return respond({"drawing": None if done is None else drawing_view(done)})


def _do_audited(
    services: Services, person: Person, wanted: AssetQuery, said: str, deed: Callable[[], Drawing | None]
) -> Drawing | None:
    subject = f"{wanted.site}/{wanted.asset}"
    try:
        done = deed()
    except DrawingError as err:
        services.audit.note_done(person, Deed.DRAWING, subject, outcome="refused", text=f"{said}: {err}")
        raise
    services.audit.note_done(person, Deed.DRAWING, subject, text=said)
    return done


def _view(services: Services, wanted: AssetQuery) -> dict[str, Any] | None:
    found = DrawingBook(services.history.database).find(wanted.site, wanted.asset)
    return None if found is None else view_marks(services.history, found, services.settings.room.severities)


def _say(placement: Placement) -> str:
    """Say in the audit how a drawing is placed, in a few words."""
    said = msgspec.to_builtins(placement)
    kind = said.pop("kind")
    points = said.get("points", ())
    if kind == "path":
        ends = f"{points[0]['distance_m']:g} to {points[-1]['distance_m']:g} m"
        return f"a path of {len(points)} points, {ends}"
    return "two points" if kind == "points" else f"a scale, {said['metres_per_px']:g} m per pixel"
