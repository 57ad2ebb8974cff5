"""Look at the defects of a history, match what is new, and write down what people decide of them."""

from __future__ import annotations

from functools import lru_cache
from statistics import fmean, pstdev
from typing import TYPE_CHECKING, Any

from sqlalchemy import Integer, bindparam, func, literal_column, select

from edge_node.control_room.history.database import from_us, to_us
from edge_node.control_room.history.defects import matcher
from edge_node.control_room.history.defects.deeds import Deeds
from edge_node.control_room.history.defects.looks import offer_pairs
from edge_node.control_room.history.defects.matching import find_drifts
from edge_node.control_room.history.defects.records import (
    SEVERITIES,
    Defect,
    DefectDeed,
    DefectFilter,
    DefectState,
    NewestSighting,
)
from edge_node.control_room.history.defects.sightings import select_sightings
from edge_node.control_room.history.defects.states import compute_state, count_passes, measure_growth
from edge_node.control_room.history.sql_filters import SHAPES, bound_limit
from edge_node.control_room.history.storage.tables import defect, defect_deed, sighting

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Select

    from edge_node.control_room.history.database import Database
    from edge_node.control_room.history.defects.drift import PassDrift
    from edge_node.control_room.history.defects.looks import Pair
    from edge_node.control_room.history.defects.records import Sighting

    Finding = tuple[str, str]  # site and id

_COLUMNS = (
    *(defect.c.defect_key, defect.c.site, defect.c.asset, defect.c.name, defect.c.set_state),
    *(defect.c.set_by, defect.c.set_us, defect.c.assignee, defect.c.muted_until_us, defect.c.changed_us),
)
_CONDITIONS = {name: defect.c[name] == bindparam(name) for name in ("site", "asset", "assignee")}
_MERGED = select(defect.c.merged_into).where(defect.c.defect_key == bindparam("key"))
_ONE = select(*_COLUMNS).where(defect.c.defect_key == bindparam("key"))
_LOG = (
    select(defect_deed.c.at_us, defect_deed.c.by, defect_deed.c.action, defect_deed.c.text)
    .where(defect_deed.c.defect_key == bindparam("key"))
    .order_by(defect_deed.c.deed_key.desc())
    .limit(bindparam("limit", type_=Integer))
)
_NOTES = (
    select(defect_deed.c.defect_key, func.count())
    .where(defect_deed.c.action == literal_column("'note'"))
    .group_by(defect_deed.c.defect_key)
)
_OF_FINDINGS = select(
    *(sighting.c.site, sighting.c.finding_id, sighting.c.defect_key, defect.c.muted_until_us)
).join(defect, defect.c.defect_key == sighting.c.defect_key)
_OF_FINDING = _OF_FINDINGS.where(
    sighting.c.site == bindparam("site"), sighting.c.finding_id == bindparam("finding_id")
)


