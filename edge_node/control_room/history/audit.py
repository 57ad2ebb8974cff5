"""Store and select the audit: who decided and commanded what, within a bound for each kind of deed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.control_room.history.database import from_us, to_us
from edge_node.control_room.history.records import AuditEntry, Deed
from edge_node.control_room.history.sql_filters import bound_limit

if TYPE_CHECKING:
    from edge_node.control_room.history.database import Database

# Entries of each kind that are kept, the newest: guesses at the login push out no decision.
MAX_OF_KIND = 20_000
_COLUMNS = "at_us, user, role, origin, address, action, subject, outcome, text"


def insert_entry(database: Database, entry: AuditEntry) -> None:
    """Add an entry, and delete the oldest of its kind beyond the bound."""
    with database.transaction():
        database.write(
            f"INSERT INTO audit ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(to_us(entry.at), entry.user, entry.role, entry.origin, entry.address),
                *(entry.action.value, entry.subject, entry.outcome, entry.text),
            ),
        )
        database.write(
            "DELETE FROM audit WHERE audit_key <= (SELECT audit_key FROM audit WHERE action = ?"
            " ORDER BY audit_key DESC LIMIT 1 OFFSET ?) AND action = ?",
            (entry.action.value, MAX_OF_KIND, entry.action.value),
        )


def select_entries(
    database: Database, limit: int, before: int | None, user: str | None, action: Deed | None
) -> list[AuditEntry]:
    """Return entries, newest first; those before a position, of one user, of one kind."""
    rows = database.rows(
        f"SELECT audit_key, {_COLUMNS} FROM audit WHERE (?1 IS NULL OR audit_key < ?1)"
        " AND (?2 IS NULL OR user = ?2) AND (?3 IS NULL OR action = ?3) ORDER BY audit_key DESC LIMIT ?4",
        (before, user, action.value if action else None, bound_limit(limit)),
    )
    return [
        AuditEntry(
            position=row[0],
            at=from_us(row[1]),
            user=row[2],
            role=row[3],
            origin=row[4],
            address=row[5],
            action=Deed(row[6]),
            subject=row[7],
            outcome=row[8],
            text=row[9],
        )
        for row in rows
    ]
