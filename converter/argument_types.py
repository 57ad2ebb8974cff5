"""Parse numbers on the command line within bounds, so that a bad one is refused before any work."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# numpy's old generator, which Keras seeds too, takes 32 bits; each training of a recipe adds one to the seed.
MAX_SEED = 2**31 - 1


def at_least(least: int) -> Callable[[str], int]:
    """Return a parser of whole numbers from ``least`` on."""

    def number(text: str) -> int:
        found = _parse_whole(text)
        if found is None or found < least:
            raise argparse.ArgumentTypeError(f"{text!r}, wanted a whole number from {least} on")
        return found

    return number


def seed(text: str) -> int:
    """Parse a seed that both numpy and TensorFlow take."""
    found = _parse_whole(text)
    if found is None or not 0 <= found <= MAX_SEED:
        raise argparse.ArgumentTypeError(f"{text!r}, wanted a whole number from 0 to {MAX_SEED}")
    return found


def up_to(most: float) -> Callable[[str], float]:
    """Return a parser of numbers from 0 to ``most``."""

    def number(text: str) -> float:
        found = _parse_real(text)
        if not 0.0 <= found <= most:
            raise argparse.ArgumentTypeError(f"{text!r}, wanted a number from 0 to {most:g}")
        return found

    return number


def above_zero(text: str) -> float:
    """Parse a number above 0."""
    found = _parse_real(text)
    if not 0.0 < found < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}, wanted a number above 0")
    return found


def _parse_whole(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _parse_real(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
