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
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from edge_node.control_room.history.defects.drift import fit_drift
from edge_node.control_room.history.defects.spots import DEFAULT_SIGMA_M, MAX_DRIFT, compare_looks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_node.control_room.history.defects.spots import Anchor, Spot

_STRETCHES = np.arange(0.88, 1.1201, 0.03)
_STRETCH_SD = 0.05
_LOCAL_DRIFT = 0.02  # of a distance, by which a pass departs from its own stretch
_START_SD_M = 0.15  # how exactly a robot is put to the place where its distance begins
_TRUST, _DOUBT = 0.33, 0.35  # of what a pattern seems to tell, share of another place by the pattern alone
_DOUBT_SD_M = 1.0  # how far from its beginning a robot may have been put down
_UNSURE = 0.6  # the most that a place in doubt is taken to be
_CLEARLY, _CLEARLY_BACK = 12.0, 8.0  # nats by which the pattern must speak against where a pass began
_FEW, _LITTLE = 4, 0.6  # places to tell a pattern by; share of them below which one looks for another way
_SLIP, _SLIP_SD_M = 0.004, 0.5  # share of steps in which wheels slip, and how far
_LOST = math.log(0.2)  # a known place is not found
_LOST_TOO = math.log(0.7)  # nor is the next one after it: what is unseen comes in stretches
_FOUND = math.log(0.8)
_NEW_PER_M = math.log(0.15)
_STEPS_BACK, _ANCHORS_BACK = 5, 20
_MOST_HELD = 20_000_000  # weights of steps that are held in memory; beyond, they are computed twice
_PART, _MOST_SPOTS, _MOST_IN_REACH = 100, 3000, 600  # of a pass at once, of a pass, of known places
_REACH_M, _REACH_DRIFT = 3.0, 2.2 * MAX_DRIFT  # beyond no drift brings a place
_SURE, _ENOUGH = 0.7, 5  # probability and number of common places by which the drift is told
_MORE = 1.2  # as large as they fit, those that were not fitted are off
_UNTOLD_DRIFT = 0.03  # of the distance from the nearest common place
_DECIDED, _NEVER, _NOWHERE_M = 10.0, -1e9, 1e6


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
    if len(spots) > _PART:
        return _align_parts(spots, anchors, sigma_m, is_descending=is_descending)
    if not spots or not anchors:
        return Alignment(np.zeros((len(spots), len(anchors))), 0.0, sigma_m or DEFAULT_SIGMA_M)
    own = np.array([spot.at_m for spot in spots])
    there = np.array([anchor.at_m for anchor in anchors])
    looks = compare_looks(spots, anchors) + _forced(spots, anchors)
    if is_descending:
        own, there, looks = -own[::-1], -there[::-1], looks[::-1, ::-1]
    found = _weigh_beginnings(own, there, looks, sigma_m)
    if is_descending:
        found = replace(found, probability=found.probability[::-1, ::-1])
    return found


def _weigh_beginnings(
    own: np.ndarray, there: np.ndarray, looks: np.ndarray, sigma_m: float | None
) -> Alignment:
    """Weigh the ways by where a pass's distance begins, and by the pattern alone: the two must agree.

    Of places that are evenly apart the pattern says little, and a robot is not always put to one beginning:
    where the two say otherwise, and neither clearly, both are possible. Or the pass went the other way.
    """
    begun = _weigh_way(own, there, looks, sigma_m, math.hypot(_START_SD_M, sigma_m or 0.0))
    anywhere = _weigh_way(own, there, looks, sigma_m, math.inf)
    best = anywhere if anywhere.evidence > begun.evidence + _CLEARLY else begun
    fewer = min(len(own), len(there))
    if fewer >= _FEW and best.probability.sum() < _LITTLE * fewer:
        back = _weigh_way(-own[::-1], there, looks[::-1], sigma_m, math.inf)
        if back.evidence > max(begun.evidence, anywhere.evidence) + _CLEARLY_BACK:
            return replace(back, probability=back.probability[::-1])
    probability = best.probability.copy()
    start_sd_m = math.inf if best is anywhere else _DOUBT_SD_M
    doubt = _Model((own, there, looks), anywhere.sigma_m, start_sd_m, _TRUST).weigh().probability
    for row, column in enumerate(probability.argmax(axis=1)):
        same = doubt[row, column] if probability[row].sum() > 0.5 else 0.0
        if doubt[row].sum() - same >= _DOUBT:
            seen = (probability[row] + anywhere.probability[row]) / 2
            mixed = 0.4 * seen + 0.6 * doubt[row] / doubt[row].sum()
            probability[row] = np.minimum(mixed, _UNSURE)
    return replace(best, probability=probability)


