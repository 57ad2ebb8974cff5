"""Write into the audit who decided and commanded what, from where, and what became of it."""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Protocol

from edge_node.control_room.deeds import AuditEntry, Deed
from edge_node.errors import CorrosionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.control_room.people.roles import Person

_TOLD_FAILURES = (1, 2, 5)  # times a power of ten: a line for each guess would push out all else
_TEXT = 500

_log = logging.getLogger(__name__)


class AuditLog(Protocol):
    """Where entries are kept: the history."""

    def add_audit_entry(self, entry: AuditEntry) -> None:
        """Keep an entry; raises CorrosionError if that is not possible."""


class Audit:
    """Write what people do into the audit."""

    def __init__(
        self, log: AuditLog, now: Callable[[], datetime] = lambda: datetime.now(timezone.utc)
    ) -> None:
        self._log = log
        self._now = now

    def note(
        self, person: Person, action: Deed, subject: str = "", *, outcome: str = "done", text: str = ""
    ) -> None:
        """Add an entry.

        Raises:
            CorrosionError: it could not be kept: then do not do what it says.
        """
        self._log.add_audit_entry(
            AuditEntry(
                at=self._now(),
                user=person.name,
                role="" if action is Deed.FAILED_LOGIN else person.role.value,  # whose login failed has none
                origin=person.origin.value,
                address=person.address,
                action=action,
                subject=subject,
                outcome=outcome,
                text=text[:_TEXT],
            )
        )

    def note_done(
        self, person: Person, action: Deed, subject: str = "", *, outcome: str = "done", text: str = ""
    ) -> None:
        """Add an entry on what has happened already; if it cannot be kept, the program's log has it."""
        try:
            self.note(person, action, subject, outcome=outcome, text=text)
        except CorrosionError as err:
            _log.warning(
                "not in the audit (%s): %s of %s from %s: %s %s",
                *(err, action.value, person.name or person.origin.value, person.address, subject, outcome),
            )


def is_told(count: int) -> bool:
    """Return whether the ``count``-th failure in a row gets an entry: 1, 2, 5, 10, 20, 50, 100, ..."""
    while count >= 10 and count % 10 == 0:
        count //= 10
    return count in _TOLD_FAILURES
