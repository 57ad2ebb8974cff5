"""Find, in what arrived, findings that are bad enough and bundles that were rolled back: each told once."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from edge_node.control_room.alerts.observation import Observation, describe_lateness, describe_time
from edge_node.control_room.history.alerts.watched_rows import age_us
from edge_node.control_room.history.database import to_us
from edge_node.messages.finding import Finding
from edge_node.messages.plain_text import escape_unprintable
from edge_node.messages.response import Response

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from edge_node.control_room.alert_sections import AlertRule
    from edge_node.control_room.history.alerts.watched_rows import (
        ArrivedFinding,
        ArrivedResponse,
        WatchedRobot,
    )

_MAX_TEXT = 200
_ROLLED_BACK = "rolled_back"  # the code of the response
_Message = TypeVar("_Message", Finding, Response)


class ArrivalReader:
    """Turns findings and responses into what rules see."""

    def __init__(self, severities: Sequence[str], too_old_h: float) -> None:
        self._severities = severities
        self._too_old_us = too_old_h * 3600e6

    def observe_findings(
        self,
        rule: AlertRule,
        found: Sequence[ArrivedFinding],
        robots: Mapping[int, WatchedRobot],
        now: datetime,
    ) -> Iterator[Observation]:
        """Yield the findings that are as severe as the rule says, each once for each severity."""
        for one in found:
            if not self._is_bad(rule.severity, one.severity):
                continue
            finding = _decode(one.payload, Finding)
            if finding is None or not rule.concerns(finding.site, finding.robot, finding.asset):
                continue
            robot = robots.get(one.robot_key)
            age = age_us(one.last_us, one.received_us, 0 if robot is None else robot.clock_ahead_us)
            text = f"{finding.site}/{finding.robot}: {_describe(finding)}{describe_lateness(age)}"
            yield Observation(
                f"{finding.site} {finding.id} {one.severity or '-'}",
                *(finding.site, finding.robot, text),
                is_too_old=self._is_too_old(age, one.received_us, now),
            )

    def observe_rollbacks(
        self,
        rule: AlertRule,
        found: Sequence[ArrivedResponse],
        robots: Mapping[int, WatchedRobot],
        now: datetime,
    ) -> Iterator[Observation]:
        """Yield the bundles that robots rolled back."""
        for one in found:
            response = _decode(one.payload, Response)
            if response is None or response.code != _ROLLED_BACK:
                continue
            if not rule.concerns(response.site, response.robot):
                continue
            robot = robots.get(one.robot_key)
            at_us = round(response.at.timestamp() * 1e6)
            age = age_us(at_us, one.received_us, 0 if robot is None else robot.clock_ahead_us)
            bundle = response.data.get("bundle") or "its bundle"
            said = escape_unprintable(f"{bundle} rolled back: {response.text}")[:_MAX_TEXT]
            yield Observation(
                f"{response.site} {response.id}",
                *(response.site, response.robot),
                f"{response.site}/{response.robot}: {said}{describe_lateness(age)}",
                is_too_old=self._is_too_old(age, one.received_us, now),
            )

    def _is_too_old(self, age_us: int | None, received_us: int, now: datetime) -> bool:
        """Tell whether something was seen too long ago: it came late, or no process looked when it came."""
        return (age_us or 0) + max(0, to_us(now) - received_us) > self._too_old_us

    def _is_bad(self, wanted: str | None, severity: str | None) -> bool:
        """Tell whether a severity is the wanted one or worse; a word that nobody ordered may be the worst."""
        if wanted is None:
            return True
        if severity is None:
            return False
        if severity not in self._severities:
            return True
        return self._severities.index(severity) >= self._severities.index(wanted)


def _describe(finding: Finding) -> str:
    pose = finding.from_pose
    place = f" at {pose.distance_m:.2f} m" if pose is not None and pose.distance_m is not None else ""
    asset = f" on {finding.asset}" if finding.asset else ""
    what = " ".join(filter(None, (finding.peak_severity, finding.form, "corrosion")))
    material = f" of {finding.material}" if finding.material else ""
    seen = f", seen {describe_time(finding.last_observed_at)}"
    return escape_unprintable(f"{what}{material}{asset}{place}")[:_MAX_TEXT] + seen


def _decode(payload: bytes, kind: type[_Message]) -> _Message | None:
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.MsgspecError, ValueError):
        return None