def _weigh_way(
    own: np.ndarray, there: np.ndarray, looks: np.ndarray, sigma_m: float | None, start_sd_m: float
) -> Alignment:
    """Weigh all ways that go in one direction; an infinite ``start_sd_m`` lets them begin anywhere."""
    found = [_Model((own, there, looks), sigma, start_sd_m).weigh() for sigma in _guess_sigmas(sigma_m)]
    best = max(found, key=lambda one: one.evidence)
    weights = np.exp([one.evidence - best.evidence for one in found])
    mixed = sum(weight * one.probability for weight, one in zip(weights, found, strict=True))
    probability = _refine(own, there, looks, np.asarray(mixed) / weights.sum())
    probability = _allow_swaps(probability, there, looks, math.sqrt(2) * best.sigma_m)
    return replace(best, probability=probability)


def _refine(own: np.ndarray, there: np.ndarray, looks: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Weigh again by how far each spot is from where the drift that all others tell would have it.

    Steps from spot to spot tell the drift, but each carries the noise of four distances.
    """
    sure = [(row, int(first[row].argmax())) for row in range(len(own)) if first[row].max() >= _SURE]
    if len(sure) < _ENOUGH:
        return first
    common = [(float(own[row]), float(there[column])) for row, column in sure]
    drift = fit_drift(common, ("", "", ()))
    from_near = np.abs(own[:, None] - np.array([one for one, _ in common])[None, :]).min(axis=1)
    sd = np.hypot(_MORE * drift.sigma_m, _UNTOLD_DRIFT * from_near)[:, None]
    off = np.array([drift.to_asset(float(at_m)) for at_m in own])[:, None] - there[None, :]
    near = math.log(1 - _SLIP) + _normal(off, sd)
    # Between two common places wheels would have had to slip there and back again.
    places = [one for one, _ in common]
    is_between = (own > min(places)) & (own < max(places))
    slips = np.where(is_between, 2.0, 1.0)[:, None]
    far = slips * math.log(_SLIP) + _normal(off, np.hypot(sd, _SLIP_SD_M))
    return _Model((own, there, looks + np.maximum(near, far)), drift.sigma_m, None).weigh().probability


def _align_parts(
    spots: Sequence[Spot], anchors: Sequence[Anchor], sigma_m: float | None, *, is_descending: bool
) -> Alignment:
    """Align a long pass part by part with the anchors in reach, so that time grows with its length alone.

    A flood of findings, of which no pattern can be told, is compared with nothing.
    """
    probability = np.zeros((len(spots), len(anchors)))
    there = np.array([anchor.at_m for anchor in anchors])
    evidence, sigma = 0.0, sigma_m or DEFAULT_SIGMA_M
    for begin in range(0, len(spots) if len(spots) <= _MOST_SPOTS else 0, _PART):
        part = spots[begin : begin + _PART]
        reach_m = _REACH_M + _REACH_DRIFT * max(abs(part[0].at_m), abs(part[-1].at_m))
        first = int(np.searchsorted(there, part[0].at_m - reach_m))
        last = int(np.searchsorted(there, part[-1].at_m + reach_m))
        if last - first > _MOST_IN_REACH:
            continue
        found = align(part, anchors[first:last], sigma_m, is_descending=is_descending)
        probability[begin : begin + _PART, first:last] = found.probability
        evidence, sigma = evidence + found.evidence, found.sigma_m
    return Alignment(probability, evidence, sigma)


def _guess_sigmas(stated_m: float | None) -> list[float]:
    """Return the standard deviations to try: a stated one may be that of the drift, far above the noise."""
    if stated_m is None:
        return [DEFAULT_SIGMA_M / 2, DEFAULT_SIGMA_M]
    largest = min(max(stated_m, 0.02), 1.0)
    return sorted({largest, max(min(largest, 0.3) / 2, 0.02), max(min(largest, 0.1) / 2, 0.02)})


def _forced(spots: Sequence[Spot], anchors: Sequence[Anchor]) -> np.ndarray:
    """Return what people decided: above whatever places look like, and below what a whole pattern tells."""
    found = np.zeros((len(spots), len(anchors)))
    for row, spot in enumerate(spots):
        if spot.forced is not None:
            found[row] = [_DECIDED if anchor.anchor in spot.forced else _NEVER for anchor in anchors]
    return found


def _allow_swaps(first: np.ndarray, there: np.ndarray, looks: np.ndarray, sigma_m: float) -> np.ndarray:
    """Let neighbours have changed places: ways preserve the order, errors of distances need not."""
    found = first.copy()
    best = first.argmax(axis=1)
    for row in range(len(first) - 1):
        here, next_one = best[row], best[row + 1]
        if here == next_one:
            continue
        apart_m = abs(there[next_one] - there[here])
        chance = 0.5 * math.erfc(apart_m / (math.sqrt(2) * sigma_m) / math.sqrt(2))
        gain = looks[row, next_one] + looks[row + 1, here] - looks[row, here] - looks[row + 1, next_one]
        odds = chance / (1 - chance) * math.exp(min(max(gain, -20.0), 20.0))
        share = odds / (1 + odds)
        rows = found[[row, row + 1]]
        found[[row, row + 1]] = (1 - share) * rows + share * rows[::-1]
    return np.asarray(found)


class _Model:
    """All order-preserving ways to lay the spots of a pass along the anchors."""

    def __init__(
        self,
        laid: tuple[np.ndarray, np.ndarray, np.ndarray],
        sigma_m: float,
        start_sd_m: float | None,
        trust: float = 1.0,
    ) -> None:
        """Prepare; without ``start_sd_m`` the looks say already how far each spot is from each anchor.

        With less ``trust`` all that speaks for a way or against it counts less. ``laid`` has the distances of
        the spots, those of the anchors, and the looks.
        """
        self._trust = trust
        self._own, self._there, looks = laid
        self._gain = trust * (looks + _FOUND)
        self._sigma_m = sigma_m
        self._start_sd_m = start_sd_m
        self._stretches = np.ones(1) if start_sd_m is None else _STRETCHES
        self._prior = -0.5 * ((self._stretches - 1.0) / _STRETCH_SD) ** 2
        self._prior = trust * (self._prior - np.logaddexp.reduce(self._prior))
        back = np.arange(_ANCHORS_BACK)
        self._lost = np.where(back == 0, 0.0, _LOST + _LOST_TOO * (back - 1))

    def weigh(self) -> Alignment:
        count, known = len(self._own), len(self._there)
        if not known:
            return Alignment(np.zeros((count, 0)), 0.0, self._sigma_m)
        size = count * _STEPS_BACK * len(_STRETCHES) * known * _ANCHORS_BACK
        step = cache(self._step) if size <= _MOST_HELD else self._step
        ahead, behind = self._start(), self._end()
        for one in range(count):
            for before in range(max(0, one - _STEPS_BACK), one):
                ways = _shift_forward(ahead[:, before]) + step(before, one)
                ahead[:, one] = np.logaddexp(ahead[:, one], _add_up(ways) + self._gain[one])
        for one in reversed(range(count)):
            for after in range(one + 1, min(count, one + 1 + _STEPS_BACK)):
                reached = behind[:, after] + self._gain[after]
                ways = _shift_backward(reached, step(one, after))
                behind[:, one] = np.logaddexp(behind[:, one], _add_up(ways))
        both = ahead + behind + self._prior[:, None, None]
        nothing = self._trust * (count * _NEW_PER_M + self._count_lost(self._own[0], self._own[-1]))
        last = ahead + self._end() + self._prior[:, None, None]
        evidence = float(np.logaddexp(np.logaddexp.reduce(last, axis=None), nothing))
        return Alignment(np.exp(np.logaddexp.reduce(both, axis=0) - evidence), evidence, self._sigma_m)

    def _start(self) -> np.ndarray:
        """Return the weight of beginning with each spot at each anchor: stretches by spots by anchors."""
        left = np.arange(len(self._own))[:, None] * _NEW_PER_M
        begin_m = self._there[None, :] - (self._own - self._own[0])[:, None]
        begun = self._gain + self._trust * (left + self._lost_within(begin_m, self._there[None, :]))
        if self._start_sd_m is None:
            return np.asarray(begun[None])
        if not math.isinf(self._start_sd_m):
            off = self._own[:, None] - self._there[None, :]
            begun = begun + _normal(off, np.hypot(self._start_sd_m, MAX_DRIFT * self._own)[:, None])
        return np.repeat(begun[None], len(_STRETCHES), axis=0)

    def _end(self) -> np.ndarray:
        """Return the weight of what is left over behind the last spot that is an anchor."""
        left = np.arange(len(self._own))[::-1, None] * _NEW_PER_M
        end_m = self._there[None, :] + (self._own[-1] - self._own)[:, None]
        lost = self._lost_within(self._there[None, :], end_m)
        return np.repeat(self._trust * (left + lost)[None], len(self._stretches), axis=0)

    def _step(self, before: int, after: int) -> np.ndarray:
        """Return the weight of going on from a spot to a later one: stretches by anchors by anchors back."""
        known = len(self._there)
        over = (after - before - 1) * _NEW_PER_M
        if self._start_sd_m is None:
            inside = np.arange(known)[:, None] > np.arange(_ANCHORS_BACK)[None, :]
            return np.asarray(np.where(inside, self._lost + over, _NEVER)[None])
        gap = self._own[after] - self._own[before]
        padded = np.concatenate([np.full(_ANCHORS_BACK, _NOWHERE_M), self._there])
        windows = np.lib.stride_tricks.sliding_window_view(padded, _ANCHORS_BACK)[:known, ::-1]
        apart = self._there[:, None] - windows  # the anchor before, two before, ...
        off = gap - _STRETCHES[:, None, None] * apart[None]
        variance = 4 * self._sigma_m**2 + (_LOCAL_DRIFT * gap) ** 2
        even = math.log(1 - _SLIP) + _normal(off, math.sqrt(variance))
        slipped = math.log(_SLIP) + _normal(off, math.sqrt(variance + _SLIP_SD_M**2))
        ways = self._trust * (np.maximum(even, slipped) + self._lost + over)
        return np.maximum(ways, _NEVER).astype(np.float32)

    def _lost_within(self, from_m: np.ndarray, to_m: np.ndarray) -> np.ndarray:
        """Return the weight of the anchors between two places, exclusive, that the pass did not find."""
        first = np.searchsorted(self._there, from_m, side="left")
        last = np.searchsorted(self._there, to_m, side="right")
        many = np.maximum(last - first - 1, 0)
        return np.where(many > 0, _LOST + _LOST_TOO * (many - 1), 0.0)

    def _count_lost(self, from_m: float, to_m: float) -> float:
        inside = int(((self._there >= from_m) & (self._there <= to_m)).sum())
        return _LOST + _LOST_TOO * (inside - 1) if inside else 0.0


def _add_up(ways: np.ndarray) -> np.ndarray:
    """Return the logarithm of the sum of the weights along the last axis."""
    most = ways.max(axis=2)
    return np.asarray(most + np.log(np.exp(ways - most[:, :, None]).sum(axis=2)))


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
