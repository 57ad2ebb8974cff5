"""Refused values in plain words: the rule instead of its regular expression, the kind instead of its type."""

from __future__ import annotations

import json
from datetime import datetime  # msgspec resolves annotations
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
import pytest

from converter.training import recipe
from edge_node.config import sections
from edge_node.control_room import settings
from edge_node.control_room.robots import review_service
from edge_node.inference import manifest
from edge_node.messages import command, finding, receipt, response, review, shadow, status, verdict
from edge_node.messages.identifiers import Identifier
from edge_node.messages.review import Condition
from edge_node.update import release
from edge_node.validation import describe_invalid, name_rule, text_rule

if TYPE_CHECKING:
    from types import ModuleType

RULE = "wanted 1 to 64 letters (a-z, A-Z), digits, _ and -, the first a letter or digit"


class Form(msgspec.Struct, forbid_unknown_fields=True):
    """Fields of every kind that has bounds."""

    name: Identifier = "a"
    code: Annotated[str, text_rule(r"^[0-9]{3}\Z", "three digits")] = "123"
    short: Annotated[str, name_rule("a-z", "a-z", (2, 3), "two or three letters")] = "ab"
    count: Annotated[int, msgspec.Meta(ge=1, le=8)] | Literal["auto"] = 1
    share: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.5
    parts: Annotated[tuple[Identifier, ...], msgspec.Meta(min_length=1)] = ("a",)
    shares: dict[str, Annotated[float, msgspec.Meta(le=1)]] = {}
    condition: Condition | None = None
    at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    on: bool = False


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"name": "Kai 7"}, f"name = 'Kai 7': a blank at position 4 is not allowed; {RULE}"),
        ({"name": "_x"}, f"name = '_x': it begins with \"_\"; {RULE}"),
        ({"name": ""}, f"name = '': it is empty; {RULE}"),
        ({"name": "quay\n"}, f"name = 'quay\\n': a line end at position 5 is not allowed; {RULE}"),
        ({"name": "Köln"}, f"name = 'Köln': \"ö\" at position 2 is not allowed; {RULE}"),
        ({"name": "a/b"}, f"name = 'a/b': \"/\" at position 2 is not allowed; {RULE}"),
        ({"name": "a" * 65}, f"name = {'a' * 65!r}: it has 65 characters; {RULE}"),
        ({"name": 7}, "name = 7: wanted text, found a whole number"),
        ({"code": "12"}, "code = '12': wanted three digits"),
        ({"short": "a"}, "short = 'a': it has 1 character; wanted two or three letters"),
        ({"count": 0}, "count = 0: wanted at least 1"),
        ({"count": "many"}, "count = 'many': wanted \"auto\" or a whole number"),
        ({"count": 2.5}, 'count = 2.5: wanted a whole number or "auto", without a fraction'),
        ({"share": 0}, "share = 0: wanted more than 0"),
        ({"share": "x"}, "share = 'x': wanted a number, found text"),
        ({"parts": []}, "parts = []: wanted at least 1 element"),
        ({"parts": ["a", "b b"]}, f"parts[1] = 'b b': a blank at position 2 is not allowed; {RULE}"),
        ({"shares": {"steel": 3}}, "shares[...]: wanted at most 1"),
        ({"condition": "rusty"}, 'condition = \'rusty\': wanted "corroded" or "uncorroded"'),
        ({"at": "noon"}, "at = 'noon': wanted a time with its zone, like 2026-03-01T08:00:00Z"),
        ({"on": 1}, "on = 1: wanted true or false, found a whole number"),
        ({"nam": "a"}, 'unknown key nam; did you mean "name"?'),
        ([], "wanted a table of keys, found a list"),
        ({"code": "rtsp://u:p@h"}, "code = (an address): wanted three digits"),
    ],
)
def test_a_refused_value_is_described(document: Any, said: str) -> None:
    """Key, value, what is wrong with it, and the rule; the offending character is named."""
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(document, Form)
    assert describe_invalid(caught.value, document, Form) == said


def test_without_the_document_the_rule_alone_is_given() -> None:
    """Where bytes were decoded at once, the value is not at hand."""
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(b'{"name": "a b"}', type=Form)
    assert describe_invalid(caught.value) == f"name: {RULE}"
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(b'{"condition": "rusty"}', type=Form)
    said = 'condition: wanted "corroded" or "uncorroded", found \'rusty\''
    assert describe_invalid(caught.value, kind=Form) == said


MODULES: list[ModuleType] = [
    *(command, finding, receipt, response, review, shadow, status, verdict),
    *(sections, settings, manifest, release, review_service, recipe),
]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_no_pattern_is_without_its_rule_in_words(module: ModuleType) -> None:
    """Of configuration, messages, manifest, release and recipe no reader ever sees a regular expression."""
    structs = [
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind is not msgspec.Struct
    ]
    assert structs
    _, components = msgspec.json.schema_components(structs)
    patterns = set(_patterns(components))
    for pattern in patterns:
        error = msgspec.ValidationError(f"Expected `str` matching regex {pattern!r}")
        assert describe_invalid(error).startswith("wanted "), pattern


def _patterns(schema: Any) -> list[str]:
    if isinstance(schema, dict):
        own = [schema["pattern"]] if isinstance(schema.get("pattern"), str) else []
        return own + [pattern for value in schema.values() for pattern in _patterns(value)]
    if isinstance(schema, list):
        return [pattern for value in schema for pattern in _patterns(value)]
    return []


def test_a_command_is_refused_in_the_same_words() -> None:
    """The robot's answer to a command names the field, its value and the choices."""
    now = "2026-03-01T08:00:00Z"
    head = {"schema": "corrosion/v1", "id": "0123456789", "issued_at": now, "expires_at": now}
    body = {**head, "subject": "crawler-1:e:1", "judgement": "maybe", "by": "A"}
    with pytest.raises(command.CommandError, match='judgement = \'maybe\': wanted "confirmed" or "disputed"'):
        command.decode_command("review", json.dumps(body).encode())
