"""Numbers on the command line, each with its bounds: what is out of them is said before any work."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# numpy's old generator, which Keras seeds as well, takes 32 bits; each of a recipe's trainings adds one.
MAX_SEED = 2**31 - 1


def at_least(least: int) -> Callable[[str], int]:
    """Return what reads a whole number from ``least`` on."""

    def number(text: str) -> int:
        found = _whole(text)
        if found is None or found < least:
            raise argparse.ArgumentTypeError(f"{text!r}, wanted a whole number from {least} on")
        return found

    return number


def seed(text: str) -> int:
    """Read a seed: one that numpy and TensorFlow both take."""
    found = _whole(text)
    if found is None or not 0 <= found <= MAX_SEED:
        raise argparse.ArgumentTypeError(f"{text!r}, wanted a whole number from 0 to {MAX_SEED}")
    return found


def up_to(most: float) -> Callable[[str], float]:
    """Return what reads a number from 0 to ``most``."""

    def number(text: str) -> float:
        found = _real(text)
        if not 0.0 <= found <= most:
            raise argparse.ArgumentTypeError(f"{text!r}, wanted a number from 0 to {most:g}")
        return found

    return number


def above_zero(text: str) -> float:
    """Read a number above 0."""
    found = _real(text)
    if not 0.0 < found < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}, wanted a number above 0")
    return found


def _whole(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _real(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
