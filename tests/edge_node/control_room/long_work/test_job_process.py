"""The process that makes a file, called as it is: it reads the history beside a control room."""

from __future__ import annotations

import logging
import shutil
import zipfile
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("fpdf")

from edge_node.control_room.long_work.job_order import JobKind, JobOrder, PostedJob, ReportQuery
from edge_node.control_room.long_work.job_process import make_file
from edge_node.errors import CorrosionError
from tests.edge_node.control_room.report.test_dataset_export import Room

if TYPE_CHECKING:
    from pathlib import Path

MISSION = ReportQuery(site="quay", robot="crawler-1")


@pytest.fixture
def reviewed(tmp_path: Path) -> Room:
    """A history with one reviewed finding and its picture, still open."""
    room = Room(tmp_path / "room")
    sha256 = room.picture()
    room.verdict(3, "C", sha256, severity="mid")
    room.said_here(room.finding(3, 5, sha256), "confirmed")
    return room


def made(folder: Path, posted: PostedJob, told: list[tuple[int, int]]) -> Path:
    """The file that was made."""
    out = folder / posted.file_name
    make_file(
        JobOrder(posted=posted, state_dir=str(folder / "room"), out=str(out)),
        lambda done, of: told.append((done, of)),
    )
    return out


def test_each_kind_is_made_and_tells_how_far_it_is(reviewed: Room, tmp_path: Path, caplog) -> None:
    """And no library fills the log while it is."""
    told: list[tuple[int, int]] = []
    with caplog.at_level(logging.INFO):
        pdf = made(tmp_path, PostedJob(kind=JobKind.PDF, report=MISSION), told)
        csv = made(tmp_path, PostedJob(kind=JobKind.CSV, report=MISSION), told)
        packed = made(tmp_path, PostedJob(kind=JobKind.DATASET), told)
    assert pdf.read_bytes()[:5] == b"%PDF-"
    assert b"confirmed" in csv.read_bytes()
    with zipfile.ZipFile(packed) as archive:
        assert "reviewed/labels.csv" in archive.namelist()
    assert told == [(1, 1), (1, 1), (1, 1)]
    assert [record.name for record in caplog.records if record.name.startswith("fontTools")] == []


def test_a_data_set_leaves_room_on_the_disk(reviewed: Room, tmp_path: Path, monkeypatch) -> None:
    """Others write there too: said with what is free and what is wanted."""
    few = shutil.disk_usage(tmp_path)._replace(free=50_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: few)
    with pytest.raises(CorrosionError, match="50 MB are free, wanted 100; set TMPDIR"):
        made(tmp_path, PostedJob(kind=JobKind.DATASET), [])
