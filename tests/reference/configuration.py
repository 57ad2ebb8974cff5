"""Describe every key of the configuration files: robot, control room, recipe, cascade file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import inspect

from converter.graphs.cascade_file import CascadeTable
from converter.training.recipe import CascadeRecipe
from edge_node.config.sections import SECTIONS as NODE_SECTIONS
from edge_node.control_room.settings import SECTIONS as ROOM_SECTIONS
from edge_node.messages.field_texts import list_structs
from tests.reference.tables import describe_keys, fields_of, summary

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import msgspec


def describe_node() -> str:
    """Return the sections of a robot's configuration."""
    return _describe_sections(NODE_SECTIONS)


def describe_room() -> str:
    """Return the sections of a control room's configuration."""
    return _describe_sections(ROOM_SECTIONS)


def describe_recipe() -> str:
    """Return the tables of a training recipe."""
    return _describe_file(CascadeRecipe)


def describe_cascade() -> str:
    """Return the tables of a cascade file."""
    return _describe_file(CascadeTable)


def _describe_sections(sections: Mapping[str, type[msgspec.Struct]]) -> str:
    parts = [part for name, section in sections.items() for part in _describe(f"[{name}]", section)]
    below = [kind for kind in list_structs(sections.values()) if kind not in sections.values()]
    return "\n\n".join([*parts, *(part for kind in below for part in _describe(kind.__name__, kind))])


def _describe_file(kind: type[msgspec.Struct]) -> str:
    """Return the keys at the top of a file, then those of each table."""
    tables = dict(_tables(kind))
    parts = [
        "## At the top of the file",
        summary(kind),
        describe_keys(kind, without=tables.keys()),
    ]
    for name, (heading, table) in tables.items():
        parts += _describe(heading.format(name), table)
    described = {kind, *(table for _, table in tables.values())}
    for below in list_structs([kind]):
        if below not in described:
            parts += _describe(below.__name__, below)
    return "\n\n".join(parts)


def _tables(kind: type[msgspec.Struct]) -> Iterator[tuple[str, tuple[str, type[msgspec.Struct]]]]:
    """Yield each key that takes a table, or a list of tables, with the form of its heading."""
    for field in fields_of(kind):
        inner = field.type.type if isinstance(field.type, inspect.Metadata) else field.type
        if isinstance(inner, inspect.UnionType):  # a table that may be absent
            inner = next((one for one in inner.types if isinstance(one, inspect.StructType)), inner)
        if isinstance(inner, inspect.StructType):
            yield field.name, ("[{}]", inner.cls)
        if isinstance(inner, inspect.VarTupleType) and isinstance(inner.item_type, inspect.StructType):
            yield field.name, ("[[{}]]", inner.item_type.cls)


def _describe(heading: str, kind: type[msgspec.Struct]) -> Iterator[str]:
    yield f"## {heading}"
    if text := summary(kind):
        yield text
    yield describe_keys(kind)
