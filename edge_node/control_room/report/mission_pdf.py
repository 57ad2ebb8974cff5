"""Render a mission report as PDF, for an inspector to check on site and sign."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from edge_node.control_room.report import report_text
from edge_node.control_room.report.changes_pdf import write_changes
from edge_node.control_room.report.finding_text import (
    caption_picture,
    describe_finding,
    draw_pictures,
    explain_missing_picture,
    title_finding,
)
from edge_node.control_room.report.fonts_used import FAMILY
from edge_node.control_room.report.mission_csv import render_mission_csv
from edge_node.control_room.report.pdf_document import (
    BLOCK,
    END_MM,
    FINE,
    INK,
    MARGIN_MM,
    MUTED,
    PAIR_MM,
    PICTURE_MM,
    SUMMARY,
    WIDTH_MM,
    PdfDocument,
)
from edge_node.control_room.report.report_details import ReportDetails
from edge_node.control_room.report.strip_chart import compute_chart_height_mm, draw_strip

if TYPE_CHECKING:
    from edge_node.control_room.comparison.comparison import Comparison
    from edge_node.control_room.report.mission import Mission, MissionFinding

_BOXES = {"confirmed": (46, 125, 79), "disputed": (176, 58, 46), "not reviewed": (120, 120, 120)}
_FACTS_MM = 18.0  # of the names beside a picture


def render_mission_pdf(
    mission: Mission, details: ReportDetails | None = None, comparison: Comparison | None = None
) -> bytes:
    """Render the document.

    Args:
        mission: the figures and findings to print.
        details: title, client, order, logo, zone and date.
        comparison: with the mission before over the same asset, for the changes since.
    """
    details = details or ReportDetails()
    table = render_mission_csv(mission, details)
    fingerprint = hashlib.sha256(table.encode()).hexdigest()
    who = f"{mission.selection.site}/{mission.selection.robot}"
    footer = f"{who}   {details.moment(mission.first_at)}   data {fingerprint[:16]}"
    texts = [table, report_text.ALL_CHARACTERS, *(comparison.list_texts() if comparison else ())]
    document = PdfDocument(details, footer, texts)
    _write_front(document, mission)
    if comparison is not None:
        write_changes(document, comparison)
    _write_findings(document, mission)
    _write_means(document, mission)
    _write_signatures(document, fingerprint)
    return document.render()


def _write_front(document: PdfDocument, mission: Mission) -> None:
    """Write the summary: mission, coverage, chart, table of findings, cautions."""
    document.write_title(" · ".join(mission.assets) or "no asset named")
    document.write(report_text.summarize(mission), SUMMARY)
    document.pdf.ln(3)
    document.facts(report_text.describe_mission(mission, document.details))
    document.heading("Coverage")
    document.facts(report_text.describe_coverage(mission))
    height = compute_chart_height_mm(mission)
    document.heading("Along the path" if mission.along_path else "Over time", height + 12)
    top = document.pdf.get_y()
    draw_strip(document, mission, (MARGIN_MM, top, WIDTH_MM, height))
    document.pdf.set_y(top + height)
    document.heading(f"Findings: {report_text.count_findings(mission)}")
    if mission.findings:
        document.table((9, 29, 28, 20, 24, 26, 16, 26), report_text.list_finding_rows(mission))
    else:
        document.write(report_text.NO_FINDING)
    document.heading("What these figures are, and are not")
    for sentence in report_text.list_cautions(mission):
        document.bullet(sentence)


def _write_findings(document: PdfDocument, mission: Mission) -> None:
    """Write one block for each finding: picture and facts."""
    if not mission.findings:
        return
    document.heading("The findings one by one", 80)
    for found in mission.findings:
        _write_finding(document, found)


def _write_finding(document: PdfDocument, found: MissionFinding) -> None:
    document.need(PICTURE_MM[1] + 28)
    document.rule()
    top = document.pdf.get_y()
    state = found.review.judgement.value if found.review else "not reviewed"
    document.write(f"{found.number}   {title_finding(found)}", BLOCK, width_mm=WIDTH_MM - 30)
    document.badge(state, _BOXES[state], top + 0.5)
    body, page = document.pdf.get_y() + 1, document.pdf.page
    document.pdf.set_y(body)
    pair = draw_pictures(found.picture)
    caption = caption_picture(found, is_pair=pair.outlined is not None)
    end = document.pictures(pair, caption, MARGIN_MM, explain_missing_picture(found))
    document.pdf.set_y(body)
    document.narrow_facts(describe_finding(found, document.details), MARGIN_MM + PAIR_MM + 5, _FACTS_MM)
    is_same_page = document.pdf.page == page
    document.pdf.set_y((max(end, document.pdf.get_y()) if is_same_page else document.pdf.get_y()) + 2)


def _write_means(document: PdfDocument, mission: Mission) -> None:
    """Write bundles, configurations, cameras and gaps, so that the inspection can be repeated."""
    document.heading("How it was found")
    document.facts(report_text.describe_means(mission))
    if mission.gaps:
        document.heading("Missing verdicts")
        document.facts(report_text.list_gaps(mission))
    if document.face.missing:
        missing = sorted(document.face.missing)[:8]
        codes = ", ".join(f"U+{ord(character):04X}" for character in missing)
        document.bullet(
            f"Some characters ({codes}) are in no font on the machine that made this report and are shown"
            " as boxes; a package such as fonts-noto-cjk brings them."
        )


def _write_signatures(document: PdfDocument, fingerprint: str) -> None:
    """Write the inspector's statement with lines for name, date and signature."""
    pdf = document.pdf
    document.need(52)
    document.heading("Assessment of the inspector")
    document.write(report_text.STATEMENT)
    pdf.ln(14)
    width = (WIDTH_MM - 12) / 3
    top = pdf.get_y()
    pdf.set_draw_color(*INK)
    for at, label in enumerate(("name", "place and date", "signature")):
        left = MARGIN_MM + at * (width + 6)
        pdf.line(left, top, left + width, top)
        pdf.set_xy(left, top + 1)
        pdf.set_font(FAMILY, "", 8)
        pdf.set_text_color(*MUTED)
        pdf.cell(width, 4, label)
    pdf.set_y(min(top + 10, END_MM - 6))
    text = f"Fingerprint of the data in this report (SHA-256 of its CSV): {fingerprint}"
    document.write(text, FINE)
