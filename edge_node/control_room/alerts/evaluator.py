"""Look at the history by every rule, and store what is new: raised, over, happened once.

What is raised is in the history, so that after a restart nothing is told again, and the end of what was
raised before is noticed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from edge_node.control_room.alerts.arrivals import ArrivalReader
from edge_node.control_room.alerts.coverage import JudgedShares, observe_coverage
from edge_node.control_room.alerts.growth import observe_growth
from edge_node.control_room.alerts.part_failure import FailureClock, observe_parts
from edge_node.control_room.alerts.silence import SilenceClock, observe_silence
from edge_node.control_room.history.alerts.event_book import AlertEvent, EventBook, Fate, Happening
from edge_node.control_room.history.alerts.watched_rows import MOST_ROWS, WatchedRows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from edge_node.control_room.alert_sections import AlertRule, AlertsConfig
    from edge_node.control_room.alerts.growth import Defects
    from edge_node.control_room.alerts.observation import Observation
    from edge_node.control_room.history.alerts.event_book import RuleState
    from edge_node.control_room.history.alerts.watched_rows import (
        ArrivedFinding,
        ArrivedResponse,
        WatchedRobot,
    )
    from edge_node.control_room.history.database import Database

_AGAIN = timedelta(minutes=2)  # looked at again: another process may commit late what it received before
_NOTE_S = 60.0  # interval at which is stored up to when rules have looked
_RESPONSES = 1000  # the newest, at each look
_MOST_ONCE = 2 * MOST_ROWS
_LEVELS = ("silent", "part", "coverage", "growing")  # what is so, and then not; all else happens once


class _Seen(NamedTuple):
    """What a look read.

    Attributes:
        now_s: monotonic.
    """

    now: datetime
    now_s: float
    robots: Sequence[WatchedRobot]
    by_key: Mapping[int, WatchedRobot]
    findings: Sequence[ArrivedFinding]
    responses: Sequence[ArrivedResponse]


class Evaluator:
    """The rules of one control room; used by one thread of one process."""

    def __init__(
        self, alerts: AlertsConfig, severities: Sequence[str], database: Database, defects: Defects | None
    ) -> None:
        """Prepare; ``defects`` tells which defects grow, None where nothing knows."""
        self._rules = alerts.rules
        self._severities = severities
        self._book = EventBook(database)
        self._rows = WatchedRows(database)
        self._defects = defects
        self._arrivals = ArrivalReader(severities, alerts.too_old_h)
        self._silence = SilenceClock()
        self._failures = FailureClock()
        longest_s = max((rule.span_s for rule in self._rules.values()), default=1.0)
        self._shares = JudgedShares(longest_s, self._rows.has_place)
        self._newest_response = 0
        self._once: dict[
            str, dict[str, datetime]
        ] = {}  # what happened within the span that is looked at again
        self._noted_s = float("-inf")
        self._kinds = {rule.when for rule in self._rules.values()}

    def begin(self, now: datetime) -> None:
        """Let new rules look from now on, and forget what rules had raised that are gone.

        Raises:
            HistoryError: the history cannot be written.
        """
        for name in self._book.rules():
            if name not in self._rules:
                self._book.forget_states(name)
        for name in self._rules:
            self._book.begin_rule(name, now)

    def look(self, now: datetime, now_s: float) -> list[AlertEvent]:
        """Store what happened since the last look, and return it.

        Args:
            now: by the room's clock.
            now_s: monotonic.

        Raises:
            HistoryError: the history cannot be read or written.
        """
        states = self._book.rules()
        seen = self._read(states, now, now_s)
        events: list[AlertEvent] = []
        for name, rule in self._rules.items():
            state = states.get(name)
            if state is not None:
                events += self._judge(name, rule, state, seen)
        news = self._book.note_events(events) if events else []
        self._note_once(events)
        if news or now_s - self._noted_s >= _NOTE_S:
            self._book.note_looked(self._rules, now)
            self._noted_s = now_s
        self._newest_response = max((one.key for one in seen.responses), default=self._newest_response)
        return news

    def _read(self, states: Mapping[str, RuleState], now: datetime, now_s: float) -> _Seen:
        robots = self._rows.robots()
        self._silence.look(robots, now_s)
        if self._kinds & {"part", "coverage"}:
            self._shares.look(robots, self._rows.count_verdicts(), now_s)
        self._failures.look(robots, self._shares.places, now_s)
        since = min((_since(states[name], now) for name in self._rules if name in states), default=now)
        findings = self._rows.findings(since) if "finding" in self._kinds else []
        responses: list[ArrivedResponse] = []
        if "rolled_back" in self._kinds:
            responses = self._rows.responses(max(0, self._newest_response - _RESPONSES), _RESPONSES)
        return _Seen(now, now_s, robots, {robot.key: robot for robot in robots}, findings, responses)

    def _judge(self, name: str, rule: AlertRule, state: RuleState, seen: _Seen) -> list[AlertEvent]:
        """Return the events of one rule: what it sees now and had not raised, and the other way round."""
        is_level = rule.when in _LEVELS
        raised = self._book.raised(name) if is_level else self._once.get(name, {})
        own = [key.removeprefix(f"{rule.when}:") for key in raised if key.startswith(f"{rule.when}:")]
        events, is_on = [], set()
        for one in self._observe(rule, state, seen, own):
            subject = f"{rule.when}:{one.subject}"
            if one.is_on:
                is_on.add(subject)
            if one.is_on != (subject in raised):
                events.append(_event(name, subject, one, seen.now))
        if is_level:
            ended = {one.subject for one in events if one.kind is Happening.OVER}
            gone = [key for key in raised if key not in is_on and not self._still_there(rule, key, seen)]
            quiet = ended if not rule.recovery else set()
            if gone or quiet:
                self._book.end_quietly(name, {*gone, *quiet})
            events = [one for one in events if one.subject not in quiet and one.subject not in gone]
        return events

    def _note_once(self, events: Sequence[AlertEvent]) -> None:
        """Remember what happened once as long as it is looked at again, so that the history is not asked."""
        for event in events:
            if self._rules[event.rule].when not in _LEVELS:
                self._once.setdefault(event.rule, {})[event.subject] = event.at
        for known in self._once.values():
            while len(known) > _MOST_ONCE:
                del known[next(iter(known))]

    def _observe(
        self, rule: AlertRule, state: RuleState, seen: _Seen, raised: Sequence[str]
    ) -> Iterator[Observation]:
        since_us = round(_since(state, seen.now).timestamp() * 1e6)
        if rule.when == "silent":
            yield from observe_silence(rule, seen.robots, self._silence, seen.now_s)
        elif rule.when == "part":
            yield from observe_parts(rule, seen.robots, self._failures, raised, seen.now_s)
        elif rule.when == "coverage":
            yield from observe_coverage(rule, seen.robots, self._shares, seen.now_s)
        elif rule.when == "growing" and self._defects is not None:
            yield from observe_growth(rule, self._severities, self._defects, seen.now)
        elif rule.when == "finding":
            found = [one for one in seen.findings if one.received_us >= since_us]
            yield from self._arrivals.observe_findings(rule, found, seen.by_key, seen.now)
        elif rule.when == "rolled_back":
            responses = [one for one in seen.responses if one.received_us >= since_us]
            yield from self._arrivals.observe_rollbacks(rule, responses, seen.by_key, seen.now)

    def _still_there(self, rule: AlertRule, key: str, seen: _Seen) -> bool:
        """Tell whether what was raised may still be so: a robot that is retired is not silent."""
        kind, _, subject = key.partition(":")
        if kind != rule.when or kind == "growing":  # a rule of that name told of something else before
            return False
        name, _, part = subject.partition(" ")
        if part and rule.parts and part not in rule.parts:
            return False
        return any(robot.name == name and rule.concerns(robot.site, robot.robot) for robot in seen.robots)


def _since(state: RuleState, now: datetime) -> datetime:
    """Return from when on a rule looks at what arrived; a clock that was set back hides nothing."""
    return max(state.since, min(state.looked_at, now) - _AGAIN) if now >= state.since else now - _AGAIN


def _event(name: str, subject: str, seen: Observation, now: datetime) -> AlertEvent:
    kind = Happening.RAISED if seen.is_on else Happening.OVER
    fate = Fate.TOO_OLD if seen.is_too_old else Fate.WAITING
    return AlertEvent(now, name, subject, kind, seen.site, seen.robot, seen.text, fate)
