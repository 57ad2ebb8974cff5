"""Render what changed between two missions as PDF: both strips, a table, each change with both pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.control_room.comparison.changes import ChangeKind
from edge_node.control_room.comparison.changes_text import (
    describe_mission,
    name_defect,
    name_mission,
    say_area,
    say_counts,
    say_kind,
    say_place,
    say_severity,
)
from edge_node.control_room.report.finding_text import draw_pictures
from edge_node.control_room.report.fonts_used import FAMILY
from edge_node.control_room.report.pdf_document import (
    BLOCK,
    CAPTION,
    MARGIN_MM,
    MUTED,
    NOTE,
    SMALL_MM,
    SUMMARY,
    WIDTH_MM,
    PdfDocument,
)
from edge_node.control_room.report.report_details import ReportDetails
from edge_node.control_room.report.report_text import ALL_CHARACTERS
from edge_node.control_room.report.strip_chart import draw_axis, draw_bar

if TYPE_CHECKING:
    from edge_node.control_room.comparison.changes import Change, Sight
    from edge_node.control_room.comparison.comparison import Comparison
    from edge_node.control_room.history.history import History
    from edge_node.control_room.history.missions.mission import AssetMission

TITLE = "Changes since"
_BAR_MM, _LABEL_MM = 7.0, 27.0
_HALF_MM = (WIDTH_MM - 6) / 2
_CAUTION = (
    "Gone means that the later mission judged the place along its whole length and found no corrosion."
    " A place that was not judged, too dark or not reached is unseen this time: nothing is known of it."
)
_BOXES = {
    ChangeKind.NEW: (176, 58, 46),
    ChangeKind.GROWN: (176, 58, 46),
    ChangeKind.GONE: (46, 125, 79),
    ChangeKind.UNSEEN: (120, 120, 120),
    ChangeKind.SEEN_AGAIN: (200, 120, 40),
}


def render_changes_pdf(
    history: History, comparison: Comparison, details: ReportDetails | None = None
) -> bytes:
    """Render the document: unchanged defects stand in the table alone."""
    details = details or ReportDetails(title="Changes between two missions")
    later = comparison.later
    footer = f"{later.site}/{later.robot}   {details.moment(later.began_at)}"
    document = PdfDocument(details, footer, (*comparison.list_texts(), ALL_CHARACTERS))
    document.write_title(later.asset or "no asset named")
    given = [("Client", details.client), ("Order", details.order)]
    given = [(name, text) for name, text in given if text]
    document.facts([*given, ("Made", details.moment(details.made_at))])
    write_changes(document, comparison)
    told = [change for change in comparison.changes if change.kind in _BOXES]
    if told:
        document.heading("The changes one by one", 90)
    for change in told:
        _write_change(document, history, comparison, change)
    return document.render()


def write_changes(document: PdfDocument, comparison: Comparison) -> None:
    """Write both missions, their strips in the same metres, and a table of all defects that they saw."""
    moment = document.details.moment
    document.heading(f"{TITLE} {name_mission(comparison.earlier, moment)}", 60)
    document.write(say_counts(comparison), SUMMARY)
    document.pdf.ln(2)
    facts = [
        ("Then", describe_mission(comparison.earlier, moment)),
        ("Now", describe_mission(comparison.later, moment)),
        ("Places", comparison.drift),
    ]
    if comparison.left_out:
        facts.append(("Left out", f"{comparison.left_out} that a person called no defect"))
    document.facts(facts)
    _draw_strips(document, comparison)
    if comparison.changes:
        document.pdf.ln(2)
        rows: list[tuple[str, ...]] = [
            ("defect", "where", "change", "severity then", "now", "area then", "now")
        ]
        rows += [_row(change) for change in comparison.changes]
        document.table((30, 32, 36, 22, 16, 24, 18), rows)
    document.pdf.ln(2)
    document.write(_CAUTION, NOTE)


def _row(change: Change) -> tuple[str, ...]:
    defect = change.defect
    return (
        name_defect(defect),
        say_place(defect),
        say_kind(change),
        say_severity(defect.earlier),
        say_severity(defect.later),
        say_area(defect.earlier),
        say_area(defect.later),
    )


def _draw_strips(document: PdfDocument, comparison: Comparison) -> None:
    """Draw both strips one above the other, in metres of the asset."""
    both = comparison.cells
    if both is None or not any(both):
        return
    document.need(2 * _BAR_MM + 18)
    document.pdf.ln(3)
    cells = [*both[0], *both[1]]
    start, end = min(cell.start for cell in cells), max(cell.end for cell in cells)
    left, width, top = MARGIN_MM + _LABEL_MM, WIDTH_MM - _LABEL_MM, document.pdf.get_y()
    for at, (label, strip) in enumerate(zip(("then", "now"), both, strict=True)):
        y = top + at * (_BAR_MM + 1)
        document.pdf.set_font(FAMILY, "", 8)
        document.pdf.set_text_color(*MUTED)
        document.pdf.set_xy(MARGIN_MM, y)
        document.pdf.cell(_LABEL_MM - 1.5, _BAR_MM, label, align="R")
        draw_bar(document.pdf, strip, (left, y, width, _BAR_MM), (start, end))
    bottom = top + 2 * (_BAR_MM + 1)
    draw_axis(document.pdf, (left, bottom, width), (start, end), is_distance=True)
    document.pdf.set_y(bottom + 9)
    document.write(
        "red, orange, yellow: corroded, from the worst to the least; green: uncorroded; grey: not judged;"
        " white: no frame",
        CAPTION,
    )


def _write_change(document: PdfDocument, history: History, comparison: Comparison, change: Change) -> None:
    defect = change.defect
    document.need(SMALL_MM[1] + 34)
    document.rule()
    top = document.pdf.get_y()
    title = f"{name_defect(defect)}, {say_place(defect)}"
    document.write(title, BLOCK, width_mm=WIDTH_MM - 46)
    document.badge(say_kind(change), _BOXES[change.kind], top + 0.5)
    document.write(f"{change.text}.")
    body = document.pdf.get_y() + 1
    ends = []
    sides = ((comparison.earlier, defect.earlier, "then"), (comparison.later, defect.later, "now"))
    for at, (mission, sight, word) in enumerate(sides):
        document.pdf.set_y(body)
        left = MARGIN_MM + at * (_HALF_MM + 6)
        ends.append(_write_sight(document, history, mission, sight, (word, left)))
    document.pdf.set_y(max(ends) + 2)


def _write_sight(
    document: PdfDocument,
    history: History,
    mission: AssetMission,
    sight: Sight | None,
    place: tuple[str, float],
) -> float:
    word, left = place
    if sight is None:
        return document.pictures(draw_pictures(None), "", left, f"not found {word}", SMALL_MM)
    picture = history.picture(mission.site, sight.robot, sight.picture) if sight.picture else None
    pair = draw_pictures(picture)
    shows = sight.shows or "the robot does not say of which frame it is"
    worst = f"{sight.severity or 'severity not told'}, {say_area(sight)} at most"
    caption = f"{word}, {document.details.moment(sight.at)}. The picture: {shows}. All frames: {worst}."
    missing = f"{word}, {document.details.moment(sight.at)}: the picture has not come, or is deleted"
    return document.pictures(pair, caption, left, missing, SMALL_MM)
