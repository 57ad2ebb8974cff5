"""Read from a licence's words whether it is stated at all, and whether it forbids commercial use."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_NON_COMMERCIAL = re.compile(r"\bNC\b|non-?\s?commercial|evaluation only|research (only|use)", re.IGNORECASE)
_UNSTATED = re.compile(r"^(|none|unknown|n/?a|\?)$|none stated|not stated|all rights reserved", re.IGNORECASE)


def is_unstated(licence: str) -> bool:
    """Return whether nothing allows the use of pictures with this licence."""
    return _UNSTATED.search(licence.strip()) is not None


def is_non_commercial(licence: str) -> bool:
    """Return whether a licence that is stated allows no commercial use."""
    return not is_unstated(licence) and _NON_COMMERCIAL.search(licence) is not None


def find_partly_allowed(origins: Iterable[tuple[str, str]], allows: Callable[[str], bool]) -> tuple[str, ...]:
    """Return the named sources of which some rows are under an allowed licence and others are not.

    Args:
        origins: source and licence of rows.
        allows: whether a licence is allowed.
    """
    found = defaultdict[str, set[bool]](set)
    for source, licence in origins:
        found[source].add(allows(licence))
    return tuple(sorted(source for source, allowed in found.items() if source and len(allowed) > 1))
