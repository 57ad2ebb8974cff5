"""Make one report or data set: ``python -m edge_node.control_room.long_work.job_process``.

Reads a ``JobOrder`` from standard input and writes ``JobNews`` to standard output, a line each. It runs at a
low priority and opens the history for reading, so that ingest and page go on beside it; it may be killed at
any time.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from edge_node.control_room.history.database import HistoryError
from edge_node.control_room.history.history import History
from edge_node.control_room.long_work.job_order import JobKind, JobNews, JobOrder
from edge_node.control_room.report.dataset_export import export_dataset
from edge_node.control_room.report.mission import Selection, collect_mission
from edge_node.control_room.report.mission_csv import render_mission_csv
from edge_node.control_room.report.mission_json import render_mission_json
from edge_node.errors import CorrosionError

if TYPE_CHECKING:
    from collections.abc import Callable

_NICE = 10
_NEWS_S = 0.2  # interval between two lines of progress
_SPARE_BYTES = 100_000_000  # what a data set leaves of the disk, which others need too


def main() -> int:
    """Do what standard input says; 0 if the file is there."""
    with contextlib.suppress(OSError):
        os.nice(_NICE)
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=JobOrder)
    try:
        make_file(order, _make_teller())
    except HistoryError as err:
        return _fail(str(err), 503)
    except CorrosionError as err:
        return _fail(str(err), 404)
    except OSError as err:
        return _fail(f"the file cannot be made: {err.strerror or err}", 503)
    return 0


def make_file(order: JobOrder, on_progress: Callable[[int, int], None]) -> None:
    """Write the file that an order asks for.

    Raises:
        CorrosionError: there is nothing to make it of; the text says why.
        OSError: it cannot be written.
    """
    history = History(Path(order.state_dir), read_only=True, place=order.place)
    try:
        if order.posted.report is None:
            _pack_dataset(history, Path(order.out), on_progress)
        else:
            Path(order.out).write_bytes(_render_report(history, order, on_progress))
    finally:
        history.close()


def _render_report(history: History, order: JobOrder, on_progress: Callable[[int, int], None]) -> bytes:
    report = order.posted.report
    assert report is not None  # noqa: S101  # the caller's branch
    selection = Selection(report.site, report.robot, report.since, report.until, report.asset)
    mission = collect_mission(history, selection, on_progress)
    if order.posted.kind is JobKind.CSV:
        return render_mission_csv(mission).encode()
    if order.posted.kind is JobKind.JSON:
        return render_mission_json(mission)
    from edge_node.control_room.report.mission_pdf import render_mission_pdf

    return render_mission_pdf(mission, title=report.title)


def _pack_dataset(history: History, packed: Path, on_progress: Callable[[int, int], None]) -> None:
    def tell(done: int, of: int) -> None:
        _check_room(packed.parent, 0)
        on_progress(done, of)

    with tempfile.TemporaryDirectory(dir=packed.parent) as folder:
        out = Path(folder) / "reviewed"
        export_dataset(history, out, on_progress=tell)
        files = sorted(out.rglob("*"))
        _check_room(packed.parent, sum(path.stat().st_size for path in files))
        with zipfile.ZipFile(packed, "w") as archive:  # stored: JPEG does not compress
            for path in files:
                archive.write(path, path.relative_to(out.parent))


def _check_room(folder: Path, wanted_bytes: int) -> None:
    """Raise unless the disk has room for so many bytes, and something to spare for others."""
    free = shutil.disk_usage(folder).free
    if free < wanted_bytes + _SPARE_BYTES:
        raise CorrosionError(
            f"{folder.parent}: {free // 1_000_000} MB are free, wanted"
            f" {(wanted_bytes + _SPARE_BYTES) // 1_000_000}; set TMPDIR to a folder on a larger disk"
        )


def _make_teller() -> Callable[[int, int], None]:
    told_s = 0.0

    def tell(done: int, of: int) -> None:
        nonlocal told_s
        if done == of or time.monotonic() - told_s >= _NEWS_S:
            told_s = time.monotonic()
            _say(JobNews(done=done, of=of))

    return tell


def _fail(problem: str, status: int) -> int:
    _say(JobNews(problem=problem, status=status))
    return 1


def _say(news: JobNews) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(news) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
