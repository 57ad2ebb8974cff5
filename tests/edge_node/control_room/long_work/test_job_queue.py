"""Long work with real processes: bounds, turns, progress, and its end when nobody waits any more."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.long_work.job_order import JobKind, PostedJob
from edge_node.control_room.long_work.job_queue import Job, JobQueue, JobState, QueueBounds, QueueFullError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from pathlib import Path

DATASET = PostedJob(kind=JobKind.DATASET)
FINDS_FILE = 'order=$(cat); out=${order##*out\\":\\"}; out=${out%%\\"*}'
MAKES_FILE = ("sh", "-c", f'{FINDS_FILE}; printf made > "$out"; echo \'{{"done":2,"of":2}}\'')
NEVER_ENDS = ("sh", "-c", 'cat >/dev/null; echo \'{"done":1,"of":9}\'; exec sleep 600')


@contextlib.asynccontextmanager
async def running(queue: JobQueue) -> AsyncIterator[JobQueue]:
    """A queue that works."""
    task = asyncio.create_task(queue.run())
    try:
        yield queue
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not become so within 10 s")


def in_loop(work: Callable[[], Coroutine[None, None, None]]) -> None:
    """Run a test's work in an event loop."""
    asyncio.run(work())


def test_a_file_is_made_kept_and_deleted(tmp_path: Path) -> None:
    """Only its client finds it; removing it leaves nothing, and so does the end of the queue."""

    async def work() -> None:
        queue = JobQueue(tmp_path, process=MAKES_FILE)
        async with running(queue):
            job = queue.add("alice", DATASET)
            await job.ended.wait()
            assert (job.state, job.done, job.of, job.file.read_text()) == (JobState.DONE, 2, 2, "made")
            assert queue.find(job.id, "bob") is None
            assert queue.find(job.id, "alice") is job
            folder = job.file.parent
            assert folder.stat().st_mode & 0o777 == 0o700
            queue.remove(job)
            assert not folder.exists()
            other = queue.add("alice", DATASET)
            await other.ended.wait()
        assert not other.file.exists()
        assert queue.counts["dataset", "done"] == 2

    in_loop(work)


def test_the_queue_is_bounded_for_each_client_and_in_all(tmp_path: Path) -> None:
    """Who waits for three files is refused a fourth; others are not, until the whole queue is full."""

    async def work() -> None:
        queue = JobQueue(tmp_path, QueueBounds(per_client=3, jobs=5), NEVER_ENDS)
        for _ in range(3):
            queue.add("alice", DATASET)
        with pytest.raises(QueueFullError, match="3 files are being made for you"):
            queue.add("alice", DATASET)
        queue.add("bob", DATASET)
        queue.add("carol", DATASET)
        with pytest.raises(QueueFullError, match="too many"):
            queue.add("dave", DATASET)
        assert queue.counts["dataset", "refused"] == 2

    in_loop(work)


def test_clients_take_turns(tmp_path: Path) -> None:
    """One who asks for three files delays another by one of them."""

    async def work() -> None:
        queue = JobQueue(tmp_path, process=MAKES_FILE)
        jobs = [queue.add(client, DATASET) for client in ("alice", "alice", "alice", "bob")]
        order: list[Job] = []

        async def note(job: Job) -> None:
            await job.ended.wait()
            order.append(job)

        async with running(queue):
            await asyncio.gather(*(note(job) for job in jobs))
        assert [job.client for job in order] == ["alice", "bob", "alice", "alice"]

    in_loop(work)


def test_work_that_is_ended_ends_its_process(tmp_path: Path) -> None:
    """Whether a person ends it or nobody asks for it any more; the next one begins."""

    async def work() -> None:
        queue = JobQueue(tmp_path, QueueBounds(unseen_s=0.3), NEVER_ENDS)
        async with running(queue):
            job, forgotten, last = (queue.add(client, DATASET) for client in "abc")
            await until(lambda: (job.state, job.done, job.of) == (JobState.RUNNING, 1, 9))
            assert queue.count_before(last) == 2
            queue.cancel(job)
            await until(lambda: forgotten.state is not JobState.WAITING)
            await until(lambda: forgotten.state is JobState.CANCELLED)
            assert forgotten.problem == "nobody asked for it any more"
        assert not job.file.parent.exists()

    in_loop(work)


@pytest.mark.parametrize(
    ("process", "problem", "status"),
    [
        (
            ("sh", "-c", 'cat >/dev/null; echo \'{"problem":"no verdict","status":404}\'; exit 1'),
            "no verdict",
            404,
        ),
        (("sh", "-c", "cat >/dev/null; echo rubbish; exit 3"), "without a result", 503),
        (("sh", "-c", "exit 0"), "without a result", 503),
        (("/no/such/program",), "cannot be started", 503),
    ],
    ids=["problem", "rubbish", "no file", "no program"],
)
def test_what_cannot_be_made_says_why(
    tmp_path: Path, process: tuple[str, ...], problem: str, status: int
) -> None:
    """In the words of the process, or in ours if it has none; the queue goes on."""

    async def work() -> None:
        queue = JobQueue(tmp_path, process=process)
        async with running(queue):
            job = queue.add("alice", DATASET)
            await job.ended.wait()
            assert (job.state, job.status) == (JobState.FAILED, status)
            assert problem in job.problem

    in_loop(work)


def test_files_are_kept_for_a_while_and_few(tmp_path: Path) -> None:
    """The oldest are deleted for newer ones."""

    async def work() -> None:
        queue = JobQueue(tmp_path, QueueBounds(kept=2), MAKES_FILE)
        async with running(queue):
            jobs = []
            for _ in range(3):
                jobs.append(queue.add("alice", DATASET))
                await jobs[-1].ended.wait()
            queue.add("alice", DATASET)
            assert [job.file.exists() for job in jobs] == [False, True, True]

    in_loop(work)
