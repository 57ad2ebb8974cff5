"""Messages and their deliveries: what waits for a channel, what came of it, and the newest only."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from edge_node.control_room.history.alerts import message_book
from edge_node.control_room.history.alerts.event_book import AlertEvent, EventBook, Fate, Happening
from edge_node.control_room.history.alerts.message_book import AlertMessage, DeliveryState, MessageBook

NOW = datetime(2026, 12, 1, 12, tzinfo=timezone.utc)


def message(title: str) -> AlertMessage:
    """A message of the rule rust."""
    return AlertMessage(0, NOW, "rust", "alert", title, f"{title}!", 1)


def test_a_message_waits_for_each_channel_until_it_takes_it(history) -> None:
    """With the number of tries and the last reason; what is delivered waits no longer."""
    book = MessageBook(history.database)
    for title in ("one", "two"):
        book.add_message(message(title), ["duty", "night"])
    (first, told, tries), second = book.due("duty")
    assert (told.title, told.text, tries) == ("one", "one!", 0)
    later = NOW + timedelta(minutes=1)
    book.note_deliveries([first], DeliveryState.WAITING, "away", NOW)
    book.note_deliveries([first, second[0]], DeliveryState.DELIVERED, "", later)
    assert book.due("duty") == []
    assert len(book.due("night")) == 2
    assert book.count_deliveries() == {("duty", "delivered"): 2, ("night", "waiting"): 2}
    assert (book.last_delivered("duty"), book.last_delivered("night")) == (later, None)
    assert book.last_try("duty") == (DeliveryState.DELIVERED, "", later)
    assert book.last_try("night") is None
    newest = book.messages(1)[0]
    assert newest[0].title == "two"
    assert [(one.channel, one.state, one.tries) for one in newest[1]] == [
        ("duty", DeliveryState.DELIVERED, 1),
        ("night", DeliveryState.WAITING, 0),
    ]
    book.add_outcome(newest[0].key, "test", DeliveryState.GIVEN_UP, "refused", later)
    assert book.last_try("test") == (DeliveryState.GIVEN_UP, "refused", later)


def test_a_message_tells_its_events_and_when_its_rule_was_told(history) -> None:
    """All of it at once."""
    events = EventBook(history.database)
    events.begin_rule("rust", NOW - timedelta(hours=1))
    events.note_events([AlertEvent(NOW, "rust", "a", Happening.RAISED, "quay", "r", "text")])
    MessageBook(history.database).add_message(message("one"), [], events.waiting_events())
    assert [one.fate for one in events.events(9)] == [Fate.TOLD]
    assert events.rules()["rust"].told_at == NOW


def test_the_newest_messages_are_kept_with_their_deliveries(history, monkeypatch) -> None:
    """The others go with theirs."""
    monkeypatch.setattr(message_book, "MAX_MESSAGES", 2)
    book = MessageBook(history.database)
    for title in ("one", "two", "three"):
        book.add_message(message(title), ["duty"])
    assert [told.title for _, told, _ in book.due("duty")] == ["two", "three"]
    assert book.count_deliveries() == {("duty", "waiting"): 2}
