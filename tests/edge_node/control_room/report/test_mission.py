"""The mission report: what was covered and what not, every finding, in a table and on paper."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from datetime import timedelta
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edge_node.control_room.history.history import History
from edge_node.control_room.history.records import StoredPicture, StoredReview
from edge_node.control_room.report.mission import Mission, Selection, collect_mission
from edge_node.control_room.report.mission_csv import render_mission_csv
from edge_node.errors import CorrosionError
from edge_node.evidence.marked_jpeg import embed_marking
from edge_node.inspection.overlay import Marking
from edge_node.messages.finding import Finding, FindingState
from edge_node.messages.review import ReviewJudgement
from edge_node.messages.verdict import Pose, Reason
from tests.support.processes import command
from tests.support.verdicts import START, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WHO = Selection("quay", "crawler-1")
SHA256 = "a" * 64
HOSTILE = ("=cmd()|'/c calc'!A1", "Анна 李伟 عمر 😀", "x" * 600, "\u202eevil", "<b>&amp;</b> {nb} **x**")


def picture() -> bytes:
    """A JPEG with a map beside its pixels."""
    pixels = np.random.default_rng(3).integers(60, 200, (120, 160, 3), dtype=np.uint8)
    content = cv2.imencode(".jpg", pixels)[1].tobytes()
    return embed_marking(content, Marking(np.full((7, 7), 0.8, np.float32), ("corroded steel mid",)))


def finding(seq: int, **fields) -> Finding:
    """A closed finding of three frames, from verdict ``seq`` on."""
    return Finding(
        **{
            "id": f"crawler-1:epoch:f{seq}",
            "state": FindingState.CLOSED,
            "site": "quay",
            "robot": "crawler-1",
            "asset": "pipe 7",
            "material": "steel",
            "first_observed_at": START + timedelta(seconds=seq),
            "last_observed_at": START + timedelta(seconds=seq + 2),
            "first_verdict": f"crawler-1:epoch:{seq}",
            "last_verdict": f"crawler-1:epoch:{seq + 2}",
            "best_verdict": f"crawler-1:epoch:{seq + 1}",
            "frames": 3,
            "peak_confidence": 0.97,
            "peak_severity": "late",
            "peak_area_fraction": 0.08,
            "from_pose": Pose(distance_m=seq / 10),
            "to_pose": Pose(distance_m=(seq + 2) / 10),
            **fields,
        }
    )


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    """Forty frames along four metres, ten of which never came and five could not be judged."""
    opened = History(tmp_path / "room")
    dark = (Reason(code="dark", text="too dark"),)
    for seq in range(1, 41):
        if 20 <= seq < 30:
            continue
        what = "X" if seq > 35 else "C" if seq in (5, 6, 7) else "U"
        opened.add_verdict(
            verdict(
                seq,
                what,
                asset="pipe 7",
                severity="late" if what == "C" else None,
                pose=Pose(distance_m=seq / 10),
                reasons=dark if what == "X" else (),
            ),
            replayed=seq > 30,
        )
    opened.add_finding(finding(5, best_evidence_sha256=SHA256))
    opened.add_picture(StoredPicture("quay", "crawler-1", SHA256, is_thumbnail=False, content=picture()))
    yield opened
    opened.close()


def review(history: History, **fields) -> None:
    """What a person says of the finding."""
    history.add_review(
        StoredReview(
            **{
                "review_id": "review-0001",
                "site": "quay",
                "robot": "crawler-1",
                "finding_id": "crawler-1:epoch:f5",
                "opinion": ReviewJudgement.DISPUTED,
                "note": "mill scale",
                "reviewer": "Anna",
                "reviewed_at": START + timedelta(hours=1),
                "corrections": {"outcome": "uncorroded"},
                **fields,
            }
        )
    )


def rows(mission: Mission) -> list[dict[str, str]]:
    """The table, read back."""
    return list(csv.DictReader(io.StringIO(render_mission_csv(mission))))


def text_of(pdf: bytes, folder: Path) -> str:
    """What a reader finds in the document."""
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed (Debian package poppler-utils)")
    (folder / "read.pdf").write_bytes(pdf)
    return subprocess.run(
        ["pdftotext", "-layout", str(folder / "read.pdf"), "-"], capture_output=True, text=True, check=True
    ).stdout


def test_a_mission_says_what_was_covered_and_what_not(history):
    """Counted by hand: 30 came of 40, 25 judged, 5 in the dark, 10 missing, a metre not judged."""
    mission = collect_mission(history, WHO)
    assert (mission.frames, mission.judged, mission.missing) == (30, 25, 10)
    assert mission.outcomes == {"uncorroded": 22, "corroded": 3, "not_inspectable": 5}
    assert mission.reasons == (("dark", "too dark", 5),)
    assert mission.replayed == 10
    assert mission.time_quality == {"synchronized": 30}
    assert mission.assets == ("pipe 7",)
    assert [(gap.first_seq, gap.last_seq) for gap in mission.gaps] == [(20, 29)]
    assert mission.hole_m == pytest.approx(0.5)  # five times the usual tenth of a metre
    stretches = [(stretch.from_m, stretch.to_m) for stretch in mission.unjudged]
    assert stretches == [(1.9, 3.0)]
    assert [found.finding.id for found in mission.findings] == ["crawler-1:epoch:f5"]


def test_a_mission_can_be_part_of_a_history(history):
    """A time window counts its own frames and findings, and no gap outside it."""
    late = Selection("quay", "crawler-1", since=START + timedelta(seconds=31))
    mission = collect_mission(history, late)
    assert (mission.frames, mission.missing, mission.findings) == (10, 0, ())
    early = Selection("quay", "crawler-1", until=START + timedelta(seconds=10))
    assert (collect_mission(history, early).frames, len(collect_mission(history, early).findings)) == (10, 1)


def test_without_anything_to_report_it_says_what_there_is(history):
    """An unknown robot and an empty time: one sentence that helps."""
    with pytest.raises(CorrosionError, match="never heard of it; known are quay/crawler-1"):
        collect_mission(history, Selection("quay", "crawler-2"))
    with pytest.raises(CorrosionError, match="no verdict in that time; the last one came at"):
        collect_mission(history, Selection("quay", "crawler-1", since=START + timedelta(days=9)))


def test_the_table_has_a_row_for_each_finding_with_what_the_mission_covered(history):
    """Place, estimates named so, what people said; and a cell is never a spreadsheet's formula."""
    review(history, reviewer=HOSTILE[0], note=HOSTILE[1])
    (row,) = rows(collect_mission(history, WHO))
    assert (row["from_m"], row["to_m"], row["severity"]) == ("0.5", "0.7", "late")
    assert (row["iso_4628_3_estimate"], row["astm_d610_estimate"]) == ("Ri 4", "4")
    assert (row["review"], row["review_outcome"], row["review_note"]) == (
        "disputed",
        "uncorroded",
        HOSTILE[1],
    )
    assert row["reviewed_by"] == f"'{HOSTILE[0]}"
    assert (row["frames_not_inspectable"], row["verdicts_missing"]) == ("5", "10")


