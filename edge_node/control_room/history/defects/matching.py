"""Find which sightings of one asset are one place, pass by pass, in the order in which they came. Pure.

A pass is matched with the places that the passes before it saw, so a new pass leaves older ones as they are,
and matching anew what is stored gives the same. What a person decided stays: it is only built upon.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from edge_node.control_room.history.defects.alignment import align
from edge_node.control_room.history.defects.drift import PassDrift, fit_drift
from edge_node.control_room.history.defects.passes import Pass, split_passes
from edge_node.control_room.history.defects.records import Placement
from edge_node.control_room.history.defects.space import align_in_space
from edge_node.control_room.history.defects.spots import DEFAULT_SIGMA_M, Anchor, Look, Spot

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from edge_node.control_room.history.defects.records import Sighting, Summary

SURE = 0.7  # probability from which a place is taken for a known one, or for a new one
# So far apart one pass sees one place at most: in findings that were open at once, and one after the other.
_AT_ONCE_M, _AFTERWARDS_M = 0.15, 0.06
_CANDIDATE, _MAX_CANDIDATES = 0.05, 5


@dataclass(frozen=True, slots=True)
class Match:
    """Where one sighting belongs: its anchor, and where that is on the asset."""

    key: int
    anchor: int
    placed: Placement


@dataclass(slots=True)
class _Place:
    """An anchor as it grows while passes are matched."""

    at: list[tuple[float, ...]] = field(default_factory=list)
    look: Look = field(default_factory=Look)


def match_asset(sightings: Iterable[Sighting], changed: frozenset[int] | None = None) -> list[Match]:
    """Match the sightings of one asset.

    Args:
        sightings: all of one asset, those without a place are left out.
        changed: keys of those that are new or other than when they were matched; passes before the first of
            them are taken as they were. None matches all anew.

    Returns:
        A match for each sighting of the passes that were matched.
    """
    found: list[Match] = []
    placed = [one for one in sightings if one.summary.has_place]
    for is_along in (True, False):
        places: dict[int, _Place] = defaultdict(_Place)
        is_dirty = changed is None
        for one in split_passes(one for one in placed if (one.summary.distance_m is not None) == is_along):
            is_dirty = is_dirty or any(
                seen.key in (changed or ()) or seen.placed is None or seen.anchor is None
                for seen in one.sightings
            )
            matches = _match_pass(one, places) if is_dirty else _keep(one)
            _remember(one, matches, places)
            if is_dirty:
                found += matches
    return found


def find_drifts(sightings: Iterable[Sighting]) -> list[PassDrift]:
    """Return the drifts of the passes along an asset, as they were matched, in their order."""
    seen: dict[int, int] = defaultdict(int)
    placed = [one for one in sightings if one.placed is not None and one.anchor is not None]
    for one in placed:
        seen[one.anchor or 0] += 1
    return [
        fit_drift(
            [
                (one.summary.distance_m, one.placed.asset_m)
                for one in found.sightings
                if one.placed is not None
                and one.placed.asset_m is not None
                and one.summary.distance_m is not None
                and seen[one.anchor or 0] > 1
            ],
            _name(found),
        )
        for found in split_passes(one for one in placed if one.summary.distance_m is not None)
    ]


def _keep(one: Pass) -> list[Match]:
    return [
        Match(seen.key, seen.anchor, seen.placed)
        for seen in one.sightings
        if seen.placed is not None and seen.anchor is not None
    ]


def _remember(one: Pass, matches: Sequence[Match], places: dict[int, _Place]) -> None:
    """Let later passes find the places that a pass saw for sure, or that people decided of."""
    by_key = {match.key: match for match in matches}
    for seen in one.sightings:
        match = by_key.get(seen.key)
        if match is None or not (match.placed.is_sure or seen.is_pinned):
            continue
        at = match.placed
        where = (at.asset_m,) if at.asset_m is not None else (at.x_m or 0.0, at.y_m or 0.0, at.z_m or 0.0)
        places[match.anchor].at.append(where)
        places[match.anchor].look = _look(seen.summary)


def _match_pass(one: Pass, places: Mapping[int, _Place]) -> list[Match]:
    is_along = one.sightings[0].summary.distance_m is not None
    groups = _group_same(one.sightings)
    if not is_along:
        return _match_in_space(one, groups, places)
    known = sorted(
        (
            Anchor(anchor, fmean(at for (at,) in place.at), place.look, len(place.at))
            for anchor, place in places.items()
        ),
        key=lambda anchor: (anchor.at_m, anchor.anchor),
    )
    spots = [_spot(group) for group in groups]
    found = align(spots, known, one.sigma_m, is_descending=one.is_descending).probability
    chosen = _choose(spots, [anchor.anchor for anchor in known], found)
    common = [
        (spot.at_m, known[column].at_m)
        for spot, (column, _) in zip(spots, chosen, strict=True)
        if column is not None
    ]
    drift = fit_drift(common, _name(one))
    return [
        Match(key, anchor, placed)
        for group, spot, row, (column, new) in zip(groups, spots, found, chosen, strict=True)
        for key, anchor, placed in _place_group(
            one,
            group,
            None if column is None else known[column].anchor,
            {"asset_m": drift.to_asset(spot.at_m)},
            (row, [anchor.anchor for anchor in known], new, bool(known)),
        )
    ]


def _match_in_space(
    one: Pass, groups: Sequence[Sequence[Sighting]], places: Mapping[int, _Place]
) -> list[Match]:
    known = sorted(places)
    centres = np.array([np.mean(places[anchor].at, axis=0) for anchor in known]).reshape(-1, 3)
    own = np.array([_in_space(group) for group in groups]).reshape(-1, 3)
    spots = [_spot(group) for group in groups]
    anchors = [Anchor(anchor, 0.0, places[anchor].look) for anchor in known]
    found, moved = align_in_space(own, centres, (spots, anchors), one.sigma_m)
    chosen = _choose(spots, known, found)
    return [
        Match(key, anchor, placed)
        for group, at, row, (column, new) in zip(groups, moved, found, chosen, strict=True)
        for key, anchor, placed in _place_group(
            one,
            group,
            None if column is None else known[column],
            dict(zip(("x_m", "y_m", "z_m"), map(float, at), strict=True)),
            (row, known, new, bool(known)),
        )
    ]


def _choose(spots: Sequence[Spot], known: Sequence[int], found: np.ndarray) -> list[tuple[int | None, float]]:
    """Return for each spot the column that it surely is, if any, and the probability that it is new."""
    chosen: list[tuple[int | None, float]] = []
    for spot, row in zip(spots, found, strict=True):
        new = max(0.0, 1.0 - float(row.sum()))
        best = int(row.argmax()) if len(row) else None
        forced = [column for column, anchor in enumerate(known) if anchor in (spot.forced or ())]
        if forced:
            best = max(forced, key=lambda column: (row[column], -column))
            chosen.append((best, 0.0))
        elif best is not None and row[best] >= SURE:
            chosen.append((best, new))
        else:
            chosen.append((None, new))
    return chosen


def _place_group(
    one: Pass,
    group: Sequence[Sighting],
    anchor: int | None,
    where: dict[str, float],
    told: tuple[np.ndarray, Sequence[int], float, bool],
) -> list[tuple[int, int, Placement]]:
    """Return key, anchor and placement of the sightings of one spot."""
    row, known, new, has_known = told
    likely = sorted(
        (
            (name, round(float(share), 3))
            for name, share in zip(known, row, strict=True)
            if share >= _CANDIDATE
        ),
        key=lambda pair: -pair[1],
    )[:_MAX_CANDIDATES]
    is_sure = anchor is not None or new >= SURE or not has_known
    sure = dict(likely).get(anchor, 1.0) if anchor is not None else (new if has_known else 1.0)
    pinned = [seen.anchor for seen in group if seen.is_pinned and seen.anchor is not None]
    founder = pinned[0] if pinned else min(seen.key for seen in group) if anchor is None else anchor
    is_sure = is_sure or bool(pinned)
    return [
        (
            seen.key,
            founder,
            Placement(
                pass_id=one.id,
                probability=round(sure, 3),
                is_sure=is_sure,
                candidates=() if is_sure else tuple(likely),
                **where,
            ),
        )
        for seen in group
    ]


def _group_same(sightings: Sequence[Sighting]) -> list[list[Sighting]]:
    """Put together what one pass saw several times at one place, in the order of the distance.

    The models err in the kind: then one place makes two findings at once. Or a finding closes too early.
    """
    groups: list[list[Sighting]] = []
    for one in sorted(sightings, key=lambda seen: (seen.summary.distance_m or 0.0, seen.key)):
        group = next((found for found in reversed(groups[-3:]) if _is_same_spot(found, one)), None)
        if group is None:
            groups.append([one])
        else:
            group.append(one)
    if sightings and sightings[0].summary.distance_m is not None:
        groups.sort(key=_along)
    return groups


def _is_same_spot(group: Sequence[Sighting], one: Sighting) -> bool:
    pinned = {seen.anchor for seen in (*group, one) if seen.is_pinned}
    if len(pinned) > 1:
        return False
    summary = one.summary
    if summary.distance_m is None:
        apart_m = float(np.linalg.norm(np.subtract(_in_space(group), summary.in_space or (0.0,) * 3)))
    else:
        apart_m = abs(_along(group) - summary.distance_m)
    at_once = any(_is_at_once(seen.summary, summary) for seen in group)
    return apart_m <= (_AT_ONCE_M if at_once else _AFTERWARDS_M)


def _is_at_once(one: Summary, other: Summary) -> bool:
    """Tell whether two findings were open at the same verdicts: one place that the models call two kinds."""
    if one.epoch != other.epoch or one.last_epoch != one.epoch or other.last_epoch != other.epoch:
        return False
    return one.first_seq <= other.last_seq and other.first_seq <= one.last_seq


def _spot(group: Sequence[Sighting]) -> Spot:
    pinned = frozenset(seen.anchor for seen in group if seen.is_pinned and seen.anchor is not None)
    most = max(group, key=lambda seen: seen.summary.frames)
    return Spot(
        tuple(seen.key for seen in group),
        _along(group) if most.summary.distance_m is not None else 0.0,
        _look(most.summary),
        pinned or None,
    )


def _along(group: Sequence[Sighting]) -> float:
    total = sum(max(seen.summary.frames, 1) for seen in group)
    return sum((seen.summary.distance_m or 0.0) * max(seen.summary.frames, 1) for seen in group) / total


def _in_space(group: Sequence[Sighting]) -> tuple[float, float, float]:
    at = np.mean([seen.summary.in_space or (0.0, 0.0, 0.0) for seen in group], axis=0)
    return float(at[0]), float(at[1]), float(at[2])


def _look(summary: Summary) -> Look:
    begin, end = summary.from_m, summary.to_m
    return Look(
        material=summary.material,
        form=summary.form,
        severity=summary.severity,
        area_mm2=summary.area_mm2,
        area_fraction=summary.area_fraction,
        length_m=None if begin is None or end is None else max(end - begin, DEFAULT_SIGMA_M),
    )


def _name(one: Pass) -> tuple[str, str, tuple[tuple[str, int, int], ...]]:
    """Return the id of a pass, its robot and the numbers of its verdicts by epoch."""
    spans: dict[str, tuple[int, int]] = {}
    for seen in one.sightings:
        summary = seen.summary
        if summary.epoch == summary.last_epoch:
            ends = [(summary.epoch, summary.first_seq, summary.last_seq)]
        else:
            ends = [
                (summary.epoch, summary.first_seq, summary.first_seq),
                (summary.last_epoch, summary.last_seq, summary.last_seq),
            ]
        for epoch, first, last in ends:
            known = spans.get(epoch, (first, last))
            spans[epoch] = (min(known[0], first), max(known[1], last))
    return one.id, one.sightings[0].robot, tuple((name, *span) for name, span in spans.items())
