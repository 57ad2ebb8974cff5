"""Serve files for download: the mission report, and reviewed pictures for the next training."""

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
from edge_node.control_room.report.mission import Selection, collect_mission
from edge_node.control_room.report.mission_csv import render_mission_csv
from edge_node.control_room.web.json_responses import respond_problem
from edge_node.control_room.web.query_parameters import FilterText, parse_query
from edge_node.control_room.web.services import get_services
from edge_node.errors import CorrosionError

if TYPE_CHECKING:
    from starlette.requests import Request

    from edge_node.control_room.history.history import History

_ONE_AT_A_TIME = threading.Lock()  # a file costs seconds of processor time that ingest and page share
_WAIT_S = 60.0


class ReportQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query parameters of a mission report; times are ISO 8601 with a zone."""

    site: FilterText
    robot: FilterText
    asset: FilterText | None = None
    since: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    until: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] = "Inspection report"


async def get_report(request: Request) -> Response:
    """Send a mission as PDF or CSV."""
    query = parse_query(request.query_params, ReportQuery)
    kind = request.path_params["kind"]
    if kind not in ("pdf", "csv"):
        return respond_problem(404, "wanted report.pdf or report.csv")
    try:
        content = await run_in_threadpool(_render_report, get_services(request).history, query, kind)
    except CorrosionError as err:
        return respond_problem(404, str(err))
    name = f"{query.site}-{query.robot}.{kind}"
    media_type = "application/pdf" if kind == "pdf" else "text/csv; charset=utf-8"
    headers = {"Content-Disposition": f"attachment; filename={_to_ascii_name(name)}"}
    return Response(content, media_type=media_type, headers=headers)


async def get_dataset(request: Request) -> Response:
    """Send the reviewed pictures with their labels, as ``converter retrain`` reads them, in a ZIP file."""
    try:
        packed = await run_in_threadpool(_pack_dataset, get_services(request).history)
    except CorrosionError as err:
        return respond_problem(404, str(err))
    delete = BackgroundTask(packed.unlink, missing_ok=True)
    return FileResponse(packed, media_type="application/zip", filename="reviewed.zip", background=delete)


ROUTES = [Route("/api/report.{kind}", get_report), Route("/api/dataset.zip", get_dataset)]


def _render_report(history: History, query: ReportQuery, kind: str) -> bytes:
    selection = Selection(query.site, query.robot, query.since, query.until, query.asset)
    with _Turn():
        mission = collect_mission(history, selection)
        if kind == "csv":
            return render_mission_csv(mission).encode()
        from edge_node.control_room.report.mission_pdf import render_mission_pdf

        return render_mission_pdf(mission, title=query.title)


def _pack_dataset(history: History) -> Path:
    with _Turn(), tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "reviewed"
        export_dataset(history, out)
        with tempfile.NamedTemporaryFile(suffix=".zip", delete=False) as file:
            packed = Path(file.name)
            with zipfile.ZipFile(file, "w") as archive:  # stored: JPEG does not compress
                for path in sorted(out.rglob("*")):
                    archive.write(path, path.relative_to(out.parent))
        return packed


class _Turn:
    """Wait until no other file is being made."""

    def __enter__(self) -> None:
        if not _ONE_AT_A_TIME.acquire(timeout=_WAIT_S):
            raise CorrosionError("another report is being made; try again in a minute")

    def __exit__(self, *_exception: object) -> None:
        _ONE_AT_A_TIME.release()


def _to_ascii_name(name: str) -> str:
    allowed = (char if char.isascii() and (char.isalnum() or char in "-_.") else "_" for char in name)
    return "".join(allowed)
