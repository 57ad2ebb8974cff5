"""Lay out a report's pages: logo, headings, facts, tables that never overlap, pictures in pairs, footers."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

from edge_node import __version__
from edge_node.control_room.report.fonts_used import FAMILY, Typeface
from edge_node.errors import CorrosionError

try:
    from fpdf import FPDF
    from fpdf.enums import TableBordersLayout, TableCellFillMode, XPos, YPos
    from fpdf.fonts import FontFace
except ImportError:
    raise CorrosionError("the report needs fpdf2: pip install 'corrosion-edge-node[control-room]'") from None

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from edge_node.control_room.report.finding_text import PicturePair
    from edge_node.control_room.report.report_details import ReportDetails

Colour = tuple[int, int, int]

INK, MUTED, RULE = (32, 38, 43), (105, 115, 122), (205, 212, 217)
ACCENT, SHADE = (23, 70, 92), (240, 243, 245)
MARGIN_MM, FOOT_MM = 16.0, 18.0
WIDTH_MM = 210.0 - 2 * MARGIN_MM
END_MM = 297.0 - FOOT_MM
PICTURE_MM = (52.0, 39.0)
SMALL_MM = (42.0, 31.5)
GAP_MM = 2.0
PAIR_MM = 2 * PICTURE_MM[0] + GAP_MM
_LOGO_MM = (46.0, 16.0)


class TextLook(NamedTuple):
    """How a text looks: size in points, style, colour, height of a line in mm."""

    size: float
    style: str
    colour: Colour
    line_mm: float


TITLE = TextLook(20, "B", ACCENT, 9)
SUBTITLE = TextLook(12, "", INK, 6)
HEADING = TextLook(12, "B", ACCENT, 7)
BLOCK = TextLook(11, "B", INK, 6)
SUMMARY = TextLook(10, "", INK, 5)
BODY = TextLook(9, "", INK, 4.6)
NOTE = TextLook(8.5, "", MUTED, 4.2)
FACT = TextLook(8, "", INK, 4.2)
FACT_NAME = TextLook(8, "", MUTED, 4.2)
CAPTION = TextLook(7, "I", MUTED, 3.2)
FINE = TextLook(7, "", MUTED, 4)
logging.getLogger("fontTools").setLevel(logging.WARNING)  # 130 lines about a report's fonts


class PdfDocument:
    """A document while its parts are written."""

    def __init__(self, details: ReportDetails, footer: str, texts: Iterable[str]) -> None:
        """Begin the first page.

        Args:
            details: title, logo and date.
            footer: at the left of every page's foot.
            texts: all that will be written, for the choice of fonts.
        """
        self.pdf = _Page()
        self.details = details
        self.pdf.set_margins(MARGIN_MM, MARGIN_MM, MARGIN_MM)
        self.pdf.set_auto_page_break(auto=True, margin=FOOT_MM)
        self.face = Typeface(self.pdf, (*texts, footer, details.title, details.client, details.order))
        self.pdf.set_footer(self.face.clean(footer))
        self.pdf.set_title(f"{details.title} {footer}")
        self.pdf.set_creator(f"corrosion-edge-node {__version__}")
        self.pdf.set_creation_date(details.made_at)
        self.pdf.add_page()

    def render(self) -> bytes:
        """Return the PDF file."""
        return bytes(self.pdf.output())

    def write_title(self, below: str) -> None:
        """Write the title beside the logo, and a line below it."""
        logo, top = self.details.logo, self.pdf.get_y()
        width = WIDTH_MM
        if logo is not None:
            width -= _LOGO_MM[0] + 6
            left = MARGIN_MM + WIDTH_MM - _LOGO_MM[0]
            self.pdf.image(BytesIO(logo), left, top, w=_LOGO_MM[0], h=_LOGO_MM[1], keep_aspect_ratio=True)
        self.write(" ".join(self.details.title.split()), TITLE, width_mm=width)
        self.write(below, SUBTITLE, width_mm=width)
        if logo is not None:
            self.pdf.set_y(max(self.pdf.get_y(), top + _LOGO_MM[1]))
        self.pdf.ln(3)

    def heading(self, text: str, room_mm: float = 24.0) -> None:
        """Write a heading, on the next page if less than ``room_mm`` is left below it."""
        self.need(room_mm)
        self.pdf.ln(4)
        self.write(text, HEADING)

    def need(self, height_mm: float) -> None:
        """Begin a new page if the current one has less room."""
        if self.pdf.get_y() + height_mm > END_MM:
            self.pdf.add_page()

    def write(
        self, text: str, look: TextLook = BODY, *, width_mm: float = WIDTH_MM, left_mm: float = MARGIN_MM
    ) -> None:
        """Write a paragraph; the next one stands below it."""
        self.pdf.set_x(left_mm)
        self.pdf.set_font(FAMILY, look.style, look.size)
        self.pdf.set_text_color(*look.colour)
        self.pdf.multi_cell(
            width_mm, look.line_mm, self.face.clean(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT
        )

    def bullet(self, text: str) -> None:
        """Write a sentence of a list."""
        self.pdf.set_font(FAMILY, "", 9)
        self.pdf.set_text_color(*INK)
        self.pdf.set_x(MARGIN_MM)
        self.pdf.cell(4, 4.6, "·")
        self.write(text, width_mm=WIDTH_MM - 4, left_mm=self.pdf.get_x())
        self.pdf.ln(0.8)

    def facts(self, facts: Iterable[tuple[str, str]]) -> None:
        """Write names and values across the page."""
        with self._table((42, WIDTH_MM - 42), headed=False) as table:
            for name, value in facts:
                row = table.row()  # type: ignore[attr-defined]  # fpdf's table has no public type
                row.cell(name, style=FontFace(color=MUTED))
                row.cell(self.face.clean(value))

    def narrow_facts(self, facts: Iterable[tuple[str, str]], left_mm: float, name_mm: float) -> None:
        """Write names and values from ``left_mm`` to the right margin, beside a picture."""
        width = MARGIN_MM + WIDTH_MM - left_mm - name_mm
        for name, value in facts:
            top, page = self.pdf.get_y(), self.pdf.page
            self.write(value, FACT, width_mm=width, left_mm=left_mm + name_mm)
            end, end_page = self.pdf.get_y(), self.pdf.page
            if page == end_page:
                self.pdf.set_y(top)
                self.write(name, FACT_NAME, width_mm=name_mm, left_mm=left_mm)
                self.pdf.set_y(max(end, self.pdf.get_y()))

    def table(self, widths: Sequence[float], rows: Iterable[Sequence[str]]) -> None:
        """Write a table whose first row is its head, which is repeated on each page."""
        with self._table(tuple(widths), headed=True) as table:
            for cells in rows:
                row = table.row()  # type: ignore[attr-defined]  # the same
                for cell in cells:
                    row.cell(self.face.clean(cell))

    def rule(self) -> None:
        """Draw a line across the page."""
        top = self.pdf.get_y() + 2
        self.pdf.set_draw_color(*RULE)
        self.pdf.line(MARGIN_MM, top, MARGIN_MM + WIDTH_MM, top)
        self.pdf.set_y(top + 2)

    def badge(self, text: str, colour: Colour, top_mm: float) -> None:
        """Write a word in a coloured box at the right margin."""
        after = self.pdf.get_y()
        self.pdf.set_font(FAMILY, "B", 8)
        width = self.pdf.get_string_width(text) + 6
        self.pdf.set_fill_color(*colour)
        self.pdf.set_text_color(255, 255, 255)
        self.pdf.set_xy(MARGIN_MM + WIDTH_MM - width, top_mm)
        self.pdf.cell(width, 5, text, fill=True, align="C")
        self.pdf.set_y(after)

    def pictures(
        self,
        pair: PicturePair,
        caption: str,
        left_mm: float,
        missing: str,
        size_mm: tuple[float, float] = PICTURE_MM,
    ) -> float:
        """Place a picture and its outlined twin with their caption, or why there is none; return the end."""
        top = self.pdf.get_y()
        width, height = size_mm
        if pair.plain is None:
            return self._no_picture(missing, left_mm, top, size_mm)
        for at, content in enumerate(one for one in pair if one is not None):
            left = left_mm + at * (width + GAP_MM)
            self.pdf.image(BytesIO(content), left, top, w=width, h=height, keep_aspect_ratio=True)
        self.pdf.set_y(top + height + 0.5)
        across = 2 * width + GAP_MM if pair.outlined is not None else width
        self.write(caption, CAPTION, width_mm=across, left_mm=left_mm)
        return float(self.pdf.get_y()) + 1

    def _no_picture(self, why: str, left_mm: float, top: float, size_mm: tuple[float, float]) -> float:
        width, height = size_mm[0], size_mm[1] * 0.5
        self.pdf.set_fill_color(*SHADE)
        self.pdf.rect(left_mm, top, width, height, style="F")
        self.pdf.set_xy(left_mm + 3, top + height / 2 - 5)
        self.pdf.set_font(FAMILY, "I", 8)
        self.pdf.set_text_color(*MUTED)
        self.pdf.multi_cell(width - 6, 4, self.face.clean(why), align="C")
        return top + height

    @contextmanager
    def _table(self, widths: tuple[float, ...], *, headed: bool) -> Iterator[object]:
        self.pdf.set_font(FAMILY, "", 8.5)
        self.pdf.set_text_color(*INK)
        self.pdf.set_draw_color(*RULE)
        self.pdf.set_fill_color(255, 255, 255)  # reset: the last fill may have set another
        with self.pdf.table(
            col_widths=widths,
            width=WIDTH_MM,
            line_height=4.6,
            padding=(0.9, 1.2),
            text_align="LEFT",
            borders_layout=TableBordersLayout.HORIZONTAL_LINES if headed else TableBordersLayout.NONE,
            cell_fill_color=SHADE,
            cell_fill_mode=TableCellFillMode.NONE if headed else TableCellFillMode.ROWS,
            first_row_as_headings=headed,
            headings_style=FontFace(emphasis="BOLD", color=ACCENT, fill_color=(255, 255, 255)),
        ) as table:
            yield table


class _Page(FPDF):
    """A PDF whose pages have the report's footer."""

    def __init__(self) -> None:
        super().__init__(format="A4")
        self._footer_text = ""

    def set_footer(self, text: str) -> None:
        """Set the text at the left of every footer."""
        self._footer_text = text

    def set_font(self, *args: Any, **kwargs: Any) -> None:
        """Choose a font, and write the choice into the page at once."""
        super().set_font(*args, **kwargs)
        self._write_font()

    def add_page(self, *args: Any, **kwargs: Any) -> None:
        """Begin a page, and write the font into it at once."""
        super().add_page(*args, **kwargs)
        self._write_font()

    def _write_font(self) -> None:
        """Write the font into the page by an empty text.

        fpdf2 writes it with the next text. Where that begins with a character of another font, its colour is
        set back after it, and the font with it: the lines that followed were not to be seen.
        """
        if self.page and self.font_family:
            self.text(0, 0, "")

    def footer(self) -> None:
        """Write the footer; fpdf2 calls this at the end of each page."""
        self.set_y(-FOOT_MM + 4)
        self.set_draw_color(*RULE)
        self.line(MARGIN_MM, self.get_y(), MARGIN_MM + WIDTH_MM, self.get_y())
        self.set_font(FAMILY, "", 7.5)
        self.set_text_color(*MUTED)
        self.cell(WIDTH_MM - 24, 6, self._footer_text)
        self.cell(24, 6, f"page {self.page_no()} of {{nb}}", align="R")
