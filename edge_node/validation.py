"""Describe in plain words why a decoded value was refused: which key, what was found, what is wanted.

msgspec names Python types and quotes regular expressions. A type that has a pattern is declared by
``name_rule`` or ``text_rule`` with its rule in words, which takes the pattern's place in messages.
"""

from __future__ import annotations

import ast
import difflib
import re
from contextlib import suppress
from enum import Enum
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Union, get_args, get_origin

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

UNKNOWN: Final = object()  # the document is not at hand
_SHOWN_CHARACTERS = 300  # a path is shown whole
_WHERE = re.compile(r"(?s)(.*) - at `(?:key in )?\$(.*)`\Z")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_PATTERN = re.compile(r"(?s)Expected `str` matching regex (.*)\Z")
_KIND = re.compile(r"Expected `(.+)`, got `(.+)`\Z")
_UNKNOWN_KEY = re.compile(r"Object contains unknown field `(.*)`\Z")
_BOUND = re.compile(r"Expected `(\w+)`( of length)? (>=|<=|>|<|==) ([-0-9.e+]+)\Z")
_BOUND_WORDS = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than", "==": "exactly"}
_KIND_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "a table of keys",
    "datetime": "a time",
    "null": "nothing",
}
_rules: dict[str, _Rule] = {}  # by pattern


class _Rule(msgspec.Struct, frozen=True):
    """The rule behind a pattern, in words.

    Attributes:
        wanted: the rule.
        first: the characters that may come first, as in a set of a regular expression; empty: not known.
        rest: those that may follow.
        length: the smallest and the largest number of characters.
    """

    wanted: str
    first: str = ""
    rest: str = ""
    length: tuple[int, int] = (0, 0)

    def faults(self, text: str) -> Iterator[str]:
        """Yield what is wrong with ``text``, where that can be said."""
        if not self.first:
            return
        if text and not re.fullmatch(f"[{self.first}]", text[0]):
            yield f"it begins with {_name_character(text[0])}"
        for position, character in enumerate(text[1:], start=2):
            if not re.fullmatch(f"[{self.rest}]", character):
                yield f"{_name_character(character)} at position {position} is not allowed"
                break
        if not self.length[0] <= len(text) <= self.length[1]:
            yield f"it has {len(text)} character{'s' if len(text) > 1 else ''}" if text else "it is empty"


def name_rule(
    first: str, rest: str, length: tuple[int, int], wanted: str, *, description: str | None = None
) -> msgspec.Meta:
    """Return the pattern of names: one character of ``first``, then some of ``rest``.

    Args:
        first: the characters that may come first, as between [ and ] of a regular expression.
        rest: those that may follow.
        length: the smallest and the largest number of characters; the smallest is at least 1.
        wanted: the rule in words, to follow "wanted".
        description: of the type in JSON Schema.
    """
    low, high = length[0] - 1, length[1] - 1
    pattern = rf"^[{first}][{rest}]{{{low},{high}}}\Z"
    _rules[pattern] = _Rule(wanted, first, rest, length)
    return msgspec.Meta(pattern=pattern, description=description)


def text_rule(pattern: str, wanted: str, *, description: str | None = None) -> msgspec.Meta:
    """Return ``pattern`` as a constraint whose violation is described by ``wanted``."""
    _rules[pattern] = _Rule(wanted)
    return msgspec.Meta(pattern=pattern, description=description)


def describe_pattern(pattern: str) -> str:
    """Return the rule behind a pattern in words; empty if it was declared without."""
    rule = _rules.get(pattern)
    return rule.wanted if rule is not None else ""


def describe_invalid(err: Exception, document: object = UNKNOWN, kind: Any = None) -> str:
    """Return what msgspec refused, as ``KEY = VALUE: FAULT``, or ``FAULT`` alone for the whole document.

    Args:
        err: what msgspec raised; other texts, such as those of ``__post_init__``, are kept.
        document: what was decoded, as plain objects; its values are shown where they are refused.
        kind: the type that was wanted; its choices are listed.
    """
    found = _WHERE.match(str(err))
    text, steps = (found[1], found[2]) if found else (str(err), "")
    value, refused_kind = _follow(document, steps), _kind_at(kind, steps)
    fault = describe_fault(text, value, refused_kind)
    key = steps.removeprefix(".")
    if not key:
        return fault
    return f"{key}: {fault}" if value is UNKNOWN else f"{key} = {show(value)}: {fault}"