def test_a_mission_without_a_finding_is_one_row(history):
    """What was covered is told all the same."""
    mission = collect_mission(history, Selection("quay", "crawler-1", since=START + timedelta(seconds=31)))
    (row,) = rows(mission)
    assert (row["finding_id"], row["frames_uncorroded"]) == ("", "5")


def test_the_document_says_all_of_it(history, tmp_path):
    """Coverage, gaps, the finding with its review, estimates called that, hashes, a place to sign."""
    pdf_of = pytest.importorskip("edge_node.control_room.report.mission_pdf").render_mission_pdf
    review(history)
    mission = collect_mission(history, WHO)
    content = pdf_of(mission, title="Inspection of pipe 7")
    text = text_of(content, tmp_path)
    for words in (
        *("Inspection of pipe 7", "quay", "crawler-1", "25 (83.3%)", "5 not inspectable", "10 verdicts"),
        *("1 (0 confirmed, 1 disputed, 0 not reviewed)", "0.50 to 0.70 m", "Ri 4", "no measurement by ISO"),
        *("disputed by Anna", "uncorroded", "mill scale", "numbers 20 to 29", "signature", "page 1 of"),
        *("does not mean that the metal is sound", "distance along the path, m", "dark 5"),
    ):
        assert words in text, words
    assert content.count(b"/Subtype /Image") == 1


@pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
def test_no_name_or_note_breaks_the_document(history, tmp_path, words):
    """Any script, endless words, markup and signs that no font has: on paper, or as boxes with a note."""
    pdf_of = pytest.importorskip("edge_node.control_room.report.mission_pdf").render_mission_pdf
    history.add_verdict(verdict(41, "U", asset=words))
    review(history, reviewer=words[:64], note=words)
    text = text_of(pdf_of(collect_mission(history, WHO), title=words), tmp_path)
    assert "Findings: 1 (0 confirmed, 1 disputed" in text
    if "Анна" in words:
        assert "Анна" in text


def test_pictures_that_are_none_leave_a_sentence(history, tmp_path):
    """Damaged bytes, a picture that has not come, and none that was kept."""
    pdf_of = pytest.importorskip("edge_node.control_room.report.mission_pdf").render_mission_pdf
    broken = "b" * 64
    history.add_picture(
        StoredPicture("quay", "crawler-1", broken, is_thumbnail=True, content=b"\xff\xd8no picture")
    )
    history.add_finding(finding(10, best_evidence_sha256=broken))
    history.add_finding(finding(12, best_evidence_sha256="c" * 64, from_pose=None, to_pose=None))
    history.add_finding(
        finding(14, best_evidence_sha256=None, from_pose=Pose(x_m=1.0), to_pose=Pose(x_m=2.0))
    )
    content = pdf_of(collect_mission(history, WHO))
    text = text_of(content, tmp_path)
    assert content.count(b"/Subtype /Image") == 1
    assert "kept no picture" in text
    assert "place not known" in text
    assert "x 1.00 m" in text


def test_a_robot_without_a_path_has_a_chart_over_time(tmp_path):
    """No pose at all: time is the axis, and nothing is said of a path."""
    pdf_of = pytest.importorskip("edge_node.control_room.report.mission_pdf").render_mission_pdf
    opened = History(tmp_path / "room")
    opened.add_verdict(verdict(1, "U"))  # a single frame: the axis has no length
    one = text_of(pdf_of(collect_mission(opened, WHO)), tmp_path)
    for seq in range(2, 600):
        opened.add_verdict(verdict(seq, "CU?X"[seq % 4]))
    text = text_of(pdf_of(collect_mission(opened, WHO)), tmp_path)
    opened.close()
    for found in (one, text):
        assert "time, UTC" in found
        assert "not known to the robot" in found
        assert "No finding was opened. That is not the same as no corrosion" in " ".join(found.split())


def test_the_command_line_writes_both_and_never_over_a_file(history, tmp_path):
    """PDF and CSV by the name's end; what is there, a wrong end and a wrong time are a sentence each."""
    pytest.importorskip("fpdf")
    where = ("mission", "report", "--state-dir", str(tmp_path / "room"), "--robot", "quay/crawler-1")
    for name, begins in (("out.pdf", b"%PDF-"), ("out.csv", b"number,finding_id")):
        ran = command("edge_node.cli", *where, "--from", "2026-03-01", str(tmp_path / name))
        assert ran.returncode == 0, ran.stderr
        assert "30 frames, 25 judged, 10 never delivered; 1 findings" in ran.stdout
        assert (tmp_path / name).read_bytes().startswith(begins)
    for arguments, said in (
        ((str(tmp_path / "out.pdf"),), "is there already"),
        ((str(tmp_path / "out.doc"),), "ends in .pdf or .csv"),
        ((str(tmp_path / "x.pdf"), "--to", "2020-01-01T00:00Z"), "no verdict in that time"),
    ):
        ran = command("edge_node.cli", *where, *arguments)
        assert (ran.returncode, said in ran.stderr, len(ran.stderr.splitlines())) == (1, True, 1), ran.stderr
    own = {"XDG_STATE_HOME": str(tmp_path / "state")}  # where `control-room --broker HOST` keeps it
    (tmp_path / "state").mkdir()
    (tmp_path / "room").rename(tmp_path / "state" / "corrosion-room")
    mine = ("mission", "report", "--robot", "quay/crawler-1", str(tmp_path / "mine.csv"))
    ran = command("edge_node.cli", *mine, env=own)
    assert ran.returncode == 0, ran.stderr
    wrong = command("edge_node.cli", *where, str(tmp_path / "x.pdf"), "--from", "yesterday")
    assert wrong.returncode == 2
    assert "wanted a time like" in wrong.stderr
