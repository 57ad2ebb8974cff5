"""Write a GStreamer pipeline for ``gst_parse_launch``, and choose what may be shown of GStreamer's errors."""

from __future__ import annotations

import re
import shlex
from urllib.parse import unquote

_ELEMENT = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_PROPERTY = re.compile(r"[a-z][a-z-]{0,39}")
_WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")
_DEVICE = re.compile(r"/dev/video[0-9]{1,2}")
_MIN_HIDDEN = 3  # letters; shorter words tell nothing


def split_pipeline(pipeline: str) -> list[str]:
    """Return the words of a pipeline as a shell would read them.

    Raises:
        ValueError: a quotation has no end.
    """
    return shlex.split(pipeline)


def join_for_parser(words: list[str]) -> str:
    """Return the words as one text for ``gst_parse_launch``, as ``gst-launch-1.0`` joins its arguments."""
    return " ".join(_escape_blanks(word) for word in words)


def escape_value(value: str) -> str:
    """Return a property's value such that ``gst_parse_launch`` gives it to the element unchanged."""
    return "".join(letter if letter.isalnum() else f"\\{letter}" for letter in value)


def shown_error(error: str, words: list[str]) -> str:
    """Return GStreamer's ``error`` with "..." for every word that is not known to be harmless.

    Shown are plain words that no value of the pipeline holds, and the names of its elements and properties: a
    library may put an address, with its password, into an error.
    """
    names, values = _names_and_values(words)
    shown: list[str] = []
    for text in error.split():
        word = text.strip("\"'`.,:;()!")
        is_shown = not word or word in names or (_WORD.fullmatch(word) and not _is_in(word, values))
        if is_shown or _DEVICE.fullmatch(word):
            shown.append(text)
        elif shown[-1:] != ["..."]:
            shown.append("...")
    return " ".join(shown)


def _escape_blanks(word: str) -> str:
    escaped, is_quoted, is_escaped = [], False, False
    for letter in word:
        if letter == '"' and not is_escaped:
            is_quoted = not is_quoted
        if letter == " " and not is_quoted and not is_escaped:
            escaped.append("\\")
        is_escaped = letter == "\\" and not is_escaped
        escaped.append(letter)
    return "".join(escaped)


def _names_and_values(words: list[str]) -> tuple[set[str], str]:
    """Return the names of elements and properties, and all else in small letters."""
    names: set[str] = set()
    values: list[str] = []
    begins = True
    for word in words:
        key, is_property, value = word.partition("=")
        if begins and _ELEMENT.fullmatch(word):
            names |= {word, *(f"{word}{number}" for number in range(10))}
        elif is_property and _PROPERTY.fullmatch(key):
            names.add(key)
            values.append(value)
        elif word != "!":
            values.append(word)
        begins = word == "!"
    text = " ".join(values)
    return names, f"{text} {unquote(text)}".lower()


def _is_in(word: str, values: str) -> bool:
    lowered = word.lower()
    parts = [part for part in re.findall(r"[a-z]+", values) if len(part) > _MIN_HIDDEN]
    return (len(word) >= _MIN_HIDDEN and lowered in values) or any(part in lowered for part in parts)
