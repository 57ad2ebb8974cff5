"""Store what alert rules found: how far each has looked, what is raised now, and the events, bounded."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import bindparam, delete, func, insert, select, update

from edge_node.control_room.history.alerts.newest_rows import bind_columns, keep_newest
from edge_node.control_room.history.database import from_us, to_us
from edge_node.control_room.history.sql_filters import LIMIT, bound_limit
from edge_node.control_room.history.storage.alert_tables import alert_event, alert_rule, alert_state
from edge_node.control_room.history.storage.dialect import insert_new
from edge_node.control_room.history.storage.tables import NUMBER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from edge_node.control_room.history.database import Database

MAX_EVENTS = 20_000  # that are kept, the newest
MAX_STATES = 50_000  # of one rule: of findings, each is told once


class Fate(str, Enum):
    """What became of an event."""

    WAITING = "waiting"  # for its message
    TOLD = "told"
    MUTED = "muted"  # a person muted the rule, or the defect
    TOO_OLD = "too_old"  # it came so late that nobody needs a message
    DROPPED = "dropped"  # its rule stands in the configuration no longer


class Happening(str, Enum):
    """What an event says of its subject."""

    RAISED = "raised"
    OVER = "over"


class AlertEvent(NamedTuple):
    """Something that a rule tells of.

    Attributes:
        subject: what it is about, unique within the rule: a robot, a part of it, a finding.
        key: its number in the history; 0 before it is there.
    """

    at: datetime
    rule: str
    subject: str
    kind: Happening
    site: str
    robot: str
    text: str
    fate: Fate = Fate.WAITING
    key: int = 0


class RuleState(NamedTuple):
    """What the history keeps of a rule.

    Attributes:
        since: when it was seen first: what came before is not told.
        looked_at: up to when it has looked.
        told_at: when its last message was made.
    """

    since: datetime
    looked_at: datetime
    told_at: datetime | None
    muted_until: datetime | None
    muted_by: str


_EVENT_NAMES = ("at_us", "rule", "subject", "kind", "site", "robot", "text", "fate")
_ADD_EVENT = insert(alert_event).values(bind_columns(alert_event, *_EVENT_NAMES))
_EVENTS = select(alert_event.c.event_key, *(alert_event.c[name] for name in _EVENT_NAMES))
_WAITING = _EVENTS.where(alert_event.c.fate == bindparam("fate")).order_by(alert_event.c.event_key)
_LAST_EVENTS = _EVENTS.order_by(alert_event.c.event_key.desc()).limit(LIMIT)
_SET_FATE = (
    update(alert_event)
    .where(alert_event.c.event_key == bindparam("key"))
    .values(fate=bindparam("new_fate"), message_key=bindparam("message", type_=NUMBER))
)
_RAISE = insert_new(alert_state).values(bind_columns(alert_state, "rule", "subject", "since_us"))
_END = delete(alert_state).where(
    alert_state.c.rule == bindparam("rule"), alert_state.c.subject == bindparam("subject")
)
_RAISED = select(alert_state.c.subject, alert_state.c.since_us).where(alert_state.c.rule == bindparam("rule"))
_COUNT_RAISED = select(alert_state.c.rule, func.count()).group_by(alert_state.c.rule)
_IS_RULE = alert_rule.c.name == bindparam("rule_name")
_ADD_RULE = insert_new(alert_rule).values(bind_columns(alert_rule, "name", "since_us", "looked_us"))
_RULES = select(
    *(alert_rule.c.name, alert_rule.c.since_us, alert_rule.c.looked_us, alert_rule.c.told_us),
    *(alert_rule.c.muted_until_us, alert_rule.c.muted_by),
)
_LOOKED = update(alert_rule).where(_IS_RULE).values(looked_us=bindparam("at"))
_MUTE = (
    update(alert_rule)
    .where(_IS_RULE)
    .values(muted_until_us=bindparam("until", type_=NUMBER), muted_by=bindparam("by"))
)
_TRIM_EVENTS = keep_newest(alert_event.c.event_key)
_TRIM_STATES = keep_newest(alert_state.c.state_key, alert_state.c.rule)
_FORGET_STATES = delete(alert_state).where(alert_state.c.rule == bindparam("rule"))


class EventBook:
    """What the rules of one history found; any thread may use it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin_rule(self, name: str, now: datetime) -> None:
        """Keep a rule that is new: it looks from now on."""
        self._database.write(_ADD_RULE, {"name": name, "since_us": to_us(now), "looked_us": to_us(now)})

    def rules(self) -> dict[str, RuleState]:
        """Return what is kept of each rule, of those too that the configuration has no longer."""
        return {name: _rule_state(row) for name, *row in self._database.rows(_RULES)}

    def raised(self, rule: str) -> dict[str, datetime]:
        """Return the subjects that a rule has raised, and since when."""
        return {row[0]: from_us(row[1]) for row in self._database.rows(_RAISED, {"rule": rule})}

    def count_raised(self) -> dict[str, int]:
        """Return how many subjects each rule has raised."""
        return dict(self._database.rows(_COUNT_RAISED))

    def note_events(self, events: Iterable[AlertEvent]) -> list[AlertEvent]:
        """Store events and the state that they bring; return those that were news."""
        news = []
        with self._database.transaction():
            for event in events:
                if event.kind is Happening.RAISED:
                    values = {"rule": event.rule, "subject": event.subject, "since_us": to_us(event.at)}
                    changed = self._database.write(_RAISE, values)
                else:
                    changed = self._database.write(_END, {"rule": event.rule, "subject": event.subject})
                if changed:
                    self._add_event(event)
                    news.append(event)
            if news:
                self._database.write(_TRIM_EVENTS, {"kept": MAX_EVENTS})
                for rule in {event.rule for event in news}:
                    self._database.write(_TRIM_STATES, {"rule": rule, "kept": MAX_STATES})
        return news

    def end_quietly(self, rule: str, subjects: Iterable[str]) -> None:
        """Raise subjects no longer, without an event: the robot is retired, or the rule is not about it."""
        self._database.write_all(_END, [{"rule": rule, "subject": subject} for subject in subjects])

    def forget_states(self, rule: str) -> None:
        """Forget what a rule has raised that the configuration has no longer."""
        self._database.write(_FORGET_STATES, {"rule": rule})

    def note_looked(self, rules: Iterable[str], at: datetime) -> None:
        """Store up to when rules have looked."""
        self._database.write_all(_LOOKED, [{"rule_name": rule, "at": to_us(at)} for rule in rules])

    def mute(self, rule: str, until: datetime | None, by: str) -> bool:
        """Mute a rule until a time, or end that; False if the rule was never seen."""
        values = {"rule_name": rule, "until": None if until is None else to_us(until), "by": by}
        return self._database.write(_MUTE, values) > 0

    def waiting_events(self) -> list[AlertEvent]:
        """Return the events that no message tells yet, oldest first."""
        return [_event(row) for row in self._database.rows(_WAITING, {"fate": Fate.WAITING.value})]

    def events(self, limit: int) -> list[AlertEvent]:
        """Return the newest events."""
        return [_event(row) for row in self._database.rows(_LAST_EVENTS, {"limit": bound_limit(limit)})]

    def set_fate(self, events: Iterable[AlertEvent], fate: Fate) -> None:
        """Store why events are not told."""
        rows = [{"key": event.key, "new_fate": fate.value, "message": None} for event in events]
        self._database.write_all(_SET_FATE, rows)

    def _add_event(self, event: AlertEvent) -> None:
        values = {name: getattr(event, name) for name in ("rule", "subject", "site", "robot", "text")}
        values |= {"at_us": to_us(event.at), "kind": event.kind.value, "fate": event.fate.value}
        self._database.insert(_ADD_EVENT, values)


def _event(row: Sequence[Any]) -> AlertEvent:
    key, at_us, rule, subject, kind, site, robot, text, fate = row
    return AlertEvent(from_us(at_us), rule, subject, Happening(kind), site, robot, text, Fate(fate), key)


def _rule_state(row: Sequence[Any]) -> RuleState:
    since_us, looked_us, told_us, until_us, by = row
    told, until = (None if at_us is None else from_us(at_us) for at_us in (told_us, until_us))
    return RuleState(from_us(since_us), from_us(looked_us), told, until, by)
