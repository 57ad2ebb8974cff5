"""Read Markdown pages: their links and anchors, fenced blocks, code spans and tables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from html.parser import HTMLParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RUN_MARK = "<!-- run -->"
_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\S*)[^\n]*\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL
)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)|``([^\n]+?)``")
_LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)|^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
_HEADING = re.compile(r"^(#{1,6}) +(.+?)(?: +#+)?$", re.MULTILINE)
_RULER = re.compile(r"^\s*\|?[\s:|-]*-[\s:|-]*$")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, its text, and the line above it."""

    language: str
    text: str
    line_above: str

    @property
    def is_marked(self) -> bool:
        """Whether a test runs it."""
        return self.line_above.strip() == RUN_MARK


@dataclass(frozen=True)
class Table:
    """A table: the names of its columns, a row of cells for each line, and the text of its section.

    ``is_numeric``: a column is aligned to the right, as numbers are.
    """

    columns: list[str]
    rows: list[list[str]]
    section: str
    is_numeric: bool


@dataclass(frozen=True)
class Page:
    """A page: where it lies and what it says."""

    path: Path
    text: str

    @classmethod
    def read(cls, path: Path) -> Page:
        """Read a file."""
        return cls(path, path.read_text(encoding="utf-8"))

    @cached_property
    def blocks(self) -> list[Block]:
        """The fenced blocks, without the indent of a list item."""
        return [
            Block(
                found["language"],
                re.sub(f"^{found['indent']}", "", found["text"], flags=re.MULTILINE),
                self.text[: found.start()].rstrip("\n").rpartition("\n")[2],
            )
            for found in _FENCE.finditer(self.text)
        ]

    @cached_property
    def prose(self) -> str:
        """The text without fenced blocks and comments."""
        return re.sub(r"<!--.*?-->", "", _FENCE.sub("", self.text), flags=re.DOTALL)

    @cached_property
    def spans(self) -> list[str]:
        """What stands between backquotes."""
        return [(found[1] or found[2]).strip() for found in _SPAN.finditer(self.prose)]

    @cached_property
    def links(self) -> list[str]:
        """Where links and pictures lead to, those in HTML too."""
        bare = _SPAN.sub("", self.prose)
        return [*(found[1] or found[2] for found in _LINK.finditer(bare)), *_Targets.of(bare)]

    @cached_property
    def headings(self) -> list[str]:
        """The headings, in order."""
        return [found[2] for found in _HEADING.finditer(self.prose)]

    @cached_property
    def anchors(self) -> set[str]:
        """The names that a link to a place in the page may use, as GitHub makes them of headings."""
        found: set[str] = set(re.findall(r"<\w+ (?:id|name)=\"([^\"]+)\"", self.prose))
        taken: dict[str, int] = {}
        for heading in self.headings:
            name = anchor_of(heading)
            times = taken[name] = taken.get(name, -1) + 1
            found.add(f"{name}-{times}" if times else name)
        return found

    @property
    def tables(self) -> Iterator[Table]:
        """The tables."""
        lines = self.prose.splitlines()
        starts = [0, *(at for at, line in enumerate(lines) if _HEADING.match(line)), len(lines)]
        for at, line in enumerate(lines[1:], 1):
            if "|" in lines[at - 1] and "|" in line and _RULER.match(line):
                rows: list[list[str]] = []
                for row in lines[at + 1 :]:
                    if not row.lstrip().startswith("|"):
                        break
                    rows.append(_cells(row))
                section = lines[max(s for s in starts if s < at) : min(s for s in starts if s > at)]
                yield Table(_cells(lines[at - 1]), rows, "\n".join(section), "-:" in line)


def anchor_of(heading: str) -> str:
    """Return the anchor that GitHub gives a heading: small letters, hyphens for blanks, no punctuation."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


def _cells(row: str) -> list[str]:
    hidden = _SPAN.sub(lambda span: span[0].replace("\\|", "\0").replace("|", "\0"), row.strip())
    return [cell.strip().replace("\0", "|") for cell in hidden.strip("|").split("|")]


class _Targets(HTMLParser):
    """Collects what elements of HTML point to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    @classmethod
    def of(cls, text: str) -> list[str]:
        parser = cls()
        parser.feed(text)
        return parser.found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002  # its base
        self.found += [
            value.split()[0] for name, value in attrs if value and name in ("src", "srcset", "href")
        ]
