"""Make and serve files for download: the mission report, and reviewed pictures for the next training.

Two ways lead to a file. The page posts a job, looks at it until it is done, and fetches the file; it shows
how far the work is, and can end it. A program asks for the file itself, and waits.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from edge_node.control_room.long_work.job_order import JobKind, PostedJob, ReportQuery
from edge_node.control_room.long_work.job_queue import RETRY_AFTER_S, Job, JobState, QueueFullError
from edge_node.control_room.requests.client import client_of
from edge_node.control_room.web.access import still_knows
from edge_node.control_room.web.json.json_responses import (
    read_json,
    require_json,
    respond,
    respond_found,
    respond_problem,
)
from edge_node.control_room.web.json.query_parameters import parse_query
from edge_node.control_room.web.services import get_services

if TYPE_CHECKING:
    from starlette.requests import Request

    from edge_node.control_room.long_work.job_queue import JobQueue

_NO_JOB = "no such job of yours; files are kept for ten minutes"
_ANOTHERS_JOB = (
    "this file was ordered from another web process, or from one that has ended: order it again (if that"
    " happens often, the proxy does not send one login to one process)"
)
_STILL_WAITED_FOR_S = 20.0  # interval at which a client that waits counts as asking


async def get_report(request: Request) -> Response:
    """Send a mission as PDF or CSV."""
    report = parse_query(request.query_params, ReportQuery)
    kind = request.path_params["kind"]
    if kind not in ("pdf", "csv", "json"):
        return respond_problem(404, "wanted report.pdf, report.csv or report.json")
    return await make_and_send(request, PostedJob(kind=JobKind(kind), report=report))


async def get_dataset(request: Request) -> Response:
    """Send the reviewed pictures with their labels, as ``converter retrain`` reads them, in a ZIP file."""
    return await make_and_send(request, PostedJob(kind=JobKind.DATASET))


async def post_job(request: Request) -> Response:
    """POST to have a file made: kind (pdf, csv, json, dataset) and, but for dataset, report (site, ...)."""
    require_json(request)
    posted = await read_json(request, PostedJob)
    jobs = get_services(request).jobs
    try:
        job = jobs.add(client_of(request), posted)
    except QueueFullError as err:
        return _respond_full(err)
    return respond(_view(jobs, job), 202)


async def get_jobs(request: Request) -> Response:
    """Files that are being made, or were made, for whoever asks."""
    jobs, client = get_services(request).jobs, client_of(request)
    return respond({"jobs": [_view(jobs, job) for job in jobs.jobs if job.client == client]})


async def get_job(request: Request) -> Response:
    """How far a file is; a job that nobody asks for in a minute is ended."""
    jobs = get_services(request).jobs
    job = jobs.find(request.path_params["id"], client_of(request))
    return _respond_no_job(request) if job is None else respond_found(_view(jobs, job), _NO_JOB)


async def get_job_file(request: Request) -> Response:
    """The file of a job that is done."""
    job = get_services(request).jobs.find(request.path_params["id"], client_of(request))
    if job is None:
        return _respond_no_job(request)
    if job.state is not JobState.DONE:
        return respond_problem(409, f"not done: {job.problem or job.state.value}")
    return FileResponse(job.file, media_type=job.posted.kind.media_type, filename=job.posted.file_name)


async def delete_job(request: Request) -> Response:
    """DELETE to end a job and delete its file."""
    jobs = get_services(request).jobs
    job = jobs.find(request.path_params["id"], client_of(request))
    if job is None:
        return _respond_no_job(request)
    jobs.remove(job)
    return respond_found({"said": "ended"}, _NO_JOB)


ROUTES = [
    Route("/api/report.{kind}", get_report),
    Route("/api/dataset.zip", get_dataset),
    Route("/api/jobs", post_job, methods=["POST"]),
    Route("/api/jobs", get_jobs),
    Route("/api/jobs/{id}", get_job),
    Route("/api/jobs/{id}", delete_job, methods=["DELETE"]),
    Route("/api/jobs/{id}/file", get_job_file),
]


async def make_and_send(request: Request, posted: PostedJob) -> Response:
    """Have a file made, send it and forget it; end the work if the client goes."""
    jobs, client = get_services(request).jobs, client_of(request)
    try:
        job = jobs.add(client, posted)
    except QueueFullError as err:
        return _respond_full(err)
    gone = asyncio.create_task(_wait_for_end(request))
    try:
        while not job.ended.is_set() and not gone.done() and still_knows(request):
            jobs.find(job.id, client)
            ended = asyncio.create_task(job.ended.wait())
            await asyncio.wait(
                (gone, ended), timeout=_STILL_WAITED_FOR_S, return_when=asyncio.FIRST_COMPLETED
            )
            ended.cancel()
        if not still_knows(request):
            jobs.remove(job)
            return respond_problem(401, "the login that asked for it has ended")
        if job.state is JobState.DONE:
            return FileResponse(
                job.file,
                media_type=posted.kind.media_type,
                filename=posted.file_name,
                background=BackgroundTask(jobs.remove, job),
            )
        jobs.remove(job)
        return respond_problem(job.status, job.problem)
    except BaseException:
        jobs.remove(job)
        raise
    finally:
        gone.cancel()


def _respond_no_job(request: Request) -> Response:
    """Respond that there is no such job here: 421 where a proxy sent the request to the wrong process."""
    if get_services(request).jobs.is_of_another(request.path_params["id"]):
        return respond_problem(421, _ANOTHERS_JOB)
    return respond_problem(404, _NO_JOB)


async def _wait_for_end(request: Request) -> None:
    """Return when the client has closed its connection."""
    with contextlib.suppress(Exception):
        while (await request.receive())["type"] != "http.disconnect":
            pass


def _respond_full(err: QueueFullError) -> Response:
    return respond_problem(429, str(err), {"Retry-After": str(RETRY_AFTER_S)})


def _view(jobs: JobQueue, job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "kind": job.posted.kind,
        "name": job.posted.file_name,
        "state": job.state,
        "before": jobs.count_before(job) if job.state is JobState.WAITING else 0,
        "done": job.done,
        "of": job.of,
        "problem": job.problem or None,
    }
