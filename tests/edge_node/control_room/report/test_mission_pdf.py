"""The mission's document: it says all of it, whatever the names and pictures."""

from __future__ import annotations

import pytest

from edge_node.control_room.history.records import StoredPicture
from edge_node.control_room.report.mission import collect_mission
from edge_node.control_room.report.report_details import ReportDetails
from edge_node.messages.finding import BestEvidence
from edge_node.messages.verdict import Pose
from tests.support.missions import HOSTILE, SHA256, WHO, finding, review
from tests.support.pdf_text import paragraphs_of, text_of
from tests.support.verdicts import verdict

EVIDENCE = {"best_evidence_sha256": SHA256}


def test_the_document_says_all_of_it(history, tmp_path):
    """Coverage, gaps, the finding with its review, estimates called that, hashes, a place to sign."""
    pdf_of = pytest.importorskip("edge_node.control_room.report.mission_pdf").render_mission_pdf
    review(history)
    mission = collect_mission(history, WHO)
    content = pdf_of(mission, ReportDetails(title="Inspection of pipe 7"))
    text = text_of(content, tmp_path)
    for words in (
        *("Inspection of pipe 7", "quay", "crawler-1", "25 (83.3%)", "5 not inspectable", "10 verdicts"),
        *("1 (0 confirmed, 1 disputed, 0 not reviewed)", "0.50 to 0.70 m", "Ri 4", "not measurements by ISO"),
        *("disputed by Anna", "uncorroded", "mill scale", "numbers 20 to 29", "signature", "page 1 of"),
        *("the metal there may still be corroded", "distance along the path, m", "dark 5"),
    ):
        assert words in text, words
    assert content.count(b"/Subtype /Image") == 2  # plain, and its outlined twin


def test_a_pictures_caption_is_of_the_picture(history, tmp_path):
    """Severity and area below it are not the finding's peaks; an older robot's picture claims none."""
    pdf_of = pytest.importorskip("edge_node.control_room.report.mission_pdf").render_mission_pdf
    of = {"confidence": 0.99, "severity": "mid", "severity_confidence": 0.9, "area_fraction": 0.14}
    shown = BestEvidence(verdict="crawler-1:epoch:11", **of)
    worst = BestEvidence(verdict="crawler-1:epoch:13", **{**of, "severity": "late", "area_fraction": 1.0})
    history.add_finding(finding(10, best_verdict="crawler-1:epoch:12", best_evidence=shown, **EVIDENCE))
    history.add_finding(finding(12, best_evidence=worst, **EVIDENCE))
    captions = paragraphs_of(pdf_of(collect_mission(history, WHO)), tmp_path)
    assert (
        "whole picture: mid, about 14% corroded, confidence 99%, the worst frame (late) has no picture"
        in captions
    )
    assert "whole picture: late, about 100% corroded, confidence 99%; right: where" in captions
    assert "a picture of this finding (whole picture), perhaps not of its worst frame" in captions


@pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
def test_no_name_or_note_breaks_the_document(history, tmp_path, words):
    """Any script, endless words, markup and signs that no font has: on paper, or as boxes with a note."""
    pdf_of = pytest.importorskip("edge_node.control_room.report.mission_pdf").render_mission_pdf
    history.add_verdict(verdict(41, "U", asset=words))
    review(history, reviewer=words[:64], note=words)
    text = text_of(pdf_of(collect_mission(history, WHO), ReportDetails(title=words)), tmp_path)
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
    assert content.count(b"/Subtype /Image") == 2  # plain, and its outlined twin
    assert "kept no picture" in text
    assert "place not known" in text
    assert "x 1.00 m" in text
