"""Write the fields of a struct as a table of Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import inspect

from edge_node.messages.field_texts import read_field_texts, read_summary
from tests.reference.value_words import describe_values

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable


def make_table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table of Markdown; a bar within a cell is escaped."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def describe_keys(kind: type[msgspec.Struct], *, without: Collection[str] = ()) -> str:
    """Return a table of a configuration's keys: allowed values, default, meaning."""
    texts = read_field_texts(kind)
    rows = [
        (
            f"`{field.encode_name}`",
            describe_values(field.type, link_here),
            _default(field),
            sentence(texts.get(field.encode_name, "")),
        )
        for field in fields_of(kind)
        if field.name not in without
    ]
    if not any(row[3] for row in rows):
        return make_table(("key", "value", "default"), [row[:3] for row in rows])
    return make_table(("key", "value", "default", "meaning"), rows)


def describe_fields(kind: type[msgspec.Struct], link: Callable[[type], str]) -> str:
    """Return a table of a message's fields: allowed values, meaning."""
    texts = read_field_texts(kind)
    rows = [
        (
            f"`{field.encode_name}`",
            _or_null(field, link),
            sentence(texts.get(field.encode_name, "")),
        )
        for field in fields_of(kind)
    ]
    return make_table(("field", "value", "meaning"), rows)


def link_here(kind: type) -> str:
    """Return a link to the section of the same page that describes a struct."""
    return f"[{kind.__name__}](#{kind.__name__.lower()})"


def sentence(text: str) -> str:
    """Return a meaning in Markdown, beginning with a capital and ending with a full stop."""
    text = " ".join(text.replace("``", "`").split())
    if not text:
        return ""
    text = text[0].upper() + text[1:]
    return text if text.endswith((".", "...", "}")) else f"{text}."


def fields_of(kind: type[msgspec.Struct]) -> tuple[inspect.Field, ...]:
    """Return the fields of a struct with their types."""
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    return info.fields


def summary(kind: type) -> str:
    """Return what a struct is, in Markdown."""
    return read_summary(kind).replace("``", "`")


def _or_null(field: inspect.Field, link: Callable[[type], str]) -> str:
    words = describe_values(field.type, link)
    kind = field.type.type if isinstance(field.type, inspect.Metadata) else field.type
    can_be_null = isinstance(kind, inspect.UnionType) and kind.includes_none
    return f"{words}, or null" if can_be_null else words


def _default(field: inspect.Field) -> str:
    if field.required:
        return "must be given"
    value: Any = field.default
    if field.default_factory is not msgspec.NODEFAULT:
        value = field.default_factory()
    if value is None:
        return "not set"
    if isinstance(value, msgspec.Struct):
        return "see below"
    return f"`{msgspec.json.encode(value).decode()}`"
