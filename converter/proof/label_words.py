"""Check by their words that labels which say opposite things do not mean the same in a bundle."""

from __future__ import annotations

import re
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edge_node.inference.manifest import Meaning

_NO = frozenset(
    {"no", "not", "non", "without", "free", "never", "none", "absence", "absent", "lacking", "un", "zero"}
)
_FILLING = frozenset({"with", "has", "of", "a", "any", "the", "is", "from"})


def find_opposites(labels: Sequence[str], meanings: Mapping[str, Meaning]) -> tuple[str, str] | None:
    """Return two labels of which one denies the other, though both mean corroded, or both uncorroded."""
    for first, second in combinations(labels, 2):
        (core, denied), (other_core, other_denied) = _split(first), _split(second)
        said = [meanings[label].corroded if label in meanings else None for label in (first, second)]
        if core == other_core and denied != other_denied and said[0] is not None and said[0] == said[1]:
            return first, second
    return None


def _split(label: str) -> tuple[frozenset[str], bool]:
    """Return the words of a label that carry its matter, and whether it denies them."""
    words = set(re.findall(r"[a-z]+", re.sub(r"\bun(?=[a-z]{4})", "un ", label.lower())))
    return frozenset(words - _NO - _FILLING), bool(words & _NO)
