"""Store and select the audit: who decided and commanded what, within a bound for each kind of deed."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Integer, bindparam, delete, insert, select

from edge_node.control_room.deeds import AuditEntry, Deed
from edge_node.control_room.history.database import from_us, to_us
from edge_node.control_room.history.sql_filters import LIMIT, SHAPES, bound_limit
from edge_node.control_room.history.storage.tables import audit

if TYPE_CHECKING:
    from sqlalchemy import Select

    from edge_node.control_room.history.database import Database

# Entries of each kind that are kept, the newest: guesses at the login push out no decision.
MAX_OF_KIND = 20_000
_KNOWN = {deed.value: deed for deed in Deed}
_COLUMNS = ("at_us", "user", "role", "origin", "address", "action", "subject", "outcome", "text")
_ADD = insert(audit).values({name: bindparam(name) for name in _COLUMNS})
_oldest_kept = (
    select(audit.c.audit_key)
    .where(audit.c.action == bindparam("action"))
    .order_by(audit.c.audit_key.desc())
    .limit(1)
    .offset(bindparam("kept", type_=Integer))
    .scalar_subquery()
)
_DELETE_BEYOND = delete(audit).where(audit.c.action == bindparam("action"), audit.c.audit_key <= _oldest_kept)
_CONDITIONS = {
    "before": audit.c.audit_key < bindparam("before"),
    "user": audit.c.user == bindparam("user"),
    "action": audit.c.action == bindparam("action"),
}


def insert_entry(database: Database, entry: AuditEntry) -> None:
    """Add an entry, and delete the oldest of its kind beyond the bound."""
    values = {name: getattr(entry, name) for name in _COLUMNS[1:]}
    values |= {"at_us": to_us(entry.at), "action": entry.action.value}
    with database.transaction():
        database.insert(_ADD, values)
        database.write(_DELETE_BEYOND, {"action": entry.action.value, "kept": MAX_OF_KIND})


def select_entries(
    database: Database, limit: int, before: int | None, user: str | None, action: Deed | None
) -> list[AuditEntry]:
    """Return entries, newest first; those before a position, of one user, of one kind."""
    given: dict[str, Any] = {"before": before, "user": user, "action": action.value if action else None}
    values = {name: value for name, value in given.items() if value is not None}
    rows = database.rows(_page(tuple(values)), {**values, "limit": bound_limit(limit)})
    return [
        AuditEntry(
            position=row[0],
            at=from_us(row[1]),
            user=row[2],
            role=row[3],
            origin=row[4],
            address=row[5],
            action=_KNOWN.get(row[6], Deed.OTHER),
            subject=row[7],
            outcome=row[8],
            text=row[9],
        )
        for row in rows
    ]


@lru_cache(maxsize=SHAPES)
def _page(names: tuple[str, ...]) -> Select[Any]:
    """Return the statement for a page of entries that these conditions bind."""
    columns = (audit.c.audit_key, *(audit.c[name] for name in _COLUMNS))
    conditions = (_CONDITIONS[name] for name in names)
    return select(*columns).where(*conditions).order_by(audit.c.audit_key.desc()).limit(LIMIT)
