"""Render a mission report as PDF, for an inspector to check on site and sign."""

from __future__ import annotations

import hashlib
import logging
from contextlib import contextmanager
from datetime import datetime, timezone
from io import BytesIO
from typing import TYPE_CHECKING

from edge_node import __version__
from edge_node.control_room.report import report_text
from edge_node.control_room.report.fonts_used import FAMILY, Typeface
from edge_node.control_room.report.mission_csv import render_mission_csv
from edge_node.control_room.report.strip_chart import INK, MUTED, RULE, compute_chart_height_mm, draw_strip
from edge_node.errors import CorrosionError

try:
    from fpdf import FPDF
    from fpdf.enums import TableBordersLayout, TableCellFillMode, XPos, YPos
    from fpdf.fonts import FontFace
except ImportError:
    raise CorrosionError("the report needs fpdf2: pip install 'corrosion-edge-node[control-room]'") from None

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_node.control_room.report.mission import Mission, MissionFinding

_MARGIN_MM, _FOOT_MM = 16.0, 18.0
_WIDTH_MM = 210.0 - 2 * _MARGIN_MM
_PICTURE_MM = (76.0, 57.0)
_ACCENT = (23, 70, 92)
_SHADE = (240, 243, 245)
logging.getLogger("fontTools").setLevel(logging.WARNING)  # 129 lines about a report's fonts
_BOXES = {"confirmed": (46, 125, 79), "disputed": (176, 58, 46), "not reviewed": (120, 120, 120)}


def render_mission_pdf(
    mission: Mission, *, title: str = "Inspection report", made_at: datetime | None = None
) -> bytes:
    """Render the document.

    Args:
        mission: the figures and findings to print.
        title: heading of the first page.
        made_at: date of the report; now if None.
    """
    made_at = made_at or datetime.now(timezone.utc)
    table = render_mission_csv(mission)
    fingerprint = hashlib.sha256(table.encode()).hexdigest()
    document = _Document(mission, title, made_at, fingerprint, table + title)
    document.write_front()
    document.write_findings()
    document.write_means()
    document.write_signatures()
    return document.render()


class _Page(FPDF):
    """A PDF whose pages have the report's footer."""

    def __init__(self) -> None:
        super().__init__(format="A4")
        self._footer_text = ""

    def set_footer(self, text: str) -> None:
        """Set the text at the left of every footer."""
        self._footer_text = text

    def footer(self) -> None:
        """Write the footer; fpdf2 calls this at the end of each page."""
        self.set_y(-_FOOT_MM + 4)
        self.set_draw_color(*RULE)
        self.line(_MARGIN_MM, self.get_y(), _MARGIN_MM + _WIDTH_MM, self.get_y())
        self.set_font(FAMILY, "", 7.5)
        self.set_text_color(*MUTED)
        self.cell(_WIDTH_MM - 24, 6, self._footer_text)
        self.cell(24, 6, f"page {self.page_no()} of {{nb}}", align="R")


