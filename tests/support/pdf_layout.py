"""Where the words of a PDF stand, by pdftotext."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from pathlib import Path

_WORD = re.compile(r'<word xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">(.*?)</word>')


class Word(NamedTuple):
    """A word with its box, in points; ``page`` counts from 0."""

    page: int
    left: float
    top: float
    right: float
    bottom: float
    text: str


def words_of(pdf: bytes, folder: Path) -> list[Word]:
    """Return all words of a document."""
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed (Debian package poppler-utils)")
    (folder / "laid_out.pdf").write_bytes(pdf)
    command = ["pdftotext", "-bbox", str(folder / "laid_out.pdf"), "-"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [
        Word(page, *map(float, found[:4]), found[4])
        for page, part in enumerate(told.split("<page ")[1:])
        for found in _WORD.findall(part)
    ]


def find_overlaps(words: list[Word]) -> list[tuple[str, str]]:
    """Return words that stand upon each other: boxes that share more than a fifth of the smaller one."""
    found = []
    by_page: dict[int, list[Word]] = {}
    for word in words:
        by_page.setdefault(word.page, []).append(word)
    for placed in by_page.values():
        placed.sort(key=lambda word: word.top)
        for at, one in enumerate(placed):
            for other in placed[at + 1 :]:
                if other.top >= one.bottom:
                    break
                if _share(one, other) > 0.2:
                    found.append((one.text, other.text))
    return found


def _share(one: Word, other: Word) -> float:
    wide = min(one.right, other.right) - max(one.left, other.left)
    high = min(one.bottom, other.bottom) - max(one.top, other.top)
    smaller = min((word.right - word.left) * (word.bottom - word.top) for word in (one, other))
    return max(wide, 0.0) * max(high, 0.0) / smaller if smaller > 0 else 0.0
