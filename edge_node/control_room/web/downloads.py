"""What the page gives away as files: the mission report, and the reviewed pictures for the next training."""

from __future__ import annotations

import tempfile
import threading
import zipfile
from datetime import datetime  # msgspec resolves annotations at run time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from edge_node.control_room.report.dataset_export import export_dataset
from edge_node.control_room.report.mission import Selection, mission_of
from edge_node.control_room.report.mission_csv import mission_csv
from edge_node.control_room.web import json_views as views
from edge_node.control_room.web.query_parameters import Word, parse_query
from edge_node.errors import CorrosionError

if TYPE_CHECKING:
    from starlette.requests import Request

    from edge_node.control_room.history.history import History

_ONE_AT_A_TIME = threading.Lock()  # each takes seconds of a processor that the page shares with the record
_WAIT_S = 60.0


class ReportQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mission: of one robot; times are ISO 8601 with a zone."""

    site: Word
    robot: Word
    asset: Word | None = None
    since: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    until: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] = "Inspection report"


async def report(request: Request) -> Response:
    """Send a mission as PDF or CSV."""
    question = parse_query(request.query_params, ReportQuestion)
    kind = request.path_params["kind"]
    if kind not in ("pdf", "csv"):
        return _problem(404, "wanted report.pdf or report.csv")
    try:
        content = await run_in_threadpool(_report, request.app.state.room.history, question, kind)
    except CorrosionError as err:
        return _problem(404, str(err))
    name = f"{question.site}-{question.robot}.{kind}"
    media_type = "application/pdf" if kind == "pdf" else "text/csv; charset=utf-8"
    headers = {"Content-Disposition": f"attachment; filename={_plain(name)}"}
    return Response(content, media_type=media_type, headers=headers)


async def dataset(request: Request) -> Response:
    """Send the reviewed pictures with their labels, as ``converter retrain`` reads them, in a ZIP file."""
    try:
        packed = await run_in_threadpool(_dataset, request.app.state.room.history)
    except CorrosionError as err:
        return _problem(404, str(err))
    forget = BackgroundTask(packed.unlink, missing_ok=True)
    return FileResponse(packed, media_type="application/zip", filename="reviewed.zip", background=forget)


ROUTES = [Route("/api/report.{kind}", report), Route("/api/dataset.zip", dataset)]


def _report(history: History, question: ReportQuestion, kind: str) -> bytes:
    given = (question.site, question.robot, question.since, question.until, question.asset)
    with _Turn():
        mission = mission_of(history, Selection(*given))
        if kind == "csv":
            return mission_csv(mission).encode()
        from edge_node.control_room.report.mission_pdf import mission_pdf

        return mission_pdf(mission, title=question.title)


def _dataset(history: History) -> Path:
    with _Turn(), tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "reviewed"
        export_dataset(history, out)
        with tempfile.NamedTemporaryFile(suffix=".zip", delete=False) as file:
            packed = Path(file.name)
            with zipfile.ZipFile(file, "w") as archive:  # JPEG does not become smaller
                for path in sorted(out.rglob("*")):
                    archive.write(path, path.relative_to(out.parent))
        return packed


class _Turn:
    """Waits until nobody else has a file made."""

    def __enter__(self) -> None:
        if not _ONE_AT_A_TIME.acquire(timeout=_WAIT_S):
            raise CorrosionError("another report is being made; try again in a minute")

    def __exit__(self, *_exception: object) -> None:
        _ONE_AT_A_TIME.release()


def _plain(name: str) -> str:
    return "".join(sign if sign.isascii() and (sign.isalnum() or sign in "-_.") else "_" for sign in name)


def _problem(code: int, text: str) -> Response:
    return Response(views.as_json({"problem": text}), code, media_type="application/json")
