"""The report's pages: nothing overlaps, however much there is, and nothing is written into the log."""

from __future__ import annotations

import logging
from dataclasses import replace

import cv2
import msgspec
import numpy as np
import pytest

from edge_node.control_room.report.mission import collect_mission
from edge_node.control_room.report.report_details import ReportDetails, parse_zone
from edge_node.messages.finding import BestEvidence
from edge_node.messages.verdict import Pose
from tests.support.missions import WHO
from tests.support.pdf_layout import find_overlaps, words_of
from tests.support.pdf_text import paragraphs_of, text_of


def pdf_of(*parts):
    """The document, where fpdf2 is installed."""
    return pytest.importorskip("edge_node.control_room.report.mission_pdf").render_mission_pdf(*parts)


def test_many_findings_stay_readable(history, tmp_path):
    """No word stands upon another one, and none below the foot; rows, numbers on the chart, captions."""
    mission = collect_mission(history, WHO)
    (found,) = mission.findings
    many = []
    for at in range(70):
        shown = BestEvidence(verdict="crawler-1:epoch:9", severity="mid", area_fraction=0.14, confidence=0.9)
        ends = {"from_pose": Pose(distance_m=at / 18), "to_pose": Pose(distance_m=at / 18 + 0.02)}
        it = msgspec.structs.replace(
            found.finding,
            id=f"crawler-1:0f9c4b7e-6a1d-4c55-9a0e-2f1f5f6e7a11:f{at}",
            material=("mild steel", "galvanized_steel", "aluminium")[at % 3],
            form="pitting below the coating" if at % 7 == 0 else None,
            best_evidence=shown,
            **ends,
        )
        many.append(replace(found, number=at + 1, finding=it, picture=found.picture if at % 2 else None))
    words = words_of(pdf_of(replace(mission, findings=tuple(many))), tmp_path)
    assert find_overlaps(words) == []
    assert max(word.bottom for word in words) < 297 / 25.4 * 72 - 12
    assert max(word.right for word in words) < 210 / 25.4 * 72 - 40
    assert {str(number) for number in range(1, 71)} <= {word.text for word in words}


def test_fonts_and_documents_write_nothing_into_the_log(history, caplog):
    """Whatever level the room logs at, down to info."""
    with caplog.at_level(logging.INFO):
        pdf_of(collect_mission(history, WHO))
    assert [record.name for record in caplog.records] == []


def test_the_first_page_says_for_whom_it_is_with_a_logo_and_times_with_their_zone(history, tmp_path):
    """Client and order number as given: no markup; the summary in sentences; the record plainly."""
    logo = cv2.imencode(".png", np.full((60, 200, 3), 90, np.uint8))[1].tobytes()
    details = ReportDetails(
        client="Hafenwerke <b>AG</b> {nb}", order="2026-117", logo=logo, zone=parse_zone("Europe/Berlin")
    )
    content = pdf_of(collect_mission(history, WHO), details)
    text = text_of(content, tmp_path)
    told = " ".join(text.split())
    assert "Hafenwerke <b>AG</b>" in told
    assert "2026-117" in told
    assert "2026-03-01 13:00:01 +01:00 to 2026-03-01 13:00:40 +01:00" in told
    assert "crawler-1 inspected pipe 7 from 0.10 m to 4.00 m: 25 of 30 frames were judged." in told
    assert (
        "1 finding, 0 confirmed and 0 disputed; the worst is number 1: severity late, 0.50 to 0.70 m." in told
    )
    assert "10 verdicts are missing. The record is not proved; see Record." in told
    assert "UTC" not in told
    assert content.count(b"/Subtype /Image") == 3  # the logo, the picture and its outlined twin


def test_lines_after_one_that_begins_in_another_font_are_there(tmp_path):
    """Also on the next page: a font that was set within a line's colour was lost with it."""
    parts = pytest.importorskip("edge_node.control_room.report.pdf_document")
    name = "\N{WHITE SQUARE} yard " + " ".join(f"word{at}" for at in range(800))
    document = parts.PdfDocument(ReportDetails(title=name[:100]), "foot", [name])
    document.write_title(name)
    content = document.render()
    told = paragraphs_of(content, tmp_path).split()
    assert [word for word in name.split() if word not in told] == []
    assert told.count("foot") == 2


def test_names_from_the_right_are_in_order_and_nothing_turns_text_round(tmp_path):
    """Hebrew as it is read, where a font of this machine has it; no mark makes "live" of "evil"."""
    parts = pytest.importorskip("edge_node.control_room.report.pdf_document")
    name = "\u05e9\u05dc\u05d5\u05dd"
    document = parts.PdfDocument(ReportDetails(title=name), "foot", [name, "\u202eevil"])
    document.write_title(f"{name} 12 \u202eevil")
    told = paragraphs_of(document.render(), tmp_path)
    assert "evil" in told
    if document.face.missing:
        pytest.skip("no font on this machine has Hebrew (Debian package fonts-dejavu-core)")
    assert told.count(name) == 2
