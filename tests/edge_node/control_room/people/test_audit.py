"""What people do is written down before it is done."""

from __future__ import annotations

import logging

import pytest

from edge_node.control_room.deeds import AuditEntry, Deed
from edge_node.control_room.history.database import HistoryError
from edge_node.control_room.people.audit import Audit, is_told
from edge_node.control_room.people.roles import Origin, Person, Role

ADA = Person("ada", Role.OPERATOR, Origin.LOGIN, "10.0.0.1")


class FullDisk:
    """Keeps nothing."""

    def add_audit_entry(self, entry: AuditEntry) -> None:
        """Refuse."""
        raise HistoryError(f"disk full: {entry.action.value}")


def test_what_cannot_be_written_down_is_not_done(caplog: pytest.LogCaptureFixture) -> None:
    """Before a deed it is an error; afterwards the program's log has it."""
    audit = Audit(FullDisk())
    with pytest.raises(HistoryError):
        audit.note(ADA, Deed.COMMAND, "quay/crawler-1", outcome="asked")
    with caplog.at_level(logging.WARNING):
        audit.note_done(ADA, Deed.REVIEW, "crawler-1:epoch:1")
    assert "review of ada from 10.0.0.1: crawler-1:epoch:1 done" in caplog.text


def test_failures_in_a_row_are_told_ever_more_rarely() -> None:
    """A thousand guesses are ten lines."""
    assert [count for count in range(1, 1001) if is_told(count)] == [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
