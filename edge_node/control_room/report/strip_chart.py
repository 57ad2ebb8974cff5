"""Draw the strip chart of a mission into the PDF: distance or time across, severity upwards."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from edge_node.control_room.report.fonts_used import FAMILY
from edge_node.control_room.report.mission import seen_at
from edge_node.control_room.report.mission_totals import distance_m
from edge_node.control_room.report.report_details import ReportDetails

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fpdf import FPDF

    from edge_node.control_room.history.strip_cells import StripCell
    from edge_node.control_room.report.mission import Mission, MissionFinding
    from edge_node.control_room.report.pdf_document import PdfDocument

INK, MUTED, RULE = (32, 38, 43), (105, 115, 122), (205, 212, 217)
UNCORRODED = (112, 158, 122)
_NOT_JUDGED = (170, 178, 184)
_CORRODED = ((226, 190, 92), (219, 138, 48), (178, 52, 40))  # from the least to the worst
_LABEL_MM, _ROW_MM, _MARKS_MM, _AXIS_MM = 27.0, 6.0, 6.0, 10.0
_SEVERITIES = ("none", "mid", "late")  # of the default bundle; others get rows below these
_STEPS = (1, 2, 5)
_TICKS = 8


def list_severities(mission: Mission) -> list[str]:
    """Return the severities in the mission, the worst first; "" is corroded without a severity."""
    seen = {name for cell in mission.strip for name in cell.by_severity}
    known = [name for name in _SEVERITIES if name in seen]
    others = sorted(seen - set(_SEVERITIES) - {""})
    return [*reversed(known), *others, *([""] if "" in seen else [])]


def compute_chart_height_mm(mission: Mission) -> float:
    """Return the height of the chart."""
    return _MARKS_MM + _ROW_MM * (len(list_severities(mission)) + 2) + _AXIS_MM + 2


def draw_strip(document: PdfDocument, mission: Mission, box: tuple[float, float, float, float]) -> None:
    """Draw into ``box``: left, top, width, height in mm.

    There is a row for each severity, one for uncorroded metal and one for frames not judged. A box means that
    at least one frame of the stretch belongs to the row; it is darker the larger their share.
    """
    pdf, face = document.pdf, document.face
    left, top, width, _ = box
    start, end = mission.strip[0].start, mission.strip[-1].end
    left, width = left + _LABEL_MM, width - _LABEL_MM
    scale = width / max(end - start, 1e-9)
    severities = list_severities(mission)
    labels = [
        *(f"corroded, {name}" if name else "corroded" for name in severities),
        "uncorroded",
        "not judged",
    ]
    pdf.set_font(FAMILY, "", 8)
    y = top + _MARKS_MM
    for at, label in enumerate(labels):
        pdf.set_draw_color(*RULE)
        pdf.line(left, y + (at + 1) * _ROW_MM, left + width, y + (at + 1) * _ROW_MM)
        pdf.set_text_color(*MUTED)
        pdf.set_xy(left - _LABEL_MM, y + at * _ROW_MM)
        pdf.cell(_LABEL_MM - 1.5, _ROW_MM, face.clean(label)[:22], align="R")
    for cell in mission.strip:
        x, w = left + (cell.start - start) * scale, max((cell.end - cell.start) * scale, 0.15)
        for at, share, colour in _boxes(cell, severities):
            pdf.set_fill_color(*_mixed(colour, share))
            pdf.rect(x, y + at * _ROW_MM + 0.6, w, _ROW_MM - 1.0, style="F")
    bottom = y + len(labels) * _ROW_MM
    _marks(pdf, mission, (left, top, width), (start, scale))
    draw_axis(pdf, (left, bottom, width), (start, end), mission.along_path, document.details)


def draw_bar(
    pdf: FPDF,
    cells: Iterable[StripCell],
    box: tuple[float, float, float, float],
    ends: tuple[float, float],
) -> None:
    """Draw cells as one bar, each in the colour of the worst that it holds; ``ends`` are those of the box."""
    left, top, width, height = box
    scale = width / max(ends[1] - ends[0], 1e-9)
    for cell in cells:
        named = [name for name in cell.by_severity if name in _SEVERITIES]
        colour = _NOT_JUDGED
        if named:
            colour = _CORRODED[max(map(_SEVERITIES.index, named))]
        elif cell.corroded:
            colour = _CORRODED[1]
        elif cell.judged:
            colour = UNCORRODED
        pdf.set_fill_color(*colour)
        x = left + (cell.start - ends[0]) * scale
        pdf.rect(x, top, max((cell.end - cell.start) * scale, 0.15), height, style="F")


def _boxes(cell: StripCell, severities: list[str]) -> Iterator[tuple[int, float, tuple[int, int, int]]]:
    """Yield row, share of frames and colour of each box of a cell."""
    frames = max(cell.judged + cell.not_judged, 1)
    for at, name in enumerate(severities):
        if count := cell.by_severity.get(name, 0):
            worst = len(_CORRODED) - 1 - at if name in _SEVERITIES else 1
            yield at, count / frames, _CORRODED[max(worst, 0)]
    if uncorroded := cell.judged - cell.corroded:
        yield len(severities), uncorroded / frames, UNCORRODED
    if cell.not_judged:
        yield len(severities) + 1, cell.not_judged / frames, _NOT_JUDGED


def _mixed(colour: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    """Mix a colour with white, never so faint that it disappears in print."""
    strength = 0.35 + 0.65 * share
    red, green, blue = (round(255 - (255 - part) * strength) for part in colour)
    return red, green, blue


def _marks(pdf: FPDF, mission: Mission, box: tuple[float, float, float], axis: tuple[float, float]) -> None:
    """Draw the findings' extents above the rows, and the numbers of as many as have room."""
    left, top, width = box
    start, scale = axis
    pdf.set_font(FAMILY, "B", 6.5)
    pdf.set_text_color(*INK)
    pdf.set_draw_color(*INK)
    y, used_to = top + 5.2, -1e9
    for found in mission.findings:
        span = _find_span(found, along_path=mission.along_path)
        if span is None:
            continue
        begin, end = (min(max(left + (value - start) * scale, left), left + width) for value in span)
        pdf.line(begin, y, max(end, begin + 0.4), y)
        label = str(found.number)
        room = pdf.get_string_width(label) + 1.2
        if begin > used_to and begin + room < left + width + 4:
            pdf.set_xy(begin - 1.0, y - 3.4)
            pdf.cell(room + 2, 2.6, label)
            used_to = begin + room


