"""Queue long work, run one piece at a time in a process, and keep the files until they are fetched.

What a person asks for costs seconds of a processor that ingest and page share, so the queue is bounded for
each client and in all, clients take turns, and work that nobody waits for any more is ended. Everything here
runs in the event loop; none of it blocks.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from edge_node.control_room.long_work.job_order import JobNews, JobOrder, ReportDefaults

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from edge_node.control_room.database_address import DatabasePlace
    from edge_node.control_room.long_work.job_order import PostedJob

RETRY_AFTER_S = 20
PROCESS = (sys.executable, "-m", "edge_node.control_room.long_work.job_process")
_LONGEST_S = 1800.0  # a million verdicts take minutes
_LOOK_S = 0.5
_PROBLEM_ENDED = "the work ended without a result; the log says more"

_log = logging.getLogger(__name__)


class JobState(str, Enum):
    """How far a job is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class QueueFullError(Exception):
    """No more work is taken now; the text says why."""


@dataclass(frozen=True, slots=True)
class QueueBounds:
    """Bounds of a queue.

    Attributes:
        per_client: jobs that wait or run for one client.
        jobs: that wait or run for all.
        kept: files that wait to be fetched.
        kept_s: for how long they do.
        unseen_s: a job after which nobody asks for so long is ended.
    """

    per_client: int = 3
    jobs: int = 24
    kept: int = 12
    kept_s: float = 600.0
    unseen_s: float = 60.0


