"""Align the places that one pass saw in space with those known on the asset. Pure.

In space places have no order to be laid along each other in. Every pair of a place that was seen and a known
one is a guess at how far the pass's origin is off, for each of a few stretches; each guess is weighed by how
many places it brings together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_node.control_room.history.defects.spots import DEFAULT_SIGMA_M, MAX_DRIFT, compare_looks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_node.control_room.history.defects.spots import Anchor, Spot

_STRETCHES = np.arange(0.9, 1.1001, 0.01)
_STRETCH_SD = 0.05
_START_SD_M = 0.3  # how exactly the origin of two passes is the same
_FOUND, _NEW_PER_M3 = 0.8, 0.02
_MAX_GUESSES = 4000
_MAX_PLACES = 400  # the largest pass or asset in space that is matched by its pattern


def align_in_space(
    own: np.ndarray, known: np.ndarray, seen: tuple[Sequence[Spot], Sequence[Anchor]], sigma_m: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Weigh which known places a pass saw.

    Args:
        own: places that the pass saw, n by 3, in metres.
        known: on the asset, m by 3.
        seen: what they look like.
        sigma_m: standard deviation of the pass's positions; None is not known.

    Returns:
        The probability that each is each known one, n by m, and where they are on the asset, n by 3.
    """
    if not len(own) or not len(known) or max(len(own), len(known)) > _MAX_PLACES:
        return np.zeros((len(own), len(known))), own
    sigma = min(max(sigma_m or DEFAULT_SIGMA_M, 0.02), 1.0)
    looks = compare_looks(*seen)
    off, stretch = _guess(own, known, sigma)
    weights, shares = [], []
    for shift, scale in zip(off, stretch, strict=True):
        moved = own * scale + shift
        apart2 = ((moved[:, None] - known[None]) ** 2).sum(axis=2)
        density = -0.5 * apart2 / (2 * sigma**2) - 1.5 * np.log(2 * np.pi * 2 * sigma**2)
        ways = np.exp(np.minimum(density + looks + np.log(_FOUND), 300.0))
        total = ways.sum(axis=1) + _NEW_PER_M3
        prior = -0.5 * (shift @ shift) / _shift_sd(own) ** 2 - 0.5 * ((scale - 1) / _STRETCH_SD) ** 2
        weights.append(np.log(total).sum() + prior)
        shares.append(_one_to_one(ways / total[:, None]))
    chance = np.exp(np.array(weights) - max(weights))
    chance /= chance.sum()
    best = int(chance.argmax())
    probability = np.einsum("g,gnm->nm", chance, np.array(shares))
    return probability, own * stretch[best] + off[best]


def _guess(own: np.ndarray, known: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the shifts and stretches that bring the most places together."""
    guesses = []
    for scale in _STRETCHES:
        shifts = (known[None] - own[:, None] * scale).reshape(-1, 3)
        near = shifts[np.linalg.norm(shifts, axis=1) <= 3 * _shift_sd(own)]
        guesses += [(scale, shift) for shift in near]
    guesses = guesses[:: max(1, len(guesses) // _MAX_GUESSES)] or [(1.0, np.zeros(3))]
    scored = []
    for scale, shift in guesses:
        apart2 = ((own[:, None] * scale + shift - known[None]) ** 2).sum(axis=2)
        close = np.exp(-0.5 * apart2.min(axis=1) / (2 * sigma**2)).sum()
        scored.append(close - 0.5 * (shift @ shift) / _shift_sd(own) ** 2)
    kept = np.argsort(scored)[::-1][:50]
    refined = [_refine(own, known, guesses[one], sigma) for one in kept]
    unique = {tuple(np.round([scale, *shift], 3)): (shift, scale) for shift, scale in refined}
    return np.array([shift for shift, _ in unique.values()]), np.array(
        [scale for _, scale in unique.values()]
    )


def _refine(
    own: np.ndarray, known: np.ndarray, guess: tuple[float, np.ndarray], sigma: float
) -> tuple[np.ndarray, float]:
    """Fit shift and stretch to the places that a guess brings together."""
    scale, shift = float(guess[0]), guess[1]
    for _ in range(3):
        apart = ((own[:, None] * scale + shift - known[None]) ** 2).sum(axis=2)
        nearest = apart.argmin(axis=1)
        close = apart.min(axis=1) <= (3 * sigma) ** 2
        if close.sum() < 2:
            break
        here, there = own[close], known[nearest[close]]
        spread = here - here.mean(axis=0)
        if (spread**2).sum() > 1e-6:
            fitted = float((spread * (there - there.mean(axis=0))).sum() / (spread**2).sum())
            scale = min(max(fitted, _STRETCHES[0]), _STRETCHES[-1])
        shift = there.mean(axis=0) - scale * here.mean(axis=0)
    return shift, scale


def _one_to_one(shares: np.ndarray) -> np.ndarray:
    """Let no known place be shared by more than one that was seen."""
    taken = np.maximum(shares.sum(axis=0), 1.0)
    return np.asarray(shares / taken)


def _shift_sd(own: np.ndarray) -> float:
    extent = float(np.abs(own).max()) if len(own) else 0.0
    return float(np.hypot(_START_SD_M, MAX_DRIFT * extent))
