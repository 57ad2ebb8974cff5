"""Read what the fields of a message or a configuration mean from where the code says it. Pure.

A field is described by ``msgspec.Meta(description=...)`` in its type, or in its class's docstring below
``Attributes:``, and so is a value of an enumeration.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from enum import Enum

_ATTRIBUTE = re.compile(r"^ {4}(\w+): (.*)$")


def read_summary(kind: type) -> str:
    """Return a class's docstring up to its attributes, each paragraph in one line."""
    head = _docstring(kind).partition("\nAttributes:\n")[0]
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in head.split("\n\n")).strip()


def read_field_texts(kind: type[msgspec.Struct]) -> dict[str, str]:
    """Return what each described field of ``kind`` means, by its name in the encoded message."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if isinstance(base, type) and issubclass(base, msgspec.Struct):
            found |= dict(_read_attributes(_docstring(base)))
    hints = get_type_hints(kind, include_extras=True)
    for field in msgspec.structs.fields(kind):
        if text := _description(hints[field.name]):
            found.setdefault(field.name, text)
        if field.name in found and field.encode_name != field.name:
            found[field.encode_name] = found.pop(field.name)
    return found


def read_choices(kind: type[Enum]) -> dict[str, str]:
    """Return each value of an enumeration with what it means, empty where the class says nothing."""
    texts = dict(_read_attributes(_docstring(kind)))
    return {str(member.value): texts.get(member.name, "") for member in kind}


def list_structs(kinds: Iterable[Any]) -> list[type[msgspec.Struct]]:
    """Return every struct that the types are made of, each once, in the order of their appearance."""
    return [kind for kind in _list_classes(kinds) if issubclass(kind, msgspec.Struct)]


def list_choices(kinds: Iterable[Any]) -> list[type[Enum]]:
    """Return every enumeration that the types are made of, each once, in the order of their appearance."""
    return [kind for kind in _list_classes(kinds) if not issubclass(kind, msgspec.Struct)]


def _list_classes(kinds: Iterable[Any]) -> list[Any]:
    found: dict[Any, None] = {}
    waiting = list(msgspec.inspect.multi_type_info(kinds))
    while waiting:
        info = waiting.pop(0)
        kind = getattr(info, "cls", None)
        if isinstance(info, msgspec.inspect.StructType):
            if kind not in found:
                waiting[:0] = [field.type for field in info.fields]
        else:
            waiting[:0] = _inner_types(info)
        if kind is not None:
            found[kind] = None
    return list(found)


def _inner_types(info: Any) -> list[Any]:
    """Return the types that a list, a table, a choice or a constrained type is made of."""
    one = [getattr(info, name, None) for name in ("type", "item_type", "key_type", "value_type")]
    several = [inner for name in ("types", "item_types") for inner in getattr(info, name, ())]
    return [inner for inner in (*one, *several) if isinstance(inner, msgspec.inspect.Type)]


def _read_attributes(docstring: str) -> Iterator[tuple[str, str]]:
    """Yield name and text of each attribute; a text may go on in lines that are indented further."""
    name = ""
    texts: list[str] = []
    for line in docstring.partition("\nAttributes:\n")[2].splitlines():
        if line and not line.startswith(" "):
            break
        if (found := _ATTRIBUTE.match(line)) is not None:
            if name:
                yield name, " ".join(texts)
            name, texts = found[1], [found[2].strip()]
        elif line.strip():
            texts.append(line.strip())
    if name:
        yield name, " ".join(texts)


def _description(annotated: Any) -> str:
    """Return the outermost description in a type; of ``X | None`` that of X."""
    texts = [meta.description for meta in getattr(annotated, "__metadata__", ()) if meta.description]
    if texts:
        return str(texts[-1])
    inner = [part for part in get_args(annotated) if hasattr(part, "__metadata__")]
    return _description(inner[0]) if len(inner) == 1 else ""


def _docstring(kind: type) -> str:
    """Return a class's own docstring without its indentation."""
    lines = (kind.__dict__.get("__doc__") or "").splitlines()
    margins = [len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()]
    margin = min(margins, default=0)
    return "\n".join([*lines[:1], *(line[margin:].rstrip() for line in lines[1:])])
