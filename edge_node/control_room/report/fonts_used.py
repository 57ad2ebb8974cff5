"""Choose the fonts of a report: Roboto from this package, and installed fonts for other scripts.

A character that no font has is shown as a box, and the report says which fonts to install: a name in any
script must never stop a report.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fpdf import FPDF

FAMILY = "Roboto"
_OWN = Path(__file__).parent / "fonts"
MISSING = "\N{WHITE SQUARE}"
_STYLES = {"": "Regular", "B": "Bold", "I": "Italic"}
_FOLDERS = (
    *("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts"),
    *("/System/Library/Fonts", "/Library/Fonts"),
)
# Fonts with wide coverage come first: one of them is usually enough.
_PREFERRED = ("DejaVuSans.ttf", "NotoSansCJK-Regular", "wqy", "DroidSansFallback", "NotoSans", "unifont")
_MAX_FONTS = 200  # opened while looking for a character
# Also what would turn round the text after it: nobody could tell what stands there.
_TURNING = "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_INVISIBLE = frozenset(f"\u200b\u200c\u200d\u2060\ufeff\xad{_TURNING}")
_SHAPED = frozenset(("R", "AL", "NSM"))  # Unicode's bidirectional classes


class Typeface:
    """The fonts of one document, and the characters that they lack."""

    def __init__(self, pdf: FPDF, texts: Iterable[str]) -> None:
        """Add to ``pdf`` the fonts that ``texts`` need."""
        for style, name in _STYLES.items():
            pdf.add_font(FAMILY, style, str(_OWN / f"Roboto-{name}.ttf"))
        self._known = _read_characters(_OWN / "Roboto-Regular.ttf")
        missing = {char for text in texts for char in text} - self._known - _INVISIBLE
        missing = {char for char in missing if char.isprintable() and not char.isspace()} | {MISSING}
        self._add_fallbacks(pdf, missing)
        if any(_is_shaped(char) for char in missing):
            pdf.set_text_shaping(True)
        self.missing = missing - self._known - {MISSING}

    def clean(self, text: str) -> str:
        """Replace each character without a glyph by a box; keep line breaks."""
        return "".join(
            char if char == "\n" or char in self._known else self._box(char)
            for char in text
            if char not in _INVISIBLE
        )

    def _box(self, char: str) -> str:
        if char.isspace():
            return " "
        return MISSING if MISSING in self._known else "?"

    def _add_fallbacks(self, pdf: FPDF, missing: set[str]) -> None:
        wanted = set(missing)
        names: list[str] = []
        for path in _list_system_fonts() if wanted else ():
            characters = _read_characters(path)
            if not wanted & characters:
                continue
            family = f"fallback{len(names)}"
            try:
                pdf.add_font(family, "", str(path))
            except Exception:  # noqa: BLE001, S112  a broken font on this machine is skipped
                continue
            names.append(family)
            self._known |= characters
            wanted -= characters
            if not wanted:
                break
        pdf.set_fallback_fonts(names, exact_match=False)


def _is_shaped(char: str) -> bool:
    """Whether a character is written from the right, joined to the next or put upon the one before."""
    return unicodedata.bidirectional(char) in _SHAPED or unicodedata.category(char) == "Mc"


def _read_characters(path: Path) -> set[str]:
    """Return the characters that a font has; none if it cannot be read."""
    from fontTools.ttLib import TTFont

    try:
        with TTFont(path, fontNumber=0, lazy=True) as font:
            return {chr(code) for code in font.getBestCmap() or {}}
    except Exception:  # noqa: BLE001  a broken font on this machine counts as empty
        return set()


def _list_system_fonts() -> Iterator[Path]:
    found = [
        path
        for folder in _FOLDERS
        for path in sorted(Path(folder).expanduser().rglob("*.[to]t[fc]"))
        if "Bold" not in path.name and "Italic" not in path.name and "Oblique" not in path.name
    ]

    def rank(path: Path) -> int:
        return next((at for at, name in enumerate(_PREFERRED) if path.name.startswith(name)), len(_PREFERRED))

    yield from sorted(found, key=rank)[:_MAX_FONTS]
