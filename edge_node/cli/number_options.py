"""Parse numbers of the command line within bounds, so that a wrong one is told by its option."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

DAY_S = 86_400.0


def number_between(low: float, high: float) -> Callable[[str], float]:
    """Return a parser of numbers from ``low`` to ``high``, for argparse's ``type``."""

    def parse(text: str) -> float:
        try:
            found = float(text)
        except ValueError:
            found = math.nan
        if not low <= found <= high:
            raise argparse.ArgumentTypeError(f"{text!r}: wanted a number from {low:g} to {high:g}")
        return found

    return parse


def whole_number_between(low: int, high: int) -> Callable[[str], int]:
    """Return a parser of whole numbers from ``low`` to ``high``, for argparse's ``type``."""

    def parse(text: str) -> int:
        try:
            found = int(text)
        except ValueError:
            found = low - 1
        if not low <= found <= high:
            raise argparse.ArgumentTypeError(f"{text!r}: wanted a whole number from {low} to {high}")
        return found

    return parse
