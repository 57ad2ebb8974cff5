"""Check pieces of configuration that a page quotes, with the readers of the files that they belong to."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from converter.data.exchange.category_map import read_category_map
from converter.graphs.cascade_file import CascadeTable, StageTable
from converter.training.recipe import CascadeRecipe, RiskRecipe, StageRecipe, TrainingRecipe
from edge_node.config.sections import SECTIONS as NODE
from edge_node.config.sections import parse_config
from edge_node.config.toml_reader import read_sections
from edge_node.control_room.alert_sections import AlertsConfig
from edge_node.control_room.alerts.channels import read_channels
from edge_node.control_room.settings import SECTIONS as ROOM
from edge_node.errors import ConfigError, CorrosionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_NEEDED = {  # keys without a default, which a piece may leave out
    "node": {"site": '"quay"', "robot": '"crawler-1"'},
    "bundle": {"path": '"default"'},
    "mqtt": {"hostname": '"127.0.0.1"'},
}
_TABLES: tuple[Mapping[str, type[msgspec.Struct]], ...] = (
    {
        "": CascadeRecipe,
        "training": TrainingRecipe,
        "variation": TrainingRecipe,
        "stage": StageRecipe,
        "risk": RiskRecipe,
    },
    {"": CascadeTable, "stage": StageTable},
)
_MENTION = re.compile(r"\[(\w+)\](?: (\w+))?(?: = (.+))?")
_OTHERS = frozenset({"project", "build", "tool", "categories"})  # sections whose keys are not ours


def find_problem(text: str) -> str:
    """Return why no file of ours may hold this piece, or nothing."""
    try:
        document: dict[str, Any] = msgspec.toml.decode(text)
    except msgspec.DecodeError as err:
        return f"not TOML: {err}"
    readers: list[Callable[[], str]] = [
        *(lambda tables=tables: _check_tables(document, tables) for tables in _TABLES),
        *([lambda: _read_node(text)] if set(document) <= set(NODE) else []),
        *([lambda: _read_room(text)] if set(document) <= set(ROOM) else []),
        *([lambda: _read_categories(text, document)] if "categories" in document else []),
        *([lambda: _read_channels(text)] if "://" in str([*document.values()][:1]) else []),
    ]
    problems = [reader() for reader in readers]
    return min(problems, key=len)


def find_problem_of_mention(span: str) -> str:
    """Return what is wrong with ``[section] key = value`` in a sentence, or nothing."""
    found = _MENTION.fullmatch(span)
    if found is None or found[1] in _OTHERS or not found[1].islower():
        return ""
    section, key, value = found.groups()
    known = [sections[section] for sections in (NODE, ROOM, *_TABLES) if section in sections]
    if not known:
        return f"no file has a section [{section}]"
    if key is not None and not any(key in kind.__struct_fields__ for kind in known):
        return f"[{section}] has no key {key}"
    if value is None or "…" in value or not re.match(r"[\"'\[{\d-]|true\b|false\b", value):
        return ""
    return _check_value(key, value, known)


def _check_value(key: str, value: str, known: list[type[msgspec.Struct]]) -> str:
    """Return why no section takes the value, or nothing."""
    try:
        values = msgspec.toml.decode(f"{key} = {value}\n")
    except msgspec.DecodeError as err:
        return f"not TOML: {err}"
    problems = ["; ".join(_problems_of(values, kind)) for kind in known]
    return "" if "" in problems else problems[0]


def _read_node(text: str) -> str:
    try:
        parse_config(_complete(text, ("node", "bundle", "mqtt")).encode(), "node.toml")
    except ConfigError as err:
        return str(err)
    return ""


def _read_room(text: str) -> str:
    try:
        read_sections(_complete(text, ("mqtt",)).encode(), "room.toml", ROOM)
    except ConfigError as err:
        return str(err)
    return ""


def _read_categories(text: str, document: dict[str, Any]) -> str:
    return _read_file(text, lambda path: read_category_map(path, tuple(document["categories"])))


def _read_channels(text: str) -> str:
    return _read_file(text, lambda path: read_channels(AlertsConfig(channels_file=str(path))))


def _read_file(text: str, read: Callable[[Path], object]) -> str:
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(text)
        file.flush()
        try:
            read(Path(file.name))
        except CorrosionError as err:
            return str(err)
    return ""


def _complete(text: str, sections: tuple[str, ...]) -> str:
    """Add the keys that a whole file must have."""
    for section in sections:
        header = f"[{section}]\n"
        given = text.partition(header)[2].partition("\n[")[0]
        keys = [
            f"{key} = {value}\n"
            for key, value in _NEEDED[section].items()
            if not re.search(rf"^{key} *=", given, flags=re.MULTILINE)
        ]
        if header in text:
            text = text.replace(header, header + "".join(keys), 1)
        else:
            text += f"\n{header}{''.join(keys)}"
    return text


def _check_tables(document: dict[str, Any], tables: Mapping[str, type[msgspec.Struct]]) -> str:
    """Check a piece of a recipe or cascade file: each key is known, and its value may stand there."""
    problems = list(_problems_of({key: document[key] for key in document if key not in tables}, tables[""]))
    for name, values in document.items():
        if name in tables:
            for one in values if isinstance(values, list) else [values]:
                problems += _problems_of(one, tables[name])
    return "; ".join(problems)


def _problems_of(values: dict[str, Any], kind: type[msgspec.Struct]) -> Iterator[str]:
    types = {field.name: field.type for field in msgspec.structs.fields(kind)}
    for key, value in values.items():
        if key not in types:
            yield f"{kind.__name__} has no key {key}"
            continue
        try:
            msgspec.convert(value, types[key])
        except msgspec.ValidationError as err:
            yield f"{key} = {value!r}: {err}"
