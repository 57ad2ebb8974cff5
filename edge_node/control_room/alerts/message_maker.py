"""Gather a rule's events into one message, once its cool-down has passed, and leave out what is muted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.control_room.alerts.apprise_sender import choose_channels
from edge_node.control_room.alerts.message_text import write_message
from edge_node.control_room.history.alerts.event_book import EventBook, Fate, Happening
from edge_node.control_room.history.alerts.message_book import AlertMessage, DeliveryState, MessageBook

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from edge_node.control_room.alert_sections import AlertRule, AlertsConfig
    from edge_node.control_room.alerts.growth import Defects
    from edge_node.control_room.history.alerts.event_book import AlertEvent, RuleState
    from edge_node.control_room.history.database import Database


class MessageMaker:
    """Makes messages of the events that wait; used by one thread of one process."""

    def __init__(
        self,
        alerts: AlertsConfig,
        channels: Sequence[str],
        database: Database,
        defects: Defects | None,
        describe_link: Callable[[], str],
    ) -> None:
        """Prepare; ``describe_link`` says in a sentence that the room hears no robot, or returns ""."""
        self._alerts = alerts
        self._channels = channels
        self._events = EventBook(database)
        self._messages = MessageBook(database)
        self._defects = defects
        self._describe_link = describe_link
        self._began_s: dict[str, float] = {}  # when the oldest event of a rule was seen first
        self._told_s: dict[str, float] = {}  # when its last message was made

    def begin(self, now: datetime) -> None:
        """Give up what waits for channels that are gone.

        Raises:
            HistoryError: the history cannot be written.
        """
        for channel, state in self._messages.count_deliveries():
            if state == DeliveryState.WAITING.value and channel not in self._channels:
                keys = [key for key, _, _ in self._messages.due(channel)]
                self._messages.note_deliveries(
                    keys, DeliveryState.GIVEN_UP, "the channel is there no longer", now
                )

    def look(self, now: datetime, now_s: float) -> int:
        """Make the messages that are due, and return how many.

        Raises:
            HistoryError: the history cannot be read or written.
        """
        waiting: dict[str, list[AlertEvent]] = {}
        for event in self._events.waiting_events():
            waiting.setdefault(event.rule, []).append(event)
        states = self._events.rules() if waiting else {}
        self._began_s = {name: self._began_s.get(name, now_s) for name in waiting}
        made = 0
        for name, events in waiting.items():
            rule, state = self._alerts.rules.get(name), states.get(name)
            if rule is None or state is None:
                self._events.set_fate(events, Fate.DROPPED)
            elif state.muted_until is not None and now < state.muted_until:
                self._events.set_fate(events, Fate.MUTED)
            elif self._is_due(name, rule, state, now, now_s):
                made += self._tell(name, rule, events, now, now_s)
        return made

    def _is_due(self, name: str, rule: AlertRule, state: RuleState, now: datetime, now_s: float) -> bool:
        if now_s - self._began_s[name] < self._alerts.gather_s:
            return False
        if name not in self._told_s and state.told_at is not None:  # before this start: by the wall clock
            since_s = (now - state.told_at).total_seconds()
            self._told_s[name] = now_s - min(max(0.0, since_s), rule.cooldown_s)
        return now_s - self._told_s.get(name, float("-inf")) >= rule.cooldown_s

    def _tell(
        self, name: str, rule: AlertRule, events: list[AlertEvent], now: datetime, now_s: float
    ) -> bool:
        muted = self._find_muted(rule, events, now)
        self._events.set_fate(muted, Fate.MUTED)
        told = [event for event in events if event not in muted]
        del self._began_s[name]
        if not told:
            return False
        hint = self._describe_link() if rule.when == "silent" else ""
        page_url = self._alerts.page_url or ""
        written = write_message((name, rule.when), told, now, hint=hint, page_url=page_url)
        kind = "alert" if any(one.kind is Happening.RAISED for one in told) else "over"
        channels = choose_channels(self._channels, rule.channels)
        message = AlertMessage(0, now, name, kind, written.title, written.text, len(told))
        self._messages.add_message(message, channels, told)
        self._told_s[name] = now_s
        return True

    def _find_muted(self, rule: AlertRule, events: Sequence[AlertEvent], now: datetime) -> list[AlertEvent]:
        """Return the events of findings whose defect somebody has muted."""
        if rule.when != "finding" or self._defects is None:
            return []
        findings = {event.key: _finding_of(event.subject) for event in events}
        muted = self._defects.muted([*findings.values()], now)
        return [event for event in events if findings[event.key] in muted]


def _finding_of(subject: str) -> tuple[str, str]:
    """Return site and id of the finding that a subject names: finding:SITE ID SEVERITY."""
    site, finding_id = subject.partition(":")[2].split(" ")[:2]
    return site, finding_id
