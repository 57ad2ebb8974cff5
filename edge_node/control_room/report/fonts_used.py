"""The report's typeface: Roboto from beside this module, and for other scripts what this machine has.

A sign that no font here has is shown as a box, and the report says which fonts to install: a name in any
script must never stop a report.
"""

from __future__ import annotations

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
# Fonts that cover much come first: one of these is usually enough.
_PREFERRED = ("DejaVuSans.ttf", "NotoSansCJK-Regular", "wqy", "DroidSansFallback", "NotoSans", "unifont")
_MOST_FONTS = 200  # opened while looking for a sign
_INVISIBLE = frozenset("\u200b\u200c\u200d\u2060\ufeff\xad")


class Typeface:
    """The fonts of one document."""

    def __init__(self, pdf: FPDF, texts: Iterable[str]) -> None:
        """Add to ``pdf`` the fonts that ``texts`` need."""
        for style, name in _STYLES.items():
            pdf.add_font(FAMILY, style, str(_OWN / f"Roboto-{name}.ttf"))
        self._known = _signs(_OWN / "Roboto-Regular.ttf")
        missing = {sign for text in texts for sign in text} - self._known - _INVISIBLE
        missing = {sign for sign in missing if sign.isprintable() and not sign.isspace()} | {MISSING}
        self._add_fallbacks(pdf, missing)
        self.missing = missing - self._known - {MISSING}

    def clean(self, text: str) -> str:
        """Return ``text`` with a box for each sign that cannot be shown; line breaks stay."""
        return "".join(
            sign if sign in self._known or sign == "\n" else ("" if sign in _INVISIBLE else self._box(sign))
            for sign in text
        )

    def _box(self, sign: str) -> str:
        if sign.isspace():
            return " "
        return MISSING if MISSING in self._known else "?"

    def _add_fallbacks(self, pdf: FPDF, missing: set[str]) -> None:
        wanted = set(missing)
        names: list[str] = []
        for path in _system_fonts() if wanted else ():
            signs = _signs(path)
            if not wanted & signs:
                continue
            family = f"fallback{len(names)}"
            try:
                pdf.add_font(family, "", str(path))
            except Exception:  # noqa: BLE001, S112  whatever a font on this machine is, it is not needed
                continue
            names.append(family)
            self._known |= signs
            wanted -= signs
            if not wanted:
                break
        pdf.set_fallback_fonts(names, exact_match=False)


def _signs(path: Path) -> set[str]:
    """Return the signs that a font has; none if it cannot be read."""
    from fontTools.ttLib import TTFont

    try:
        with TTFont(path, fontNumber=0, lazy=True) as font:
            return {chr(code) for code in font.getBestCmap() or {}}
    except Exception:  # noqa: BLE001  a broken font on this machine is as good as none
        return set()


def _system_fonts() -> Iterator[Path]:
    found = [
        path
        for folder in _FOLDERS
        for path in sorted(Path(folder).expanduser().rglob("*.[to]t[fc]"))
        if "Bold" not in path.name and "Italic" not in path.name and "Oblique" not in path.name
    ]

    def rank(path: Path) -> int:
        return next((at for at, name in enumerate(_PREFERRED) if path.name.startswith(name)), len(_PREFERRED))

    yield from sorted(found, key=rank)[:_MOST_FONTS]
