"""Store what people decide of defects; nothing that a person decided is changed by the matching.

Whatever a person does to a defect pins its sightings: the person saw these, and no matching moves them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, insert, select, update

from edge_node.control_room.history.database import to_us
from edge_node.control_room.history.defects.matcher import follow_merges, now_us
from edge_node.control_room.history.defects.records import DefectError, DefectState
from edge_node.control_room.history.defects.sightings import raise_version
from edge_node.control_room.history.sql_filters import ONE
from edge_node.control_room.history.storage.tables import defect, defect_deed, sighting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy import Executable

    from edge_node.control_room.history.database import Database

MAX_NAME, MAX_NOTE, MAX_TOGETHER = 200, 2000, 200  # characters, characters, findings or defects at once
MAX_DEEDS = 2000  # of one defect
Finding = tuple[str, str]  # site and id

_ROW = select(defect.c.defect_key, defect.c.merged_into, defect.c.site, defect.c.asset).where(
    defect.c.defect_key == bindparam("key")
)
_SIGHTING = select(
    *(sighting.c.sighting_key, sighting.c.defect_key, sighting.c.anchor, sighting.c.site, sighting.c.asset)
).where(sighting.c.site == bindparam("site"), sighting.c.finding_id == bindparam("finding_id"))
_COUNT = select(func.count()).select_from(sighting).where(sighting.c.defect_key == bindparam("key"))
_PIN_ALL = (
    update(sighting)
    .where(sighting.c.defect_key == bindparam("key"))
    .values(
        is_pinned=ONE,
        defect_key=bindparam("into"),
        anchor=func.coalesce(sighting.c.anchor, sighting.c.sighting_key),
    )
)
_PIN = (
    update(sighting)
    .where(sighting.c.sighting_key == bindparam("key"))
    .values(is_pinned=ONE, defect_key=bindparam("into"), anchor=bindparam("at_anchor"))
)
_ADD_DEFECT = insert(defect).values(
    {name: bindparam(name) for name in ("site", "asset", "is_touched", "changed_us")}
)
_ADD_DEED = insert(defect_deed).values(
    {name: bindparam(name) for name in ("defect_key", "at_us", "by", "action", "text")}
)
_COUNT_DEEDS = (
    select(func.count()).select_from(defect_deed).where(defect_deed.c.defect_key == bindparam("key"))
)
_NOTHING: Mapping[str, Any] = {}
_STATES = {state.value for state in DefectState} - {DefectState.UNSURE.value}


@dataclass(frozen=True, slots=True)
class _Deed:
    """What a person did, as the log of the defect tells it."""

    by: str
    action: str
    text: str


class Deeds:
    """Write what people decide."""

    def __init__(self, database: Database) -> None:
        """Write into ``database``."""
        self._database = database

    def join(self, into: int, others: Iterable[int], by: str) -> int:
        """Join other defects into one, which keeps its name; return its key."""
        with self._database.transaction():
            key, site, asset = self._find(into)
            gone = [self._find(other) for other in dict.fromkeys(others)]
            gone = [one for one in gone if one[0] != key]
            if not gone:
                raise DefectError("name another defect to be joined")
            _check_together(len(gone))
            for other, other_site, other_asset in gone:
                if (other_site, other_asset) != (site, asset):
                    raise DefectError(
                        f"D{key} is on {_place(site, asset)}, D{other} on {_place(other_site, other_asset)}:"
                        " only defects of one asset are joined"
                    )
            self._pin(key, key)
            for other, _, _ in gone:
                self._merge(other, key, by)
            names = ", ".join(f"D{other}" for other, _, _ in gone)
            self._change(key, _Deed(by, "join", names))
            raise_version(self._database, _assets(site, asset))
        return key

    def join_findings(self, findings: Iterable[Finding], by: str) -> int:
        """Make one defect of findings, and of the defects that they belong to; return its key."""
        with self._database.transaction():
            rows = [self._find_sighting(*one) for one in dict.fromkeys(findings)]
            if not rows:
                raise DefectError("name one finding at least")
            _check_together(len(rows))
            places = {(row[3], row[4]) for row in rows}
            if len(places) > 1:
                shown = ", ".join(sorted(_place(*one) for one in places))
                raise DefectError(f"these findings are of {shown}: only findings of one asset are one defect")
            site, asset = places.pop()
            known = sorted({self._find(row[1])[0] for row in rows if row[1] is not None})
            key = known[0] if known else self._add(site, asset)
            for other in known[1:]:
                self._merge(other, key, by)
            self._pin(key, key)
            for row in rows:
                if row[1] is None:
                    self._database.write(_PIN, {"key": row[0], "into": key, "at_anchor": row[2] or row[0]})
            text = ", ".join(finding_id for _, finding_id in dict.fromkeys(findings))
            self._change(key, _Deed(by, "join findings", text))
            raise_version(self._database, _assets(site, asset))
        return key

    def part(self, key: int, findings: Iterable[Finding], by: str) -> int:
        """Make a defect of its own of some of a defect's findings; return the new one's key."""
        with self._database.transaction():
            key, site, asset = self._find(key)
            rows = [self._find_sighting(*one) for one in dict.fromkeys(findings)]
            for row, named in zip(rows, dict.fromkeys(findings), strict=True):
                if row[1] != key:
                    raise DefectError(f"{named[1]} is not of D{key}")
            count = self._database.peek(_COUNT, {"key": key})
            if not rows or count is None or len(rows) >= count[0]:
                raise DefectError(f"D{key}: name some of its findings, not all, to part them from the others")
            new = self._add(site, asset)
            self._pin(key, key)
            anchors: dict[int | None, int] = {}
            for row in sorted(rows):
                anchor = anchors.setdefault(row[2], row[0])
                self._database.write(_PIN, {"key": row[0], "into": new, "at_anchor": anchor})
            self._keep_anchors(key, anchors.values())
            text = ", ".join(finding_id for _, finding_id in dict.fromkeys(findings))
            self._change(key, _Deed(by, "part", f"{text} to D{new}"))
            self._change(new, _Deed(by, "part", f"{text} from D{key}"))
            raise_version(self._database, _assets(site, asset))
        return new

    def name(self, key: int, text: str, by: str) -> int:
        """Name a defect; "" takes its name away."""
        return self._decide(key, _Deed(by, "name", _bounded(text, MAX_NAME, "a name")), {"name": text})

    def note(self, key: int, text: str, by: str) -> int:
        """Add a note to a defect."""
        if not text.strip():
            raise DefectError("the note is empty")
        return self._decide(key, _Deed(by, "note", _bounded(text, MAX_NOTE, "a note")), {})

    def assign(self, key: int, to: str, by: str) -> int:
        """Give a defect to somebody; "" to nobody."""
        return self._decide(key, _Deed(by, "assign", _bounded(to, MAX_NAME, "an assignee")), {"assignee": to})

    def mute(self, key: int, until: datetime | None, by: str) -> int:
        """Raise no alert for a defect until a time; None ends that."""
        text = "no longer" if until is None else f"until {until.isoformat(timespec='seconds')}"
        values = {"muted_until_us": None if until is None else to_us(until)}
        return self._decide(key, _Deed(by, "mute", text), values)

    def set_state(self, key: int, state: str | None, by: str) -> int:
        """Set a defect's state; None lets the computed one count again."""
        if state is not None and state not in _STATES:
            raise DefectError(f"no state {state!r}; wanted one of {', '.join(sorted(_STATES))}")
        at_us = None if state is None else now_us()
        values = {"set_state": state or "", "set_by": by if state else "", "set_us": at_us}
        return self._decide(key, _Deed(by, "state", state or "as computed"), values)

    def _decide(self, key: int, deed: _Deed, values: Mapping[str, Any]) -> int:
        with self._database.transaction():
            key, site, asset = self._find(key)
            self._pin(key, key)
            self._change(key, deed, values)
            raise_version(self._database, _assets(site, asset))
        return key

    def _merge(self, key: int, into: int, by: str) -> None:
        self._pin(key, into)
        self._change(key, _Deed(by, "joined", f"into D{into}"), {"merged_into": into})

    def _change(self, key: int, deed: _Deed, values: Mapping[str, Any] = _NOTHING) -> None:
        """Change a defect's row and write down who did it, in the open transaction."""
        deeds = self._database.peek(_COUNT_DEEDS, {"key": key})
        if deeds is not None and deeds[0] >= MAX_DEEDS:
            raise DefectError(f"D{key} has {MAX_DEEDS} entries in its log; no more are kept")
        at_us = now_us()
        given = {f"new_{name}": value for name, value in values.items()}
        self._database.write(_set(tuple(values)), {**given, "key": key, "at": at_us})
        entry = {"defect_key": key, "at_us": at_us, "by": deed.by, "action": deed.action, "text": deed.text}
        self._database.insert(_ADD_DEED, entry)

    def _find(self, key: int) -> tuple[int, str, str | None]:
        """Return key, site and asset of a defect, or of the one that it was joined into."""
        row = self._database.peek(_ROW, {"key": key})
        if row is not None:
            row = self._database.peek(_ROW, {"key": follow_merges(self._database, row[0], row[1])})
        if row is None:
            raise DefectError(f"no defect D{key}")
        return row[0], row[2], row[3]

    def _find_sighting(self, site: str, finding_id: str) -> tuple[Any, ...]:
        row = self._database.peek(_SIGHTING, {"site": site, "finding_id": finding_id})
        if row is None:
            raise DefectError(f"no finding {finding_id} at {site}, or it was not looked at yet")
        return row

    def _add(self, site: str, asset: str | None) -> int:
        values = {"site": site, "asset": asset, "is_touched": True, "changed_us": now_us()}
        return self._database.insert(_ADD_DEFECT, values)

    def _pin(self, key: int, into: int) -> None:
        self._database.write(_PIN_ALL, {"key": key, "into": into})

    def _keep_anchors(self, key: int, taken: Iterable[int]) -> None:
        """Name places anew whose names went with the first sighting there, to another defect."""
        for anchor in taken:
            row = self._database.peek(_FIRST_AT, {"key": key, "at_anchor": anchor})
            if row is not None and row[0] is not None:
                self._database.write(_RENAME_ANCHOR, {"key": key, "old": anchor, "new": row[0]})