@dataclass(slots=True)
class Job:
    """One piece of work.

    Attributes:
        client: whose it is; nobody else sees it.
        file: the result, once ``state`` is done.
        status: the HTTP status that goes with ``problem``.
        ended: set once it will not change any more.
    """

    id: str
    client: str
    posted: PostedJob
    file: Path
    state: JobState = JobState.WAITING
    done: int = 0
    of: int = 0
    problem: str = ""
    status: int = 503
    began_s: float = field(default_factory=time.monotonic)
    seen_s: float = field(default_factory=time.monotonic)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class JobQueue:
    """All long work of one control room."""

    def __init__(  # noqa: PLR0913  each is by name
        self,
        state_dir: Path,
        bounds: QueueBounds | None = None,
        process: Sequence[str] = PROCESS,
        *,
        name: str = "",
        place: DatabasePlace | None = None,
        defaults: ReportDefaults | None = None,
    ) -> None:
        """Begin empty.

        Args:
            state_dir: of the history that processes read.
            bounds: of the queue.
            process: the program that makes a file.
            name: of this process among several that serve one room; its jobs' ids begin with it.
            place: of the history, where it is in a PostgreSQL database.
            defaults: what the configuration says of all reports.
        """
        self._defaults = defaults or ReportDefaults()
        self._state_dir = state_dir
        self._place = place
        self._bounds = bounds or QueueBounds()
        self._process = process
        self._jobs: dict[str, Job] = {}
        self._turns: Counter[str] = Counter()  # by client: the number of the last turn
        self._turn = 0
        self._news = asyncio.Event()
        self._prefix = f"{name}." if name else ""
        self._folder = tempfile.TemporaryDirectory(prefix="control-room-files-")
        self.counts: Counter[tuple[str, str]] = Counter()  # by kind and state, of jobs that ended
        self.busy_s = 0.0

    @property
    def jobs(self) -> Iterable[Job]:
        """All jobs that are known."""
        return tuple(self._jobs.values())

    def add(self, client: str, posted: PostedJob) -> Job:
        """Take work.

        Raises:
            QueueFullError: the client, or all together, wait for as much as is allowed.
        """
        self._forget_old()
        pending = [job for job in self._jobs.values() if not job.ended.is_set()]
        if sum(job.client == client for job in pending) >= self._bounds.per_client:
            self.counts[posted.kind.value, "refused"] += 1
            raise QueueFullError(
                f"{self._bounds.per_client} files are being made for you; wait for one of them"
            )
        if len(pending) >= self._bounds.jobs:
            self.counts[posted.kind.value, "refused"] += 1
            raise QueueFullError("too many files are being made; try again in a minute")
        name = f"{self._prefix}{secrets.token_urlsafe(12)}"
        job = Job(name, client, posted, Path(self._folder.name) / name / posted.file_name)
        self._jobs[name] = job
        self._news.set()
        return job

    def is_of_another(self, name: str) -> bool:
        """Tell whether a job's id is one that another process of the room gave."""
        return "." in name and not (self._prefix and name.startswith(self._prefix))

    def find(self, name: str, client: str) -> Job | None:
        """Return a client's job, which counts as asked for; None if there is none."""
        job = self._jobs.get(name)
        if job is None or job.client != client:
            return None
        job.seen_s = time.monotonic()
        return job

    def count_before(self, job: Job) -> int:
        """Return how many jobs will run, or run, before one that waits."""
        return sum(1 for other in self._jobs.values() if not other.ended.is_set() and other is not job)

    def cancel(self, job: Job, problem: str = "cancelled") -> None:
        """End a job, whatever its state; a process is killed, a file deleted."""
        self._end(job, JobState.CANCELLED, problem)
        self._news.set()

    def remove(self, job: Job) -> None:
        """Forget a job and delete its file."""
        self.cancel(job)
        self._jobs.pop(job.id, None)
        shutil.rmtree(job.file.parent, ignore_errors=True)

    async def run(self) -> None:
        """Do the work, until this task is cancelled; what runs then is ended, and every file deleted."""
        try:
            while True:
                job = self._next()
                if job is None:
                    self._news.clear()
                    with contextlib.suppress(asyncio.TimeoutError):
                        await asyncio.wait_for(self._news.wait(), 10 * _LOOK_S)
                    self._forget_old()
                    continue
                began_s = time.monotonic()
                await self._work(job)
                self.busy_s += time.monotonic() - began_s
        finally:
            for job in self._jobs.values():
                self._end(job, JobState.CANCELLED, "the control room ends")
            self._folder.cleanup()

    def _end(self, job: Job, state: JobState, problem: str = "", status: int = 503) -> None:
        """Bring a job to a state that stays; the first one counts."""
        if not job.ended.is_set():
            job.state, job.problem, job.status = state, problem, status
            job.seen_s = time.monotonic()
            job.ended.set()
            self.counts[job.posted.kind.value, state.value] += 1

    def _next(self) -> Job | None:
        """Return the oldest waiting job of the client whose last turn was longest ago."""
        waiting = [job for job in self._jobs.values() if job.state is JobState.WAITING]
        return min(waiting, key=lambda job: (self._turns[job.client], job.began_s), default=None)

    async def _work(self, job: Job) -> None:
        self._turn += 1
        self._turns[job.client] = self._turn
        if len(self._turns) > 1000:
            self._turns = Counter({job.client: self._turn})
        job.state = JobState.RUNNING
        job.file.parent.mkdir(mode=0o700)
        try:
            process = await asyncio.create_subprocess_exec(
                *self._process, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
            )
        except OSError as err:
            self._end(job, JobState.FAILED, f"the work cannot be started: {err.strerror or err}")
            return
        following = asyncio.create_task(self._follow(job, process))
        watching = asyncio.create_task(self._watch(job))
        try:
            await asyncio.wait((following, watching), return_when=asyncio.FIRST_COMPLETED)
        finally:
            following.cancel()
            watching.cancel()
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            if job.state is not JobState.DONE:
                shutil.rmtree(job.file.parent, ignore_errors=True)

    async def _follow(self, job: Job, process: asyncio.subprocess.Process) -> None:
        """Hand the order to the process and read its news until it ends."""
        assert process.stdin is not None  # noqa: S101  # both are pipes
        assert process.stdout is not None  # noqa: S101
        order = JobOrder(
            posted=job.posted,
            state_dir=str(self._state_dir),
            place=self._place,
            out=str(job.file),
            defaults=self._defaults,
        )
        with contextlib.suppress(ConnectionError):
            process.stdin.write(msgspec.json.encode(order))
            await process.stdin.drain()
            process.stdin.close()
        async for line in process.stdout:
            with contextlib.suppress(msgspec.DecodeError):
                news = msgspec.json.decode(line, type=JobNews)
                if news.problem is not None:
                    self._end(job, JobState.FAILED, news.problem, news.status)
                else:
                    job.done, job.of = news.done, news.of
        if await process.wait() == 0 and job.file.is_file():
            self._end(job, JobState.DONE)
        elif not job.ended.is_set():
            _log.warning("%s: the process ended with code %s", job.posted.kind.value, process.returncode)
            self._end(job, JobState.FAILED, _PROBLEM_ENDED)

    async def _watch(self, job: Job) -> None:
        """Return once a running job is to be ended, or has ended."""
        began_s = time.monotonic()
        while not job.ended.is_set():
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(job.ended.wait(), _LOOK_S)
            self._forget_old()
            if time.monotonic() - began_s > _LONGEST_S:
                self._end(
                    job, JobState.FAILED, f"it took longer than {_LONGEST_S / 60:.0f} minutes; ask for less"
                )

    def _forget_old(self) -> None:
        """Cancel what nobody asks for any more, and delete files that were kept for long enough."""
        now_s = time.monotonic()
        ended = []
        for job in self.jobs:
            if job.ended.is_set():
                ended.append(job)
            elif now_s - job.seen_s > self._bounds.unseen_s:
                self._end(job, JobState.CANCELLED, "nobody asked for it any more")
        ended.sort(key=lambda job: job.seen_s, reverse=True)
        for number, job in enumerate(ended):
            if number >= self._bounds.kept or now_s - job.seen_s > self._bounds.kept_s:
                self.remove(job)