def describe_fault(text: str, value: object = UNKNOWN, kind: Any = None) -> str:
    """Return what is wrong with ``value``, for msgspec's ``text`` about it; see ``describe_invalid``."""
    if (found := _PATTERN.match(text)) is not None:
        with suppress(ValueError, SyntaxError):
            rule = _rules.get(ast.literal_eval(found[1]))
            if rule is not None:
                faults = rule.faults(value) if isinstance(value, str) else ()
                return "; ".join([*faults, f"wanted {rule.wanted}"])
    if (found := _KIND.match(text)) is not None:
        is_fraction = (found[1].split(" | ")[0], found[2]) == ("int", "float")
        what = "without a fraction" if is_fraction else f"found {_name_kinds(found[2])}"
        return f"wanted {_name_kinds(found[1], kind)}, {what}"
    if (found := _BOUND.match(text)) is not None:
        what, of_length, sign, number = found.groups()
        unit = "" if not of_length else " character" if what == "str" else " element"
        unit += "s" if unit and number != "1" else ""
        return f"wanted {_BOUND_WORDS[sign]} {number.removesuffix('.0')}{unit}"
    if text.startswith("Invalid enum value") and (choices := _choices(kind)):
        found_text = text.removeprefix("Invalid enum value ")
        wanted = " or ".join([*choices, *_number_words(kind)])
        return f"wanted {wanted}" + (f", found {found_text}" if value is UNKNOWN else "")
    if text.startswith(("Invalid RFC3339", "Expected `datetime`")):
        return "wanted a time with its zone, like 2026-03-01T08:00:00Z"
    text = _UNKNOWN_KEY.sub(lambda found: f"unknown key {found[1]}{_name_known(found[1], kind)}", text)
    text = re.sub(r"Object missing required field (`[^`]*`)", r"\1 is missing", text)
    return text.replace("`", "")


def show(value: object) -> str:
    """Return a refused value for a message; one that may hold an address with a password is left out."""
    text = repr(value)
    if "://" in text:
        return "(an address)"
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."


def _name_character(character: str) -> str:
    names = {" ": "a blank", "\n": "a line end", "\r": "a line end", "\t": "a tab"}
    if character in names:
        return names[character]
    return f'"{character}"' if character.isprintable() else f"U+{ord(character):04X}"


def _name_kinds(text: str, kind: Any = None) -> str:
    names = [name for name in text.split(" | ") if name != "null"] or ["null"]
    words = [_KIND_WORDS.get(name, name) for name in names]
    choices = _choices(kind)
    for name, found in (
        ("str", [choice for choice in choices if choice.startswith('"')]),
        ("int", [choice for choice in choices if not choice.startswith('"')]),
    ):
        if found and name in names:
            words[names.index(name)] = " or ".join(found)
    return " or ".join(words)


def _choices(kind: Any) -> list[str]:
    """Return the values that a type with fixed choices takes, texts in quotes; none for any other type."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        return [f'"{member.value}"' for member in kind]
    if get_origin(kind) is Literal:
        return [f'"{choice}"' if isinstance(choice, str) else str(choice) for choice in get_args(kind)]
    if get_origin(kind) in (list, tuple, dict) or isinstance(kind, type):
        return []
    inner = get_args(kind)[:1] if get_origin(kind) is Annotated else get_args(kind)
    return [choice for part in inner for choice in _choices(part)]


def _number_words(kind: Any) -> list[str]:
    """Return in words which numbers a type with fixed choices takes beside them."""
    if kind in (int, float):
        return ["a whole number" if kind is int else "a number"]
    if get_origin(kind) in (list, tuple, dict, Literal) or isinstance(kind, type):
        return []
    inner = get_args(kind)[:1] if get_origin(kind) is Annotated else get_args(kind)
    return [words for part in inner for words in _number_words(part)]


def _name_known(name: str, kind: Any) -> str:
    """Return the key that was probably meant, or those that a struct has; nothing for any other type."""
    kind = _plain(kind)
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return ""
    known = kind.__struct_encode_fields__
    near = difflib.get_close_matches(name, known, n=1)
    return f'; did you mean "{near[0]}"?' if near else f"; known are {', '.join(known)}"


def _follow(document: object, steps: str) -> object:
    """Return the value at msgspec's path, or UNKNOWN."""
    value: Any = document
    for name, index in _STEP.findall(steps):
        if value is UNKNOWN or index == "...":
            return UNKNOWN
        try:
            value = value[name] if name else value[int(index)]
        except (KeyError, IndexError, TypeError):
            return UNKNOWN
    return value


def _kind_at(kind: Any, steps: str) -> Any:
    """Return the type at msgspec's path below the type ``kind``; None where it cannot be told."""
    for name, index in _STEP.findall(steps):
        kind = _plain(kind)
        if index and get_origin(kind) in (list, tuple):
            kind = get_args(kind)[0]
        elif name and isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            kind = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}.get(name)
        else:
            return None
    return kind


def _plain(kind: Any) -> Any:
    """Return a type without its description; of a choice of types the one that has parts."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, UnionType):
        parts = [part for part in get_args(kind) if get_origin(part) in (list, tuple)]
        return parts[0] if parts else kind
    return kind
