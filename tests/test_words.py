"""One word for each thing in all texts that people read: page, report, commands, logs, other systems."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edge_node.config.delivery_sections import MqttConfig
from edge_node.integrations.home_assistant_discovery import Abilities, announcements
from edge_node.messages.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "edge_node" / "control_room" / "web" / "page").rglob("*.*"))
WORDS = {  # the word to use: what is not to be said instead
    "uncorroded": r"\b(sound|clean|healthy|intact|pristine|rust.free|corrosion.free|unrusted)\b",
    "uncertain": r"\b(undecided|doubtful|indecisive|inconclusive)\b",
    "not inspectable": r"\b(uninspectable|unjudgeable|not judgeable|non.inspectable)\b",
    "not synchronized": r"\b(not_synchronized|unsynchroni[sz]ed|unsynced|out of sync|nobody sets)\b",
    "finding, defect": r"\b(anomal(y|ies)|flaws?|rust spots?|blemish(es)?|corrosion spots?)\b",
    "confidence": r"((%|\}) sure|^ sure\b|\bcertainty\b|\bsureness\b|\bprobability score\b)",
    "verdict": r"\b(judgements? of the model|classification results?)\b",
    "not known": r"\b(no idea|nothing said|n/a)\b",
}
# Where such a word means something else, or is what others write and we read.
OTHERS = {
    "converter/graphs/label_meanings.py": "labels that others gave their classes",
    "edge_node/camera/media_kind.py": "sound of a video",
    "edge_node/camera/backends/video_end.py": "sound of a video",
}
CODES = {"not_synchronized"}  # of the messages; texts for people say it in words


def wrong_words(text: str) -> list[str]:
    """Return the words of a text that are not ours, each with the one to use."""
    return [
        f"{found.group()!r}: say {word!r}"
        for word, pattern in WORDS.items()
        for found in re.finditer(pattern, text, re.IGNORECASE)
    ]


def python_texts(path: Path) -> Iterator[str]:
    """Return the string constants of a module that are no docstrings: texts, among them those for people."""
    text = path.read_text(encoding="utf-8")
    if not wrong_words(text):
        return  # nor in any string of it; to parse all modules would take seconds
    tree = ast.parse(text)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`')


def script_texts(text: str) -> Iterator[str]:
    """Return the strings of a script, without its comments."""
    bare = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    bare = re.sub(r"(^|\s)//.*$", "", bare, flags=re.MULTILINE)
    for found in _STRING.finditer(bare):
        yield found.group()[1:-1]


class _Shown(HTMLParser):
    """Collects what a browser shows or reads out, and the scripts within the document."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._tag = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag = tag
        self.texts += [
            value for name, value in attrs if value and name in ("title", "alt", "placeholder", "aria-label")
        ]

    def handle_data(self, data: str) -> None:
        self.texts += list(script_texts(data)) if self._tag == "script" else []
        self.texts += [data] if self._tag not in ("script", "style") else []


def html_texts(text: str) -> list[str]:
    """Return the texts of a document."""
    parser = _Shown()
    parser.feed(text)
    return parser.texts


_QUOTED = re.compile(r'`[^`]*`|"[a-z_]+"')  # codes, commands and keys in a guide


@lru_cache
def modules() -> list[Path]:
    """Return our modules."""
    return [path for package in ("edge_node", "converter") for path in sorted((ROOT / package).rglob("*.py"))]


def problems_of(path: Path, texts: Iterator[str] | list[str]) -> list[str]:
    """Return the wrong words of a file's texts."""
    if path.relative_to(ROOT).as_posix() in OTHERS:
        return []
    return [
        f"{path.relative_to(ROOT)}: {problem} in {text[:80]!r}"
        for text in texts
        if text not in CODES
        for problem in wrong_words(text)
    ]


def test_programs_say_each_thing_by_its_word() -> None:
    """Help, errors, log lines, the report: whatever text stands in a module."""
    assert [problem for path in modules() for problem in problems_of(path, python_texts(path))] == []


def test_pages_say_each_thing_by_its_word() -> None:
    """The room's page and login, and the robot's own page."""
    problems = []
    for path in [*PAGES, ROOT / "edge_node" / "monitoring" / "page.html"]:
        if path.suffix == ".js":
            problems += problems_of(path, script_texts(path.read_text(encoding="utf-8")))
        elif path.suffix == ".html":
            problems += problems_of(path, html_texts(path.read_text(encoding="utf-8")))
    assert problems == []


def test_other_systems_are_told_by_the_same_words() -> None:
    """Home Assistant's names and states, Grafana's titles and alarms, the schemas of messages."""
    every = Abilities(takes_commands=True, sends_pictures=True, has_scale=True)
    config = MqttConfig(hostname="broker", home_assistant="device")
    told = [message.payload.decode() for message in announcements(Topics("quay", "crawler-1"), config, every)]
    told += [path.read_text(encoding="utf-8") for path in (ROOT / "edge_node/control_room/grafana").iterdir()]
    assert [problem for text in told for problem in wrong_words(text)] == []


def test_guides_say_each_thing_by_its_word() -> None:
    """README and guides, outside of what other programs or older versions said."""
    guides = [ROOT / "README.md", *sorted((ROOT / ".readme").glob("*.md"))]
    problems = [
        f"{path.name}:{number}: {problem}"
        for path in guides
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        for problem in wrong_words(_QUOTED.sub("", line))
    ]
    assert problems == []


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("The plate is sound.", "uncorroded"),
        ("3 corroded, 4 clean", "uncorroded"),
        ("clock not_synchronized", "not synchronized"),
        ("93 % sure", "confidence"),
        ("2 anomalies", "finding, defect"),
    ],
)
def test_the_list_finds_what_it_forbids(text: str, word: str) -> None:
    """Each synonym that newcomers met is found, and what is said instead is told."""
    (problem,) = wrong_words(text)
    assert problem.endswith(f"say {word!r}")


def test_texts_of_scripts_and_documents_are_read() -> None:
    """Strings and templates of scripts, not their comments; what a document shows and reads out."""
    assert list(script_texts('// "no"\nsay("sound", `clean ${one}`); /* "no" */')) == [
        "sound",
        "clean ${one}",
    ]
    assert html_texts('<p title="sound">clean</p><script>say("intact")</script>') == [
        "sound",
        "clean",
        "intact",
    ]
