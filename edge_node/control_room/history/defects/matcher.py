"""Match the assets whose findings changed, and store to which defect each sighting belongs.

Any number of processes may do so: what was computed is written only if nothing changed meanwhile, and the
same sightings give the same defects.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import bindparam, select, update

from edge_node.control_room.history.defects import sightings
from edge_node.control_room.history.defects.matching import Match, match_asset
from edge_node.control_room.history.sql_filters import ONE, ZERO
from edge_node.control_room.history.storage.dialect import insert_new
from edge_node.control_room.history.storage.tables import defect, defect_match, sighting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edge_node.control_room.history.database import Database
    from edge_node.control_room.history.defects.records import Sighting
    from edge_node.control_room.history.defects.sightings import Asset

BATCH = 50  # findings that are taken in at once
_TRIES = 5  # of one asset, while others change it
_VERSION = select(defect_match.c.version).where(
    defect_match.c.site == bindparam("site"), defect_match.c.asset == bindparam("asset")
)
_CLAIM = (
    update(defect_match)
    .where(
        defect_match.c.site == bindparam("of_site"),
        defect_match.c.asset == bindparam("of_asset"),
        defect_match.c.version == bindparam("seen"),
    )
    .values(version=defect_match.c.version + ONE)
)
_PLACE = (
    update(sighting)
    .where(sighting.c.sighting_key == bindparam("key"))
    .values(
        anchor=bindparam("at_anchor"),
        defect_key=bindparam("of_defect"),
        placed=bindparam("where"),
        is_changed=ZERO,
    )
)
_FOUND = insert_new(defect).values(
    {name: bindparam(name) for name in ("site", "asset", "founder", "changed_us")}
)
_OF_FOUNDER = select(defect.c.defect_key, defect.c.merged_into).where(
    defect.c.founder == bindparam("founder")
)
_CHANGE = update(defect).where(defect.c.defect_key == bindparam("key")).values(changed_us=bindparam("at"))


def now_us() -> int:
    """Return the wall clock, in microseconds since 1970."""
    return time.time_ns() // 1000


def catch_up(database: Database) -> set[int]:
    """Take in what is new of findings, match their assets, and return the keys of the defects that changed.

    Raises:
        HistoryError: the history cannot be read or written; what is done stays, the rest is done next time.
    """
    return set().union(*catch_up_stepwise(database))


def catch_up_stepwise(database: Database) -> Iterator[set[int]]:
    """Do the same in steps, and yield the keys of the defects that each step changed."""
    while sightings.take_findings(database, BATCH) == BATCH:
        yield set()
    for asset in sightings.select_changed_assets(database):
        yield match_stored(database, asset, now_us())


def match_stored(database: Database, asset: Asset, at_us: int, *, anew: bool = False) -> set[int]:
    """Match one asset and store it; ``anew`` matches also what was matched before.

    Returns:
        The keys of the defects that changed; none if others changed the asset all the time.
    """
    named = {"site": asset[0], "asset": asset[1]}
    for _ in range(_TRIES):
        versions = database.rows(_VERSION, named)
        seen = sightings.select_sightings(database, **named)
        keys = None if anew else frozenset(one.key for one in seen if one.is_changed)
        matches = match_asset(seen, keys)
        with database.transaction():
            claim = {"of_site": asset[0], "of_asset": asset[1], "seen": versions[0][0] if versions else 0}
            if database.write(_CLAIM, claim):
                return _write(database, asset, seen, matches, at_us)
    return set()


def _write(
    database: Database, asset: Asset, seen: Sequence[Sighting], matches: Sequence[Match], at_us: int
) -> set[int]:
    by_key = {one.key: one for one in seen}
    moved = {match.key for match in matches}
    # An anchor's defect is that of the sightings that stay, or that a person gave it.
    defects = {
        one.anchor: one.defect
        for one in seen
        if one.anchor is not None and one.defect is not None and (one.is_pinned or one.key not in moved)
    }
    changed: set[int] = set()
    rows = []
    for match in matches:
        one = by_key[match.key]
        if one.is_pinned and one.defect is not None:
            key = one.defect
        else:
            if match.anchor not in defects:
                defects[match.anchor] = _find_defect(database, asset, match.anchor, at_us)
            key = defects[match.anchor] or 0
        where = msgspec.json.encode(match.placed)
        rows.append({"key": match.key, "at_anchor": match.anchor, "of_defect": key, "where": where})
        if one.is_changed or one.defect != key:
            changed |= {key, *([one.defect] if one.defect is not None else [])}
    if rows:
        database.write_all(_PLACE, rows)
    for key in sorted(changed):
        database.write(_CHANGE, {"key": key, "at": at_us})
    return changed


def _find_defect(database: Database, asset: Asset, founder: int, at_us: int) -> int:
    """Return the defect that a sighting founded; it is made if there is none."""
    for _ in range(2):
        row = database.peek(_OF_FOUNDER, {"founder": founder})
        if row is not None:
            return follow_merges(database, int(row[0]), row[1])
        database.write(_FOUND, {"site": asset[0], "asset": asset[1], "founder": founder, "changed_us": at_us})
    raise AssertionError(f"the defect of sighting {founder} was not stored")


def follow_merges(database: Database, key: int, merged_into: int | None) -> int:
    """Return the defect into which people joined this one; itself if they did not."""
    seen = {key}
    while merged_into is not None and merged_into not in seen:
        key = merged_into
        seen.add(key)
        row = database.peek(_MERGED, {"key": key})
        merged_into = None if row is None else row[0]
    return key


_MERGED = select(defect.c.merged_into).where(defect.c.defect_key == bindparam("key"))
