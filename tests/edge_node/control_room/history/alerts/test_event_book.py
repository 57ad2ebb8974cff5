"""What rules found: each subject raised once, the end of what was raised, mutes, and the newest only."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from edge_node.control_room.history.alerts import event_book
from edge_node.control_room.history.alerts.event_book import AlertEvent, EventBook, Fate, Happening

NOW = datetime(2026, 12, 1, 12, tzinfo=timezone.utc)


def event(subject: str, kind: Happening = Happening.RAISED, rule: str = "quiet") -> AlertEvent:
    """Something that a rule found."""
    return AlertEvent(NOW, rule, subject, kind, "quay", "crawler-1", f"{subject} {kind.value}")


def test_a_subject_is_raised_once_until_it_is_over(history) -> None:
    """For each rule by itself; what is no news is not stored again."""
    book = EventBook(history.database)
    over = event("a", Happening.OVER)
    news = book.note_events([event("a"), event("a"), event("b"), event("a", rule="other"), over, over])
    assert [(one.rule, one.text) for one in news] == [
        ("quiet", "a raised"),
        ("quiet", "b raised"),
        ("other", "a raised"),
        ("quiet", "a over"),
    ]
    assert book.raised("quiet") == {"b": NOW}
    assert book.count_raised() == {"quiet": 1, "other": 1}
    assert [one.text for one in book.waiting_events()] == ["a raised", "b raised", "a raised", "a over"]
    book.end_quietly("quiet", ["b"])
    book.forget_states("other")
    assert book.count_raised() == {}


def test_a_rule_looks_from_when_it_was_seen_first(history) -> None:
    """A mute has an end and a name."""
    book = EventBook(history.database)
    book.begin_rule("rust", NOW)
    book.begin_rule("rust", NOW + timedelta(hours=1))
    book.note_looked(["rust"], NOW + timedelta(hours=2))
    assert book.mute("rust", NOW + timedelta(hours=9), "ada")
    assert not book.mute("nothing", NOW, "ada")
    assert book.rules() == {"rust": (NOW, NOW + timedelta(hours=2), None, NOW + timedelta(hours=9), "ada")}


def test_the_newest_events_and_states_are_kept(history, monkeypatch) -> None:
    """States of each rule by themselves: a flood of one pushes out no other."""
    monkeypatch.setattr(event_book, "MAX_EVENTS", 5)
    monkeypatch.setattr(event_book, "MAX_STATES", 3)
    book = EventBook(history.database)
    book.note_events([event("x", rule="other")])
    book.note_events([event(f"s{number}") for number in range(9)])
    assert [one.subject for one in book.events(99)] == ["s8", "s7", "s6", "s5", "s4"]
    assert sorted(book.raised("quiet")) == ["s6", "s7", "s8"]
    assert list(book.raised("other")) == ["x"]
    book.set_fate(book.events(2), Fate.MUTED)
    assert [one.fate for one in book.events(3)] == [Fate.MUTED, Fate.MUTED, Fate.WAITING]
