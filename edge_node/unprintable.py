"""Find characters that no name may hold: controls, and those that turn the text around them. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

# Inside a set of a regular expression: C0 and C1 controls, line separators, bidirectional embeddings,
# overrides and isolates. A terminal or a page would show another text than the one that is meant.
UNPRINTABLE = r"\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069"
_FOUND = re.compile(f"[{UNPRINTABLE}]")
_LAYOUT = "\t\n\r"


def find_unprintable(value: Any, *, allows_layout: bool = False) -> str:
    """Return the first such character in ``value`` as ``U+001B``; "" if it holds none.

    Args:
        value: a text, or lists and dictionaries of texts; whatever else it holds is no text.
        allows_layout: tabs and line breaks are no fault, in a text of several lines.
    """
    for text in _texts(value):
        for found in _FOUND.finditer(text):
            if not (allows_layout and found[0] in _LAYOUT):
                return f"U+{ord(found[0]):04X}"
    return ""


def replace_unprintable(value: Any) -> Any:
    """Return ``value`` with U+FFFD for each such character but tabs and line breaks, in every text in it."""
    if isinstance(value, str):
        return _FOUND.sub(lambda found: found[0] if found[0] in _LAYOUT else "\ufffd", value)
    if isinstance(value, dict):
        return {replace_unprintable(name): replace_unprintable(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [replace_unprintable(inner) for inner in value]
    return value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(name)
            yield from _texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner)