_FIRST_AT = select(func.min(sighting.c.sighting_key)).where(
    sighting.c.defect_key == bindparam("key"), sighting.c.anchor == bindparam("at_anchor")
)
_RENAME_ANCHOR = (
    update(sighting)
    .where(sighting.c.defect_key == bindparam("key"), sighting.c.anchor == bindparam("old"))
    .values(anchor=bindparam("new"))
)


@lru_cache(64)
def _set(columns: tuple[str, ...]) -> Executable:
    """Return the statement that changes these columns of a defect, which a person has touched then."""
    given: dict[str, Any] = {name: bindparam(f"new_{name}") for name in columns}
    return (
        update(defect)
        .where(defect.c.defect_key == bindparam("key"))
        .values({**given, "is_touched": ONE, "changed_us": bindparam("at")})
    )


def _assets(site: str, asset: str | None) -> list[tuple[str, str]]:
    return [] if asset is None else [(site, asset)]


def _place(site: str, asset: str | None) -> str:
    return f"{site} (no asset told)" if asset is None else f"{site}, {asset}"


def _bounded(text: str, most: int, what: str) -> str:
    if len(text) > most:
        raise DefectError(f"{what} has {most} characters at most, this one {len(text)}")
    return text


def _check_together(count: int) -> None:
    if count > MAX_TOGETHER:
        raise DefectError(f"{MAX_TOGETHER} at once at most, not {count}")
