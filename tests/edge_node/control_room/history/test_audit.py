"""The audit in the history: newest first, and no kind of deed pushes out another."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from edge_node.control_room.deeds import AuditEntry, Deed
from edge_node.control_room.history import audit
from edge_node.control_room.history.history import History

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

AT = datetime(2026, 11, 30, 12, tzinfo=timezone.utc)


def entry(action: Deed, number: int, user: str = "ada") -> AuditEntry:
    """One deed."""
    return AuditEntry(
        at=AT, user=user, role="admin", origin="login", address="10.0.0.1", action=action, text=str(number)
    )


def test_entries_are_kept_and_found_by_user_kind_and_page(tmp_path: Path, place) -> None:
    """Also by a reader beside the running control room."""
    history = History(tmp_path, place=place)
    for number in range(4):
        history.add_audit_entry(entry(Deed.LOGIN, number))
    history.add_audit_entry(entry(Deed.REVIEW, 4, "bob"))
    reader = History(tmp_path, read_only=True, place=place)
    newest, *rest = reader.audit_entries(limit=3)
    assert (newest.user, newest.action, newest.at) == ("bob", Deed.REVIEW, AT)
    assert [one.text for one in rest] == ["3", "2"]
    assert [one.text for one in reader.audit_entries(limit=9, before=rest[-1].position)] == ["1", "0"]
    assert [one.text for one in reader.audit_entries(limit=9, user="bob")] == ["4"]
    assert [one.text for one in reader.audit_entries(limit=1, action=Deed.LOGIN)] == ["3"]
    reader.close()
    history.close()


def test_guesses_at_the_login_push_out_no_decision(
    tmp_path: Path, place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each kind has its own bound."""
    monkeypatch.setattr(audit, "MAX_OF_KIND", 5)
    history = History(tmp_path, place=place)
    history.add_audit_entry(entry(Deed.REVIEW, 0))
    for number in range(12):
        history.add_audit_entry(entry(Deed.FAILED_LOGIN, number))
    found = history.audit_entries(limit=99)
    assert [one.text for one in found] == ["11", "10", "9", "8", "7", "0"]
    history.close()
