"""What messages say: how many, the first few, where to look; several that waited become one."""

from __future__ import annotations

from datetime import datetime, timezone

from edge_node.control_room.alerts.message_text import merge_messages, write_message
from edge_node.control_room.history.alerts.event_book import AlertEvent, Happening
from edge_node.control_room.history.alerts.message_book import AlertMessage

NOW = datetime(2026, 12, 1, 12, tzinfo=timezone.utc)


def events(count: int, kind: Happening = Happening.RAISED) -> list[AlertEvent]:
    """Events of as many subjects."""
    return [AlertEvent(NOW, "r", f"s{n}", kind, "quay", "a", f"text {n} {kind.value}") for n in range(count)]


def test_a_single_event_is_the_title_and_several_are_counted() -> None:
    """With the first five, what is over behind what began, and what else is known."""
    one = write_message(("r", "part"), [events(1)[0]._replace(text="a: camera; more")], NOW)
    assert (one.title, one.tone) == ("a: camera", "warning")
    mixed = [*events(2, Happening.OVER), *events(6)]
    told = write_message(("r", "silent"), mixed, NOW, hint="No broker.", page_url="https://room.example")
    assert told.title == "6 robots silent, 2 heard again"
    assert told.text.splitlines() == [
        *(f"- text {number} raised" for number in range(5)),
        *("- and 3 more", "", "No broker.", "Rule r, 2026-12-01 12:00:00 +00:00.", "https://room.example"),
    ]
    assert write_message(("r", "silent"), events(2, Happening.OVER), NOW).tone == "success"


def test_messages_that_waited_leave_as_one() -> None:
    """One is sent as it is."""
    made = [AlertMessage(n, NOW, "r", "over", f"title {n}", f"text {n}", 1) for n in range(7)]
    assert merge_messages(made[:1]) == ("title 0", "text 0", "success")
    merged = merge_messages([*made, made[0]._replace(kind="alert")])
    assert (merged.title, merged.tone) == ("8 alerts, title 0", "warning")
    assert "text 4" in merged.text
    assert "text 5" not in merged.text
    assert merged.text.endswith("and 3 more: see the page")
