"""Share a bound out among those who use it, so that who uses most gives first. No I/O.

It is the max-min fair share: there is one level; who uses less keeps all, who uses more keeps the level. So
whatever others use, each keeps at least what it has or an equal part of the bound, whichever is less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

Key = TypeVar("Key")


def allot(used: Mapping[Key, int], bound: int) -> dict[Key, int]:
    """Return what each may keep, so that all together keep no more than ``bound``.

    Args:
        used: what each uses now; not negative.
        bound: of the sum; what is over from the division goes to those who use most, one unit each.
    """
    left = max(bound, 0)
    kept: dict[Key, int] = {}
    smallest_first = sorted(used, key=lambda key: used[key])
    for place, key in enumerate(smallest_first):
        kept[key] = min(used[key], left // (len(smallest_first) - place))
        left -= kept[key]
    return kept