class _Document:
    """The document while its parts are written."""

    def __init__(self, mission: Mission, title: str, made_at: datetime, fingerprint: str, texts: str) -> None:
        self._pdf = _Page()
        self._mission = mission
        self._title = title
        self._made_at = made_at
        self._fingerprint = fingerprint
        self._pdf.set_margins(_MARGIN_MM, _MARGIN_MM, _MARGIN_MM)
        self._pdf.set_auto_page_break(auto=True, margin=_FOOT_MM)
        self._face = Typeface(self._pdf, (texts, report_text.ALL_CHARACTERS))
        who = f"{mission.selection.site}/{mission.selection.robot}"
        footer = f"{who}   {mission.first_at:%Y-%m-%d %H:%M} UTC   data {fingerprint[:16]}"
        self._pdf.set_footer(self._face.clean(footer))
        self._pdf.set_title(f"{title} {who} {mission.first_at:%Y-%m-%d}")
        self._pdf.set_creator(f"corrosion-edge-node {__version__}")
        self._pdf.set_creation_date(made_at)
        self._pdf.add_page()

    def render(self) -> bytes:
        """Return the PDF file."""
        return bytes(self._pdf.output())

    def write_front(self) -> None:
        """Write the summary: mission, coverage, chart, table of findings, cautions."""
        mission = self._mission
        self._write(self._title, 20, "B", _ACCENT, 9)
        self._write(" · ".join(mission.assets) or "no asset named", 12, "", INK, 6)
        self._pdf.ln(3)
        self._facts(report_text.describe_mission(mission, self._made_at))
        self._heading("Coverage")
        self._facts(report_text.describe_coverage(mission))
        self._heading("Along the path" if mission.along_path else "Over time")
        self._strip()
        self._heading(f"Findings: {report_text.count_findings(mission)}")
        self._findings_table()
        self._heading("What these figures are, and are not")
        for sentence in report_text.list_cautions(mission):
            self._bullet(sentence)

    def write_findings(self) -> None:
        """Write one block for each finding: picture and facts."""
        if not self._mission.findings:
            return
        self._heading("The findings one by one")
        for found in self._mission.findings:
            self._finding(found)

    def write_means(self) -> None:
        """Write bundles, configurations, cameras and gaps, so that the inspection can be repeated."""
        self._heading("How it was found")
        self._facts(report_text.describe_means(self._mission))
        if self._mission.gaps:
            self._heading("Verdicts that never came")
            self._facts(report_text.list_gaps(self._mission))
        if self._face.missing:
            missing = sorted(self._face.missing)[:8]
            codes = ", ".join(f"U+{ord(character):04X}" for character in missing)
            self._bullet(
                f"Some characters ({codes}) are in no font on the machine that made this report and are shown"
                " as boxes; a package such as fonts-noto-cjk brings them."
            )

    def write_signatures(self) -> None:
        """Write the inspector's statement with lines for name, date and signature."""
        if self._pdf.get_y() > 297 - _FOOT_MM - 52:
            self._pdf.add_page()
        self._heading("Assessment of the inspector")
        self._write(report_text.STATEMENT, 9, "", INK, 4.6)
        self._pdf.ln(14)
        width = (_WIDTH_MM - 12) / 3
        top = self._pdf.get_y()
        self._pdf.set_draw_color(*INK)
        for at, label in enumerate(("name", "place and date", "signature")):
            left = _MARGIN_MM + at * (width + 6)
            self._pdf.line(left, top, left + width, top)
            self._pdf.set_xy(left, top + 1)
            self._pdf.set_font(FAMILY, "", 8)
            self._pdf.set_text_color(*MUTED)
            self._pdf.cell(width, 4, label)
        self._pdf.set_y(top + 10)
        self._write(
            f"Fingerprint of the data in this report (SHA-256 of its CSV): {self._fingerprint}",
            7,
            "",
            MUTED,
            4,
        )

    def _heading(self, text: str) -> None:
        if self._pdf.get_y() > 297 - _FOOT_MM - 24:
            self._pdf.add_page()
        self._pdf.ln(4)
        self._write(text, 12, "B", _ACCENT, 7)

    def _write(
        self, text: str, size: float, style: str, colour: tuple[int, int, int], line_mm: float
    ) -> None:
        self._pdf.set_x(_MARGIN_MM)
        self._pdf.set_font(FAMILY, style, size)
        self._pdf.set_text_color(*colour)
        self._pdf.multi_cell(
            _WIDTH_MM, line_mm, self._face.clean(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT
        )

    def _bullet(self, text: str) -> None:
        self._pdf.set_font(FAMILY, "", 9)
        self._pdf.set_text_color(*INK)
        self._pdf.set_x(_MARGIN_MM)
        self._pdf.cell(4, 4.6, "·")
        self._pdf.multi_cell(
            _WIDTH_MM - 4, 4.6, self._face.clean(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT
        )
        self._pdf.ln(0.8)

    @contextmanager
    def _table(self, widths: tuple[float, ...], *, headed: bool) -> Iterator[object]:
        self._pdf.set_font(FAMILY, "", 8.5)
        self._pdf.set_text_color(*INK)
        self._pdf.set_draw_color(*RULE)
        self._pdf.set_fill_color(255, 255, 255)  # reset: the last fill may have set another
        with self._pdf.table(
            col_widths=widths,
            width=_WIDTH_MM,
            line_height=4.6,
            padding=(0.9, 1.2),
            text_align="LEFT",
            borders_layout=TableBordersLayout.HORIZONTAL_LINES if headed else TableBordersLayout.NONE,
            cell_fill_color=_SHADE,
            cell_fill_mode=TableCellFillMode.NONE if headed else TableCellFillMode.ROWS,
            first_row_as_headings=headed,
            headings_style=FontFace(emphasis="BOLD", color=_ACCENT, fill_color=(255, 255, 255)),
        ) as table:
            yield table

    def _facts(self, facts: list[tuple[str, str]]) -> None:
        with self._table((42, _WIDTH_MM - 42), headed=False) as table:
            for name, value in facts:
                row = table.row()  # type: ignore[attr-defined]  # fpdf's table has no public type
                row.cell(name, style=FontFace(color=MUTED))
                row.cell(self._face.clean(value))

    def _findings_table(self) -> None:
        if not self._mission.findings:
            self._write(report_text.NO_FINDING, 9, "", INK, 4.6)
            return
        with self._table((8, 30, 28, 20, 24, 26, 16, 26), headed=True) as table:
            for cells in report_text.list_finding_rows(self._mission):
                row = table.row()  # type: ignore[attr-defined]  # the same
                for cell in cells:
                    row.cell(self._face.clean(cell))

    def _strip(self) -> None:
        height = compute_chart_height_mm(self._mission)
        if self._pdf.get_y() + height > 297 - _FOOT_MM:
            self._pdf.add_page()
        top = self._pdf.get_y()
        draw_strip(self._pdf, self._mission, self._face, (_MARGIN_MM, top, _WIDTH_MM, height))
        self._pdf.set_y(top + height)

    def _finding(self, found: MissionFinding) -> None:
        facts = report_text.describe_finding(found)
        if self._pdf.get_y() + _PICTURE_MM[1] + 22 > 297 - _FOOT_MM:
            self._pdf.add_page()
        top = self._pdf.get_y() + 2
        self._pdf.set_draw_color(*RULE)
        self._pdf.line(_MARGIN_MM, top, _MARGIN_MM + _WIDTH_MM, top)
        self._pdf.set_y(top + 2)
        self._write(f"{found.number}   {report_text.title_finding(found)}", 11, "B", INK, 6)
        self._badge(found, top + 2)
        body = self._pdf.get_y() + 1
        picture_end = self._picture(found, body)
        self._pdf.set_xy(_MARGIN_MM + _PICTURE_MM[0] + 6, body)
        left = _MARGIN_MM + _PICTURE_MM[0] + 6
        for name, value in facts:
            self._pdf.set_x(left)
            self._pdf.set_font(FAMILY, "", 8)
            self._pdf.set_text_color(*MUTED)
            self._pdf.cell(20, 4.4, name)
            self._pdf.set_text_color(*INK)
            self._pdf.multi_cell(
                _WIDTH_MM - _PICTURE_MM[0] - 26,
                4.4,
                self._face.clean(value),
                align="L",
                new_x=XPos.LMARGIN,
                new_y=YPos.NEXT,
            )
        self._pdf.set_y(max(picture_end, self._pdf.get_y()) + 4)

    def _badge(self, found: MissionFinding, top: float) -> None:
        state = found.review.judgement.value if found.review else "not reviewed"
        after = self._pdf.get_y()
        self._pdf.set_font(FAMILY, "B", 8)
        width = self._pdf.get_string_width(state) + 6
        self._pdf.set_fill_color(*_BOXES[state])
        self._pdf.set_text_color(255, 255, 255)
        self._pdf.set_xy(_MARGIN_MM + _WIDTH_MM - width, top + 0.5)
        self._pdf.cell(width, 5, state, fill=True, align="C")
        self._pdf.set_y(after)

    def _picture(self, found: MissionFinding, top: float) -> float:
        """Place the picture, or the reason why there is none; return the y of its end."""
        width, height = _PICTURE_MM
        content = report_text.draw_picture(found)
        if content is None:
            self._pdf.set_fill_color(*_SHADE)
            self._pdf.rect(_MARGIN_MM, top, width, height * 0.5, style="F")
            self._pdf.set_xy(_MARGIN_MM + 4, top + height * 0.25 - 4)
            self._pdf.set_font(FAMILY, "I", 8)
            self._pdf.set_text_color(*MUTED)
            self._pdf.multi_cell(width - 8, 4, report_text.explain_missing_picture(found), align="C")
            return top + height * 0.5
        placed = self._pdf.image(BytesIO(content), _MARGIN_MM, top, w=width, h=height, keep_aspect_ratio=True)
        self._pdf.set_xy(
            _MARGIN_MM, top + placed.rendered_height + (height - placed.rendered_height) / 2 + 0.5
        )
        self._pdf.set_font(FAMILY, "I", 7)
        self._pdf.set_text_color(*MUTED)
        caption = self._face.clean(report_text.caption_picture(found))
        self._pdf.multi_cell(width, 3.2, caption, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        return self._pdf.get_y() + 1