class DefectBook:
    """The defects of one history; any thread, any number of processes."""

    def __init__(self, database: Database, severities: Sequence[str] = SEVERITIES) -> None:
        """Look at the defects in ``database``; deeds and matching need one that can be written.

        Args:
            database: of the history.
            severities: from the least to the worst, as the room's configuration names them.
        """
        self._database = database
        self._severities = severities
        self.deeds = Deeds(database)

    def catch_up(self) -> set[int]:
        """Take in new findings and match their assets; return the keys of the defects that changed.

        Raises:
            HistoryError: what is done stays, the rest is done next time.
        """
        return matcher.catch_up(self._database)

    def match_anew(self, site: str, asset: str) -> set[int]:
        """Match all of one asset again but for what people decided; return the defects that changed."""
        return matcher.match_stored(self._database, (site, asset), matcher.now_us(), anew=True)

    def defects(
        self, only: DefectFilter | None = None, *, limit: int = 500, now: datetime | None = None
    ) -> list[Defect]:
        """Return defects by site, asset and place.

        Args:
            only: a filter; None returns all.
            limit: of their number.
            now: by which mutes end; the wall clock if not given.
        """
        only = only or DefectFilter()
        given = {name: value for name in _CONDITIONS if (value := getattr(only, name)) is not None}
        rows = self._database.rows(_defects(tuple(given)), given)
        of_site = {name: given[name] for name in ("site", "asset") if name in given}
        by_defect: dict[int, list[Sighting]] = {}
        for one in select_sightings(self._database, **of_site, has_defect=True):
            by_defect.setdefault(one.defect or 0, []).append(one)
        notes = {key: int(count) for key, count in self._database.rows(_NOTES)}
        defects_of = self._anchors(one for seen in by_defect.values() for one in seen)
        found = [
            _view(row, by_defect.get(row[0], []), notes.get(row[0], 0), (defects_of, self._severities))
            for row in rows
            if row[0] in by_defect or row[3] or row[4]
        ]
        now_us = matcher.now_us() if now is None else to_us(now)
        kept = [
            one
            for one in found
            if (only.state is None or one.state is only.state)
            and (only.muted is None or only.muted is _is_muted(one, now_us))
        ]
        return sorted(kept, key=_order)[: bound_limit(limit)]

    def defect(self, key: int) -> Defect | None:
        """Return one defect, or the one that people joined it into; None if there is none."""
        key = self._follow(key)
        rows = self._database.rows(_ONE, {"key": key})
        if not rows:
            return None
        seen = select_sightings(self._database, defect=key)
        row = rows[0]
        whole = (
            select_sightings(self._database, site=row[1], asset=row[2], has_defect=True) if row[2] else seen
        )
        notes = sum(one.action == "note" for one in self.log(key, limit=5000))
        return _view(row, seen, notes, (self._anchors(whole), self._severities))

    def observations(self, key: int) -> list[Sighting]:
        """Return the sightings of a defect, oldest first."""
        found = select_sightings(self._database, defect=self._follow(key))
        return sorted(found, key=lambda one: (one.summary.at, one.key))

    def sighting(self, site: str, finding_id: str) -> Sighting | None:
        """Return the sighting of one finding; it stays when the finding is deleted."""
        found = select_sightings(self._database, site=site, finding_id=finding_id)
        return found[0] if found else None

    def of_findings(self, findings: Iterable[Finding]) -> dict[Finding, int]:
        """Return the keys of the defects of findings; those without one are left out."""
        return {(site, finding_id): key for site, finding_id, key, _ in self._rows_of(findings)}

    def muted_findings(self, findings: Iterable[Finding], now: datetime) -> set[Finding]:
        """Return those findings whose defect is muted."""
        now_us = to_us(now)
        return {
            (site, finding_id)
            for site, finding_id, _, until in self._rows_of(findings)
            if (until or 0) > now_us
        }

    def groups(self) -> dict[Finding, str]:
        """Return the group of each finding that has a defect, for data sets: that of its first finding.

        A defect that may be one of others is in one group with them: no place is in training and in test.
        """
        sightings = select_sightings(self._database, has_defect=True)
        defects_of = self._anchors(sightings)
        together = {key: key for one in sightings if (key := one.defect) is not None}

        def find(key: int) -> int:
            while together[key] != key:
                key = together[key]
            return key

        for one in sightings:
            if one.placed is not None and not one.placed.is_sure and not one.is_pinned:
                for anchor, _ in one.placed.candidates:
                    if anchor in defects_of:
                        ends = sorted((find(one.defect or 0), find(defects_of[anchor])))
                        together[ends[1]] = ends[0]
        names: dict[int, str] = {}
        return {
            (one.site, one.finding_id): names.setdefault(
                find(one.defect or 0), f"{one.site}:{one.asset or ''}:{one.finding_id}"
            )
            for one in sightings
        }

    def drifts(self, site: str, asset: str) -> list[PassDrift]:
        """Return how far the distances of each pass along an asset are from those on the asset."""
        return find_drifts(select_sightings(self._database, site=site, asset=asset))

    def pairs(self, site: str, asset: str | None = None) -> list[Pair]:
        """Return findings without a place that look alike: offered, never joined by themselves."""
        return offer_pairs(self._database, site, asset)

    def log(self, key: int, *, limit: int = 500) -> list[DefectDeed]:
        """Return who set what of a defect, newest first."""
        rows = self._database.rows(_LOG, {"key": self._follow(key), "limit": bound_limit(limit)})
        return [DefectDeed(from_us(at), by, action, text) for at, by, action, text in rows]

    def _follow(self, key: int) -> int:
        """Return the defect that people joined this one into, or its own key."""
        for _ in range(100):
            rows = self._database.rows(_MERGED, {"key": key})
            if not rows or rows[0][0] is None:
                return key
            key = rows[0][0]
        return key

    def _rows_of(self, findings: Iterable[Finding]) -> list[tuple[Any, ...]]:
        return [
            row
            for site, finding_id in dict.fromkeys(findings)
            for row in self._database.rows(_OF_FINDING, {"site": site, "finding_id": finding_id})
        ]

    @staticmethod
    def _anchors(sightings: Iterable[Sighting]) -> dict[int, int]:
        """Return the defect of each anchor."""
        return {
            one.anchor: one.defect for one in sightings if one.anchor is not None and one.defect is not None
        }


