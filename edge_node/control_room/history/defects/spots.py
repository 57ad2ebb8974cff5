"""Define what is compared where two passes saw one place: a spot of a pass, an anchor on the asset. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_SIGMA_M = 0.1  # of a distance beside its neighbours, where the robot states none
MAX_DRIFT = 0.05  # of a distance, of each pass; two passes differ by twice as much

# Models err in the material and the form, and corrosion grows: each is a clue, none decides. In nats.
_SAME_WORD, _OTHER_WORD = 0.3, -0.9
_SEVERITY_STEP = (0.25, -0.1, -0.8)  # by how many steps the severities differ
_AREA_SD, _ANY_AREA_SD = 0.7, 1.3  # of the logarithm of the ratio of two areas: of one place, of any two
_SEVERITY_RANKS = {"none": 0, "mild": 1, "early": 1, "mid": 1, "moderate": 1, "late": 2, "severe": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What corrosion looks like, as far as that is known."""

    material: str | None = None
    form: str | None = None
    severity: str | None = None
    area_mm2: float | None = None
    area_fraction: float | None = None
    length_m: float | None = None


@dataclass(frozen=True, slots=True)
class Spot:
    """One place as one pass saw it, by the pass's own distance.

    Attributes:
        sightings: keys of the findings there.
        forced: the anchors that it may be, as people decided; None leaves it to the matching.
    """

    sightings: tuple[int, ...]
    at_m: float
    look: Look
    forced: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class Anchor:
    """One place on the asset, by the asset's distance, as passes before saw it."""

    anchor: int
    at_m: float
    look: Look
    seen: int = 1


def compare_looks(spots: Sequence[Spot], anchors: Sequence[Anchor]) -> np.ndarray:
    """Return how much what is seen speaks for each spot being each anchor, in nats: spots by anchors."""
    found = np.zeros((len(spots), len(anchors)))
    for row, spot in enumerate(spots):
        for column, anchor in enumerate(anchors):
            found[row, column] = _compare(spot.look, anchor.look)
    return found


def _compare(one: Look, other: Look) -> float:
    total = 0.0
    for name in ("material", "form"):
        here, there = getattr(one, name), getattr(other, name)
        if here and there:
            total += _SAME_WORD if here == there else _OTHER_WORD
    total += _compare_severities(one.severity, other.severity)
    areas = one.area_mm2, other.area_mm2
    if areas[0] is None or areas[1] is None:
        areas = one.area_fraction, other.area_fraction
    return total + _compare_sizes(*areas) + 0.5 * _compare_sizes(one.length_m, other.length_m)


def _compare_severities(one: str | None, other: str | None) -> float:
    if not one or not other:
        return 0.0
    # Of words that only the room's file ranks it counts whether they are the same.
    here, there = (_SEVERITY_RANKS.get(word) for word in (one, other))
    steps = int(one != other) if here is None or there is None else abs(here - there)
    return _SEVERITY_STEP[steps]


def _compare_sizes(one: float | None, other: float | None) -> float:
    if not one or not other:
        return 0.0
    ratio = math.log(one / other)
    likely = -0.5 * (ratio / _AREA_SD) ** 2 - math.log(_AREA_SD)
    anyway = -0.5 * (ratio / _ANY_AREA_SD) ** 2 - math.log(_ANY_AREA_SD)
    return max(likely - anyway, -1.5)
