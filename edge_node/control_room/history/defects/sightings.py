"""Store what was seen of each finding as a sighting, and select sightings."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Integer, bindparam, literal_column, select, update

from edge_node.control_room.history.database import from_us
from edge_node.control_room.history.defects.measuring import MAX_VERDICTS, measure
from edge_node.control_room.history.defects.records import Placement, Sighting, Summary
from edge_node.control_room.history.sql_filters import ONE, SHAPES, ZERO
from edge_node.control_room.history.storage.dialect import insert_new, insert_or_update
from edge_node.control_room.history.storage.tables import defect_match, finding, robot, sighting
from edge_node.messages.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Select

    from edge_node.control_room.history.database import Database

Asset = tuple[str, str]  # site and name

_MOST_LOOKS = 100  # at a finding of which verdicts are lacking, each after more came of its robot
_LIMIT = bindparam("limit", type_=Integer)
_FINDING_DECODER, _SUMMARY_DECODER = msgspec.json.Decoder(Finding), msgspec.json.Decoder(Summary)
_PLACEMENT_DECODER = msgspec.json.Decoder(Placement)
_found = select(
    *(finding.c.finding_key, finding.c.robot_key, finding.c.received_us, finding.c.frames),
    *(finding.c.is_open, robot.c.verdicts, finding.c.payload),
).join(robot, robot.c.robot_key == finding.c.robot_key)
_NOT_TAKEN = _found.where(finding.c.is_taken == ZERO).order_by(finding.c.finding_key).limit(_LIMIT)
_LACKING = (
    _found.join(
        sighting,
        (sighting.c.robot_key == finding.c.robot_key) & (sighting.c.finding_id == finding.c.finding_id),
    )
    .where(
        sighting.c.lacking > ZERO,
        sighting.c.heard < robot.c.verdicts,
        sighting.c.looks < literal_column(str(_MOST_LOOKS)),
    )
    .order_by(sighting.c.looks)
    .limit(_LIMIT)
)
_TAKE = (
    update(finding)
    .where(
        finding.c.finding_key == bindparam("key"),
        finding.c.received_us == bindparam("at"),
        finding.c.frames == bindparam("so_many"),
        finding.c.is_open == bindparam("was_open"),
    )
    .values(is_taken=ONE)
)
_GIVEN = ("robot_key", "site", "robot", "finding_id", "asset", "lacking", "heard", "received_us", "payload")
_PUT = insert_or_update(
    sighting,
    (sighting.c.site, sighting.c.finding_id),
    ("lacking", "heard", "received_us", "payload", "is_changed"),
).values({name: bindparam(name) for name in (*_GIVEN, "is_changed")})
_COUNT_LOOK = (
    update(sighting)
    .where(sighting.c.site == bindparam("of_site"), sighting.c.finding_id == bindparam("of_finding"))
    .values(looks=sighting.c.looks + ONE)
)
_NAME_ASSET = insert_new(defect_match).values(site=bindparam("site"), asset=bindparam("asset"))
_RAISE_VERSION = (
    update(defect_match)
    .where(defect_match.c.site == bindparam("of_site"), defect_match.c.asset == bindparam("of_asset"))
    .values(version=defect_match.c.version + ONE)
)
_CHANGED_ASSETS = (
    select(sighting.c.site, sighting.c.asset)
    .where(sighting.c.is_changed == literal_column("1"), sighting.c.asset.is_not(None))
    .distinct()
)
_COLUMNS = (
    *(sighting.c.sighting_key, sighting.c.site, sighting.c.robot, sighting.c.finding_id, sighting.c.asset),
    *(sighting.c.anchor, sighting.c.defect_key, sighting.c.is_pinned, sighting.c.is_changed),
    *(sighting.c.received_us, sighting.c.payload, sighting.c.placed),
)
_CONDITIONS = {
    "site": sighting.c.site == bindparam("site"),
    "asset": sighting.c.asset == bindparam("asset"),
    "defect": sighting.c.defect_key == bindparam("defect"),
    "finding_id": sighting.c.finding_id == bindparam("finding_id"),
    "has_defect": sighting.c.defect_key.is_not(None),
    "is_loose": sighting.c.defect_key.is_(None),
}


def take_findings(database: Database, limit: int) -> int:
    """Store what is new of at most ``limit`` findings as sightings; return how many there were."""
    rows = database.rows(_NOT_TAKEN, {"limit": limit})
    _store(database, rows, is_second_look=False)
    return len(rows)


def look_again(database: Database, limit: int) -> int:
    """Measure findings again of which verdicts were lacking, where more came of their robot."""
    rows = database.rows(_LACKING, {"limit": limit})
    _store(database, rows, is_second_look=True)
    return len(rows)


def select_sightings(database: Database, **only: str | int | bool | None) -> list[Sighting]:
    """Return sightings in the order in which they were first stored; conditions that are None match any."""
    given = {name: value for name, value in only.items() if value is not None and value is not False}
    return [_read(row) for row in database.rows(_sightings(tuple(given)), given)]


def select_changed_assets(database: Database) -> list[Asset]:
    """Return the assets of which sightings came since they were matched."""
    return sorted((site, asset) for site, asset in database.rows(_CHANGED_ASSETS))


def raise_version(database: Database, assets: Iterable[Asset]) -> None:
    """Tell whoever matches these assets that something changed; in the transaction that changes it."""
    for site, asset in sorted(set(assets)):
        database.write(_NAME_ASSET, {"site": site, "asset": asset})
        database.write(_RAISE_VERSION, {"of_site": site, "of_asset": asset})


def _store(database: Database, rows: Sequence[Sequence[Any]], *, is_second_look: bool) -> None:
    for finding_key, robot_key, received_us, frames, is_open, heard, payload in rows:
        found = _FINDING_DECODER.decode(payload)
        summary, counted = measure(database, found, from_us(received_us))
        with database.transaction():
            database.write(
                _PUT,
                {
                    "robot_key": robot_key,
                    "site": found.site,
                    "robot": found.robot,
                    "finding_id": found.id,
                    "asset": found.asset,
                    "lacking": max(min(frames, MAX_VERDICTS) - counted, 0),
                    "heard": heard,
                    "received_us": received_us,
                    "payload": msgspec.json.encode(summary),
                    "is_changed": found.asset is not None and summary.has_place,
                },
            )
            if is_second_look:
                database.write(_COUNT_LOOK, {"of_site": found.site, "of_finding": found.id})
            key = {"key": finding_key, "at": received_us, "so_many": frames, "was_open": is_open}
            database.write(_TAKE, key)
            if found.asset is not None:
                raise_version(database, [(found.site, found.asset)])


def _read(row: Sequence[Any]) -> Sighting:
    key, site, name, finding_id, asset, anchor, defect, is_pinned, is_changed, received_us, *told = row
    return Sighting(
        key=key,
        site=site,
        robot=name,
        finding_id=finding_id,
        asset=asset,
        anchor=anchor,
        defect=defect,
        is_pinned=bool(is_pinned),
        is_changed=bool(is_changed),
        received_at=from_us(received_us),
        summary=_SUMMARY_DECODER.decode(told[0]),
        placed=None if told[1] is None else _PLACEMENT_DECODER.decode(told[1]),
    )


@lru_cache(SHAPES)
def _sightings(names: tuple[str, ...]) -> Select[Any]:
    return select(*_COLUMNS).where(*(_CONDITIONS[name] for name in names)).order_by(sighting.c.sighting_key)
