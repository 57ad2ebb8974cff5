"""Write the message that tells of events: how many, the first few, and where to look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.control_room.alerts.apprise_sender import Outgoing
from edge_node.control_room.alerts.observation import describe_time
from edge_node.control_room.history.alerts.event_book import Happening
from edge_node.messages.plain_text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from edge_node.control_room.history.alerts.event_book import AlertEvent
    from edge_node.control_room.history.alerts.message_book import AlertMessage

SHOWN = 5  # events, or messages, that stand in full
_MAX_TITLE = 120
_NOUNS = {
    "finding": ("finding", "findings"),
    "growing": ("growing defect", "growing defects"),
    "silent": ("robot silent", "robots silent"),
    "part": ("part failing", "parts failing"),
    "coverage": ("robot judges too little", "robots judge too little"),
    "rolled_back": ("bundle rolled back", "bundles rolled back"),
}
_OVER = {"silent": "heard again", "part": "no longer failing", "coverage": "judging enough again"}


def write_message(
    rule: tuple[str, str], events: Sequence[AlertEvent], now: datetime, *, hint: str = "", page_url: str = ""
) -> Outgoing:
    """Return the message that tells of a rule's events.

    Args:
        rule: its name and its kind.
        events: at least one, oldest first.
        now: of the message.
        hint: a sentence on what else is known, such as that the room has no broker.
        page_url: where to look.
    """
    name, when = rule
    raised = [one for one in events if one.kind is Happening.RAISED]
    over = [one for one in events if one.kind is Happening.OVER]
    shown = [*raised, *over][:SHOWN]
    lines = [f"- {one.text}" for one in shown]
    if more := len(events) - len(shown):
        lines.append(f"- and {more} more")
    ends = [hint, f"Rule {name}, {describe_time(now)}.", page_url]
    text = "\n".join([*lines, "", *filter(None, ends)])
    return Outgoing(_write_title(when, raised, over), text, "warning" if raised else "success")


def merge_messages(messages: Sequence[AlertMessage]) -> Outgoing:
    """Return one message for all that wait for a channel: after it was away for long it gets no flood."""
    tone = "warning" if any(one.kind == "alert" for one in messages) else "success"
    if len(messages) == 1:
        return Outgoing(messages[0].title, messages[0].text, tone)
    first = "\n\n".join(f"{one.title}\n{one.text}" for one in messages[:SHOWN])
    more = len(messages) - SHOWN
    rest = [f"and {more} more: see the page"] if more > 0 else []
    title = f"{len(messages)} alerts, {messages[0].title}"[:_MAX_TITLE]
    return Outgoing(title, "\n\n".join([first, *rest]), tone)


def _write_title(when: str, raised: Sequence[AlertEvent], over: Sequence[AlertEvent]) -> str:
    if len(raised) + len(over) == 1:
        return [*raised, *over][0].text.partition(";")[0][:_MAX_TITLE]
    singular, plural = _NOUNS[when]
    subjects = {one.subject for one in raised}, {one.subject for one in over}
    parts = [counted(len(subjects[0]), singular, plural)] if raised else []
    if over:
        ended = _OVER.get(when, "over")
        parts.append(f"{len(subjects[1])} {ended}")
    return ", ".join(parts)
