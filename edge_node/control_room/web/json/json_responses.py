"""Answer HTTP requests with JSON, and read what was posted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from edge_node.control_room.web.json.json_views import as_json
from edge_node.validation import describe_invalid

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

_MAX_BODY_BYTES = 8192
_Posted = TypeVar("_Posted")


class PostError(Exception):
    """What was posted cannot be used; the text is for a person, the code is that of the answer."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


async def respond_from_thread(query: Callable[..., Any], *arguments: Any) -> Response:
    """Run a query of the history in a thread and respond with its result.

    Queries take milliseconds, which would delay the event loop that serves all browsers.
    """
    content = await run_in_threadpool(lambda: as_json(query(*arguments)))
    return Response(content, media_type="application/json")


def respond(view: object, code: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Respond with an object as JSON."""
    return Response(as_json(view), code, headers, media_type="application/json")


def respond_found(view: object | None, otherwise: str) -> Response:
    """Respond with an object as JSON, or with 404 and the sentence ``otherwise`` if it is None."""
    return respond_problem(404, otherwise) if view is None else respond(view)


def respond_problem(code: int, text: str, headers: dict[str, str] | None = None) -> Response:
    """Respond with a status code and ``{"problem": text}``."""
    return respond({"problem": text}, code, headers)


def respond_bad_query(_request: Request, err: Exception) -> Response:
    """Respond to a query string that cannot be parsed: 400."""
    return respond_problem(400, str(err))


def respond_bad_post(_request: Request, err: Exception) -> Response:
    """Respond to a body that cannot be used."""
    return respond_problem(err.code if isinstance(err, PostError) else 400, str(err))


def require_json(request: Request) -> None:
    """Raise PostError unless a request says that its body is JSON, which no form of another site can."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise PostError(415, "wanted application/json")


async def read_json(
    request: Request, kind: type[_Posted], *, empty: bytes = b"", max_bytes: int = _MAX_BODY_BYTES
) -> _Posted:
    """Read a request's body as JSON of this kind.

    Args:
        request: with the body.
        kind: of object.
        empty: stands for a body that is empty.
        max_bytes: of the body.

    Raises:
        PostError: it is none, or too large.
    """
    try:
        return msgspec.json.decode(await read_body(request, max_bytes) or empty, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as err:
        raise PostError(400, describe_invalid(err, kind=kind)) from None


async def read_body(request: Request, max_bytes: int = _MAX_BODY_BYTES) -> bytes:
    """Return the body of a request; b"" if it exceeds ``max_bytes``."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            return b""
    return bytes(body)
