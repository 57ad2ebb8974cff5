"""The step that adds alerts to the files that people have."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from edge_node.control_room.history.alerts.event_book import AlertEvent, EventBook, Happening
from edge_node.control_room.history.alerts.message_book import AlertMessage, MessageBook
from edge_node.control_room.history.alerts.watched_rows import WatchedRows
from edge_node.control_room.history.history import History
from tests.support.older_histories import make_older
from tests.support.room_records import finding

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 12, 1, 12, tzinfo=timezone.utc)


def test_rules_look_at_an_older_file_and_keep_what_they_find(tmp_path: Path) -> None:
    """Its findings too, by when they came."""
    with closing(History(tmp_path)) as history:
        history.add_finding(finding(), received_at=NOW)
    make_older(tmp_path, "0.8.0")
    with closing(History(tmp_path)) as history:
        assert len(WatchedRows(history.database).findings(NOW)) == 1
        events, messages = EventBook(history.database), MessageBook(history.database)
        events.begin_rule("rust", NOW)
        events.note_events([AlertEvent(NOW, "rust", "a", Happening.RAISED, "quay", "r", "text")])
        message = AlertMessage(0, NOW, "rust", "alert", "title", "text", 1)
        messages.add_message(message, ["duty"], events.waiting_events())
        assert [told.title for _, told, _ in messages.due("duty")] == ["title"]
        assert events.rules()["rust"].told_at == NOW
