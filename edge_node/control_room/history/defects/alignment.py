"""Align the places that one pass saw with those known on the asset, whatever its distance drifted. Pure.

Odometers run a few percent too long or too short, and slip: far along a pipe the distance is metres wrong,
many times more than neighbouring places are apart. So places are never compared one by one: the whole
sequence of a pass is laid along the asset in every order-preserving way, as with sequences of genes, and
each way is weighed by how evenly it stretches the distances, by what it leaves over on either side and by
what the places look like. What comes out is the share of all this weight in which a place is a known one:
near 1 where the pattern tells, spread over neighbours where it does not.

Sums of all ways are those of a hidden Markov model (forward and backward), for each of a few stretches.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_node.control_room.history.defects.spots import compare_looks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_node.control_room.history.defects.spots import Anchor, Spot

DEFAULT_SIGMA_M = 0.1  # of a distance beside its neighbours, where the robot states none
MAX_DRIFT = 0.05  # of a distance, of each pass; two passes differ by twice as much
_STRETCHES = np.arange(0.88, 1.1201, 0.02)
_STRETCH_SD = 0.05
_LOCAL_DRIFT = 0.02  # of a distance, by which a pass departs from its own stretch
_START_SD_M = 0.15  # how exactly a robot is put to the place where its distance begins
_ELSEWHERE, _ELSEWHERE_SD_M = 0.1, 2.0  # share of passes that begin at another place, and how far from it
_SLIP, _SLIP_SD_M = 0.02, 0.5  # share of steps in which wheels slip, and how far
_LOST = math.log(0.2)  # a known place is not found
_LOST_TOO = math.log(0.7)  # nor is the next one after it: what is unseen comes in stretches
_FOUND = math.log(0.8)
_NEW_PER_M = math.log(0.15)
_STEPS_BACK, _ANCHORS_BACK = 8, 20
_NEVER, _NOWHERE_M = -1e9, 1e6


@dataclass(frozen=True, slots=True)
class Alignment:
    """How probable it is that each spot is each anchor.

    Attributes:
        probability: spots by anchors; what is missing to 1 is that the spot is new.
        evidence: logarithm of the weight of all ways, to compare assumptions.
        sigma_m: of a distance beside its neighbours, as it fits best.
    """

    probability: np.ndarray
    evidence: float
    sigma_m: float


def align(
    spots: Sequence[Spot], anchors: Sequence[Anchor], sigma_m: float | None, *, is_descending: bool = False
) -> Alignment:
    """Weigh which known places a pass saw.

    Args:
        spots: of the pass, by its own distance, in ascending order.
        anchors: known places by the asset's distance, in ascending order.
        sigma_m: standard deviation of the pass's distances as the robot states it; None is not known.
        is_descending: the robot went towards smaller distances: its drift began at the far end.
    """
    if not spots or not anchors:
        return Alignment(np.zeros((len(spots), len(anchors))), 0.0, sigma_m or DEFAULT_SIGMA_M)
    own = np.array([spot.at_m for spot in spots])
    there = np.array([anchor.at_m for anchor in anchors])
    looks = compare_looks(spots, anchors) + _forced(spots, anchors)
    if is_descending:
        own, there, looks = -own[::-1], -there[::-1], looks[::-1, ::-1]
    start_sd_m = math.hypot(_START_SD_M, sigma_m or 0.0)
    found = [_Model(own, there, looks, sigma, start_sd_m).weigh() for sigma in _guess_sigmas(sigma_m)]
    best = max(found, key=lambda one: one.evidence)
    weights = np.exp([one.evidence - best.evidence for one in found])
    mixed = sum(weight * one.probability for weight, one in zip(weights, found, strict=True))
    probability = np.asarray(mixed) / weights.sum()
    if is_descending:
        probability = probability[::-1, ::-1]
    return Alignment(probability, best.evidence, best.sigma_m)


def _guess_sigmas(stated_m: float | None) -> list[float]:
    """Return the standard deviations to try: a stated one may be that of the drift, far above the noise."""
    if stated_m is None:
        return [DEFAULT_SIGMA_M / 2, DEFAULT_SIGMA_M]
    largest = min(max(stated_m, 0.02), 1.0)
    return sorted({largest, max(min(largest, 0.3) / 2, 0.02), max(min(largest, 0.1) / 2, 0.02)})


def _forced(spots: Sequence[Spot], anchors: Sequence[Anchor]) -> np.ndarray:
    """Return what people decided: it is far above whatever places look like."""
    found = np.zeros((len(spots), len(anchors)))
    for row, spot in enumerate(spots):
        if spot.forced is not None:
            found[row] = [50.0 if anchor.anchor in spot.forced else _NEVER for anchor in anchors]
    return found


class _Model:
    """All order-preserving ways to lay the spots of a pass along the anchors."""

    def __init__(
        self, own: np.ndarray, there: np.ndarray, looks: np.ndarray, sigma_m: float, start_sd_m: float
    ) -> None:
        self._own, self._there = own, there
        self._gain = looks + _FOUND
        self._sigma_m = sigma_m
        self._start_sd_m = start_sd_m
        self._prior = -0.5 * ((_STRETCHES - 1.0) / _STRETCH_SD) ** 2
        self._prior -= np.logaddexp.reduce(self._prior)
        back = np.arange(_ANCHORS_BACK)
        self._lost = np.where(back == 0, 0.0, _LOST + _LOST_TOO * (back - 1))

    def weigh(self) -> Alignment:
        count, known = len(self._own), len(self._there)
        if not known:
            return Alignment(np.zeros((count, 0)), 0.0, self._sigma_m)
        steps = {pair: self._step(*pair) for pair in self._pairs(count)}
        ahead, behind = self._start(), self._end()
        for one in range(count):
            for before in range(max(0, one - _STEPS_BACK), one):
                ways = _shift_forward(ahead[:, before]) + steps[before, one]
                ahead[:, one] = np.logaddexp(
                    ahead[:, one], np.logaddexp.reduce(ways, axis=2) + self._gain[one]
                )
        for one in reversed(range(count)):
            for after in range(one + 1, min(count, one + 1 + _STEPS_BACK)):
                reached = behind[:, after] + self._gain[after]
                ways = _shift_backward(reached, steps[one, after])
                behind[:, one] = np.logaddexp(behind[:, one], np.logaddexp.reduce(ways, axis=2))
        both = ahead + behind + self._prior[:, None, None]
        nothing = count * _NEW_PER_M + self._count_lost(self._own[0], self._own[-1])
        last = ahead + self._end() + self._prior[:, None, None]
        evidence = float(np.logaddexp(np.logaddexp.reduce(last, axis=None), nothing))
        return Alignment(np.exp(np.logaddexp.reduce(both, axis=0) - evidence), evidence, self._sigma_m)

    @staticmethod
    def _pairs(count: int) -> list[tuple[int, int]]:
        return [(one, two) for two in range(count) for one in range(max(0, two - _STEPS_BACK), two)]

    def _start(self) -> np.ndarray:
        """Return the weight of beginning with each spot at each anchor: stretches by spots by anchors."""
        off = self._own[:, None] - self._there[None, :]
        sd = np.hypot(self._start_sd_m, MAX_DRIFT * np.abs(self._own))[:, None]
        near = np.log(1 - _ELSEWHERE) + _normal(off, sd)
        far = np.log(_ELSEWHERE) + _normal(off, np.hypot(_ELSEWHERE_SD_M, MAX_DRIFT * self._own[:, None]))
        begun = np.logaddexp(near, far) + self._gain + np.arange(len(self._own))[:, None] * _NEW_PER_M
        begin_m = self._there[None, :] - (self._own - self._own[0])[:, None]
        begun = begun + self._lost_within(begin_m, self._there[None, :])
        return np.repeat(begun[None], len(_STRETCHES), axis=0)

    def _end(self) -> np.ndarray:
        """Return the weight of what is left over behind the last spot that is an anchor."""
        left = np.arange(len(self._own))[::-1, None] * _NEW_PER_M
        end_m = self._there[None, :] + (self._own[-1] - self._own)[:, None]
        lost = self._lost_within(self._there[None, :], end_m)
        return np.repeat((left + lost)[None], len(_STRETCHES), axis=0)

    def _step(self, before: int, after: int) -> np.ndarray:
        """Return the weight of going on from a spot to a later one: stretches by anchors by anchors back."""
        known = len(self._there)
        gap = self._own[after] - self._own[before]
        padded = np.concatenate([np.full(_ANCHORS_BACK, _NOWHERE_M), self._there])
        windows = np.lib.stride_tricks.sliding_window_view(padded, _ANCHORS_BACK)[:known, ::-1]
        apart = self._there[:, None] - windows  # the anchor before, two before, ...
        off = gap - _STRETCHES[:, None, None] * apart[None]
        variance = 4 * self._sigma_m**2 + (_LOCAL_DRIFT * gap) ** 2
        even = math.log(1 - _SLIP) + _normal(off, math.sqrt(variance))
        slipped = math.log(_SLIP) + _normal(off, math.sqrt(variance + _SLIP_SD_M**2))
        ways = np.logaddexp(even, slipped) + self._lost + (after - before - 1) * _NEW_PER_M
        return np.maximum(ways, _NEVER)

    def _lost_within(self, from_m: np.ndarray, to_m: np.ndarray) -> np.ndarray:
        """Return the weight of the anchors between two places, exclusive, that the pass did not find."""
        first = np.searchsorted(self._there, from_m, side="left")
        last = np.searchsorted(self._there, to_m, side="right")
        many = np.maximum(last - first - 1, 0)
        return np.where(many > 0, _LOST + _LOST_TOO * (many - 1), 0.0)

    def _count_lost(self, from_m: float, to_m: float) -> float:
        inside = int(((self._there >= from_m) & (self._there <= to_m)).sum())
        return _LOST + _LOST_TOO * (inside - 1) if inside else 0.0


def _normal(off: np.ndarray, sd: np.ndarray | float) -> np.ndarray:
    return np.asarray(-0.5 * (off / sd) ** 2 - np.log(sd) - 0.5 * math.log(2 * math.pi))


def _shift_forward(weights: np.ndarray) -> np.ndarray:
    """Return for each anchor the weights of the anchors before it, nearest first."""
    padded = np.concatenate([np.full((len(weights), _ANCHORS_BACK), _NEVER), weights], axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, _ANCHORS_BACK, axis=1)
    return windows[:, : weights.shape[1], ::-1]


def _shift_backward(reached: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Return for each anchor the weights of going on to the anchors behind it, nearest first."""
    both = reached[:, :, None] + step
    stretches, known, back = both.shape
    padded = np.concatenate([both, np.full((stretches, back, back), _NEVER)], axis=1)
    index = np.arange(known)[:, None] + 1 + np.arange(back)[None, :]
    return padded[:, index, np.arange(back)[None, :]]