def _find_span(found: MissionFinding, *, along_path: bool) -> tuple[float, float] | None:
    finding = found.finding
    if not along_path:
        first_at, last_at = seen_at(finding)
        return first_at.timestamp(), last_at.timestamp()
    begin, end = distance_m(finding.from_pose), distance_m(finding.to_pose)
    return None if begin is None or end is None else (min(begin, end), max(begin, end))


def draw_axis(
    pdf: FPDF,
    box: tuple[float, float, float],
    ends: tuple[float, float],
    is_distance: bool,
    details: ReportDetails | None = None,
) -> None:
    """Draw the axis of a chart: its left end, top and width, and the values at its ends."""
    left, y, width = box
    start, end = ends
    scale = width / max(end - start, 1e-9)
    pdf.set_draw_color(*INK)
    pdf.line(left, y, left + width, y)
    pdf.set_font(FAMILY, "", 7)
    pdf.set_text_color(*MUTED)
    moment = (details or ReportDetails()).moment
    for value in _ticks(start, end):
        x = left + (value - start) * scale
        pdf.line(x, y, x, y + 1.2)
        text = f"{value:g}" if is_distance else moment(datetime.fromtimestamp(value, timezone.utc))[11:19]
        pdf.set_xy(min(max(x - 9, left - 9), left + width - 15), y + 1.4)
        pdf.cell(18, 3, text, align="C")
    pdf.set_xy(left, y + 4.6)
    zone = moment(datetime.fromtimestamp(start, timezone.utc))[20:] if not is_distance else ""
    pdf.cell(width, 3.4, "distance along the path, m" if is_distance else f"time, {zone}", align="C")


def _ticks(start: float, end: float) -> Iterator[float]:
    """Yield round numbers from ``start`` to ``end``."""
    power = 1e-3
    while True:
        for step in _STEPS:
            if (end - start) / (step * power) <= _TICKS:
                first = -(-start // (step * power))
                for at in range(_TICKS + 2):
                    value = (first + at) * step * power
                    if value <= end * (1 + 1e-12):
                        yield round(value, 6)
                return
        power *= 10
