"""Show alerts to people, and do what people ask: a test message, muting a rule. Works in every process."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from edge_node.control_room.alerts.apprise_sender import Outgoing, choose_channels
from edge_node.control_room.alerts.courier import BoundedSend
from edge_node.control_room.alerts.observation import describe_time
from edge_node.control_room.history.alerts.event_book import EventBook
from edge_node.control_room.history.alerts.message_book import AlertMessage, DeliveryState, MessageBook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from edge_node.control_room.alert_sections import AlertRule
    from edge_node.control_room.alerts.apprise_sender import AppriseSender
    from edge_node.control_room.history.alerts.event_book import RuleState
    from edge_node.control_room.history.database import Database
    from edge_node.control_room.settings import RoomSettings

TEST_S = 20.0  # a person waits for the outcome
_MESSAGES, _EVENTS = 50, 100


class SendOutcome(NamedTuple):
    """What came of a test message on one channel; ``why`` is empty if it was taken."""

    channel: str
    is_delivered: bool
    why: str


class ChannelHealth(NamedTuple):
    """How a channel does.

    Attributes:
        state: delivered, waiting, given_up, or "" before the first attempt.
        why: the last attempt failed.
        tried_at: the last attempt.
        waiting: messages that wait for it.
    """

    name: str
    state: str
    why: str
    tried_at: datetime | None
    delivered_at: datetime | None
    waiting: int


class AlertDesk:
    """The alerts of one control room, as people see them; any thread may use it."""

    def __init__(
        self, settings: RoomSettings, database: Database, sender: AppriseSender, now: Callable[[], datetime]
    ) -> None:
        self._alerts = settings.alerts
        self._title = settings.room.title
        self._events = EventBook(database)
        self._messages = MessageBook(database)
        self._now = now
        self._sends = {name: BoundedSend(sender, name) for name in sender.channels}

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of the channels."""
        return tuple(self._sends)

    @property
    def rules(self) -> tuple[str, ...]:
        """The names of the rules."""
        return tuple(self._alerts.rules)

    def list_channels(self) -> list[ChannelHealth]:
        """Return how each channel does."""
        counts = self._messages.count_deliveries()
        found = []
        for name in self._sends:
            last = self._messages.last_try(name)
            state, why, at = ("", "", None) if last is None else (last[0].value, last[1], last[2])
            waiting = counts.get((name, DeliveryState.WAITING.value), 0)
            found.append(ChannelHealth(name, state, why, at, self._messages.last_delivered(name), waiting))
        return found

    def count_deliveries(self) -> dict[tuple[str, str], int]:
        """Return how many deliveries there are of each channel and state."""
        return self._messages.count_deliveries()

    def count_raised(self) -> dict[str, int]:
        """Return how many subjects each rule has raised now."""
        raised = self._events.count_raised()
        return {
            name: raised.get(name, 0)
            for name, rule in self._alerts.rules.items()
            if rule.when not in ("finding", "rolled_back")
        }

    def describe(self) -> dict[str, Any]:
        """Return channels, rules, newest messages and events, for the page; nothing secret."""
        states, raised = self._events.rules(), self.count_raised()
        return {
            "now": self._now(),
            "channels": [one._asdict() for one in self.list_channels()],
            "rules": [
                self._describe_rule(name, rule, states.get(name), raised.get(name))
                for name, rule in self._alerts.rules.items()
            ],
            "messages": [
                {**message._asdict(), "deliveries": [one._asdict() for one in deliveries]}
                for message, deliveries in self._messages.messages(_MESSAGES)
            ],
            "events": [one._asdict() for one in self._events.events(_EVENTS)],
        }

    def test(self, channels: Sequence[str], by: str) -> list[SendOutcome]:
        """Send a test message by each of these channels, and store what came of it."""
        now = self._now()
        message, outcomes = send_test(self._sends, channels, self._title, by, now)
        key = self._messages.add_message(AlertMessage(0, now, "", "test", message.title, message.text, 0), ())
        for one in outcomes:
            state = DeliveryState.DELIVERED if one.is_delivered else DeliveryState.GIVEN_UP
            self._messages.add_outcome(key, one.channel, state, one.why, self._now())
        return outcomes

    def mute(self, rule: str, hours: float | None, by: str) -> datetime | None:
        """Mute a rule for so many hours, or end that; return until when."""
        now = self._now()
        until = None if hours is None else now + timedelta(hours=hours)
        self._events.begin_rule(rule, now)  # the process that watches may not have seen it yet
        self._events.mute(rule, until, by if until else "")
        return until

    def _describe_rule(
        self, name: str, rule: AlertRule, state: RuleState | None, raised: int | None
    ) -> dict[str, Any]:
        now, told = self._now(), state.told_at if state else None
        quiet_until = None if told is None else told + timedelta(seconds=rule.cooldown_s)
        muted_until = state.muted_until if state else None
        return {
            "name": name,
            "when": rule.when,
            "text": describe_rule(rule),
            "channels": choose_channels(self.channels, rule.channels),
            "cooldown_s": rule.cooldown_s,
            "raised": raised,
            "told_at": told,
            "quiet_until": quiet_until if quiet_until is not None and quiet_until > now else None,
            "muted_until": muted_until if muted_until is not None and muted_until > now else None,
            "muted_by": state.muted_by if state and muted_until else "",
        }


def describe_rule(rule: AlertRule) -> str:
    """Return in words of what a rule tells."""
    severity = f" of severity {rule.severity} or worse" if rule.severity else ""
    words = {
        "finding": f"a finding{severity}",
        "growing": f"a growing defect{severity}",
        "silent": f"a robot silent for {rule.lasts_s:g} s",
        "part": f"{' or '.join(rule.parts) or 'any part'} of a robot failing for {rule.lasts_s:g} s",
        "coverage": f"less than {100 * (rule.below or 0):g} % of frames judged in {rule.span_s:g} s",
        "rolled_back": "a bundle rolled back",
    }
    only = [*rule.sites, *rule.robots, *rule.assets]
    return words[rule.when] + (f"; only {', '.join(only)}" if only else "")


def send_test(
    sends: Mapping[str, BoundedSend], channels: Sequence[str], title: str, by: str, now: datetime
) -> tuple[Outgoing, list[SendOutcome]]:
    """Send a test message by each of these channels at the same time, and return it with what came of it.

    Args:
        sends: of each channel.
        channels: at least one.
        title: of the control room.
        by: who asked for it; "" if that is not known.
        now: for the message.
    """
    who = f", asked for by {by}" if by else ""
    text = f'A test of the alerts of the control room "{title}"{who}, {describe_time(now)}.'
    message = Outgoing(f"Test: {title}", text, "info")
    with ThreadPoolExecutor(max_workers=len(channels), thread_name_prefix="alert-test") as pool:
        whys = list(pool.map(lambda name: sends[name].send(message, TEST_S), channels))
    return message, [SendOutcome(name, not why, why) for name, why in zip(channels, whys, strict=True)]
