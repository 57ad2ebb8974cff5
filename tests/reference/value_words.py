"""Say in words which values a type allows: kind, bounds, choices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import inspect

from edge_node.validation import describe_pattern

if TYPE_CHECKING:
    from collections.abc import Callable

_KINDS = {
    inspect.BoolType: "true or false",
    inspect.DateTimeType: "time with its zone, ISO 8601",
    inspect.AnyType: "any value",
}
_MANY = 9_000_000_000_000_000  # a bound beyond this says only that numbers are finite


def describe_values(kind: Any, link: Callable[[type], str]) -> str:  # noqa: C901, PLR0911  a branch for each kind
    """Return which values a type of msgspec allows; null is left out where it is one of several.

    Args:
        kind: the type.
        link: returns a link to where a struct is described.
    """
    if isinstance(kind, inspect.Metadata):
        return describe_values(kind.type, link)
    if isinstance(kind, inspect.IntType | inspect.FloatType):
        return _number(kind)
    if isinstance(kind, inspect.StrType):
        return _text(kind)
    if isinstance(kind, inspect.UnionType):
        parts = [describe_values(one, link) for one in kind.types if not isinstance(one, inspect.NoneType)]
        return " or ".join(sorted(parts))  # msgspec gives them in another order each time
    if isinstance(kind, inspect.LiteralType):
        return ", ".join(_code(value) for value in sorted(kind.values, key=_order))
    if isinstance(kind, inspect.EnumType):
        return ", ".join(_code(member.value) for member in kind.cls)
    if isinstance(kind, inspect.VarTupleType | inspect.ListType):
        most = f", {kind.min_length} or more" if kind.min_length else ""
        return f"list of {_plural(describe_values(kind.item_type, link))}{most}"
    if isinstance(kind, inspect.TupleType):
        return f"list of {len(kind.item_types)}: {describe_values(kind.item_types[0], link)}"
    if isinstance(kind, inspect.DictType):
        return f"table of names, each with {describe_values(kind.value_type, link)}"
    if isinstance(kind, inspect.StructType):
        return link(kind.cls)
    return _KINDS.get(type(kind), "null")


def _number(kind: inspect.IntType | inspect.FloatType) -> str:
    name = "whole number" if isinstance(kind, inspect.IntType) else "number"
    low = kind.ge if kind.ge is not None else kind.gt
    high = kind.le if kind.le is not None else kind.lt
    if high is not None and high > _MANY:
        high = None
    if low is not None and high is not None:
        first = f"above {_plain(low)}" if kind.gt is not None else f"from {_plain(low)}"
        last = f"below {_plain(high)}" if kind.lt is not None else _plain(high)
        return f"{name} {first} to {last}"
    if low is not None:
        return f"{name} above {_plain(low)}" if kind.gt is not None else f"{name} from {_plain(low)} on"
    return name if high is None else f"{name} up to {_plain(high)}"


def _text(kind: inspect.StrType) -> str:
    if kind.pattern is not None and (rule := describe_pattern(kind.pattern)):
        return f"text: {rule}"
    if kind.max_length is not None:
        return f"text of {kind.min_length or 0} to {kind.max_length} characters"
    return "text, not empty" if kind.min_length else "text"


def _plain(number: float) -> str:
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:g}"


def _plural(words: str) -> str:
    for one, many in (("text", "texts"), ("whole number", "whole numbers"), ("number", "numbers")):
        if words == one or words.startswith((f"{one}:", f"{one},", f"{one} ")):
            return many + words[len(one) :]
    return words


def _order(value: Any) -> tuple[bool, Any]:
    return isinstance(value, str), value


def _code(value: Any) -> str:
    return f"`{msgspec.json.encode(value).decode()}`"
