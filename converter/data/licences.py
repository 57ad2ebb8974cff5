"""Read from a licence's words whether it is stated at all, and whether it forbids commercial use."""

from __future__ import annotations

import re

_NON_COMMERCIAL = re.compile(r"\bNC\b|non-?\s?commercial|evaluation only|research (only|use)", re.IGNORECASE)
_UNSTATED = re.compile(r"^(|none|unknown|n/?a|\?)$|none stated|not stated|all rights reserved", re.IGNORECASE)


def is_unstated(licence: str) -> bool:
    """Return whether nothing allows the use of pictures with this licence."""
    return _UNSTATED.search(licence.strip()) is not None


def is_non_commercial(licence: str) -> bool:
    """Return whether a licence that is stated allows no commercial use."""
    return not is_unstated(licence) and _NON_COMMERCIAL.search(licence) is not None