@lru_cache(SHAPES)
def _defects(names: tuple[str, ...]) -> Select[Any]:
    return select(*_COLUMNS).where(defect.c.merged_into.is_(None), *(_CONDITIONS[name] for name in names))


def _view(
    row: Sequence[Any],
    seen: Sequence[Sighting],
    notes: int,
    known: tuple[dict[int, int], Sequence[str]],
) -> Defect:
    """Return a defect; ``known`` has the defects of anchors, and the severities in rising order."""
    defects_of, severities = known
    key, site, asset, name, set_state, set_by, set_us, assignee, muted_us, changed_us = row
    ordered = sorted(seen, key=lambda one: (one.summary.at, one.key))
    newest = ordered[-1] if ordered else None
    growth = measure_growth(ordered, severities)
    computed = compute_state(ordered, growth)
    is_unsure = computed is DefectState.UNSURE
    summary = newest.summary if newest else None
    return Defect(
        key=key,
        label=f"D{key}",
        site=site,
        asset=asset,
        name=name,
        state=DefectState(set_state) if set_state else computed,
        computed_state=computed,
        set_state=DefectState(set_state) if set_state else None,
        set_by=set_by,
        set_at=None if set_us is None else from_us(set_us),
        seen_since_set=0 if set_us is None else sum(to_us(one.received_at) > set_us for one in ordered),
        is_unsure=is_unsure,
        candidates=_candidates(ordered, defects_of, key) if is_unsure else (),
        **_place(ordered),
        material=summary.material if summary else None,
        form=summary.form if summary else None,
        severity=summary.severity if summary else None,
        area_fraction=summary.area_fraction if summary else None,
        area_mm2=summary.area_mm2 if summary else None,
        confidence=summary.confidence if summary else None,
        first_seen_at=ordered[0].summary.at if ordered else None,
        last_seen_at=summary.at if summary else None,
        sightings=len(ordered),
        passes=count_passes(ordered),
        newest=_name_newest(ordered),
        growth=growth,
        assignee=assignee,
        muted_until=None if muted_us is None else from_us(muted_us),
        notes=notes,
        changed_at=from_us(changed_us),
    )


def _name_newest(ordered: Sequence[Sighting]) -> NewestSighting | None:
    """Name the newest finding, and the newest that has a picture's name."""
    if not ordered:
        return None
    one = ordered[-1]
    return NewestSighting(
        site=one.site, robot=one.robot, finding_id=one.finding_id, picture=one.summary.picture
    )


def _place(seen: Sequence[Sighting]) -> dict[str, float | None]:
    placed = [one.placed for one in seen if one.placed is not None]
    along = [one.asset_m for one in placed if one.asset_m is not None]
    found: dict[str, float | None] = {
        "distance_m": fmean(along) if along else None,
        "sigma_m": pstdev(along) if len(along) > 1 else None,
    }
    for name in ("x_m", "y_m", "z_m"):
        known = [value for one in placed if (value := getattr(one, name)) is not None]
        found[name] = fmean(known) if known else None
    return found


def _candidates(
    seen: Sequence[Sighting], defects_of: dict[int, int], own: int
) -> tuple[tuple[int, float], ...]:
    newest = seen[-1].placed
    found = {} if newest is None else dict(newest.candidates)
    known = [(defects_of[anchor], share) for anchor, share in found.items() if anchor in defects_of]
    return tuple((key, share) for key, share in known if key != own)


def _is_muted(found: Defect, now_us: int) -> bool:
    return found.muted_until is not None and to_us(found.muted_until) > now_us


def _order(one: Defect) -> tuple[Any, ...]:
    return one.site, one.asset or "", one.distance_m is None, one.distance_m or 0.0, one.key
