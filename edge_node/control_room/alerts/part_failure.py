"""Find parts of robots that fail: by their status, by their alarms, and by poses that no longer come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.clock_floor import format_span
from edge_node.control_room.alerts.observation import Observation
from edge_node.messages.plain_text import escape_unprintable
from edge_node.messages.status import PartState, Presence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from edge_node.control_room.alert_sections import AlertRule
    from edge_node.control_room.history.alerts.watched_rows import WatchedRobot

_MAX_TEXT = 200
_FAILING = {PartState.FAILING.value}
_CAMERA_FAILING = _FAILING | {PartState.ABSENT.value}  # other parts may be absent by the configuration
_PART_OF_ALARM = {
    **dict.fromkeys(
        ("disk_full", "disk_failing", "spool_damaged", "state_unreadable", "quarantine"), "spool"
    ),
    "evidence_lost": "evidence",
    "audit_failing": "audit",
    "findings_unsaved": "findings",
}


def list_failures(robot: WatchedRobot) -> dict[str, str]:
    """Return the robot's parts that fail, by name, with the robot's own words."""
    status, failing = robot.status, {}
    for name in ("camera", "model", "clock", "shadow", "evidence", "scale"):
        part = getattr(status, name)
        if part is not None and part.state in (_CAMERA_FAILING if name == "camera" else _FAILING):
            failing[name] = part.text or part.state
    spools = (status.spool, robot.health.spool)
    alarms = [alarm for spool in spools if spool is not None for alarm in spool.alarms]
    for alarm in (*alarms, *robot.health.alarms):
        failing.setdefault(_PART_OF_ALARM.get(alarm.code, "link"), alarm.text or alarm.code)
    return failing


class FailureClock:
    """Times by monotonic time for how long each part of each robot has been failing."""

    def __init__(self) -> None:
        self._since: dict[tuple[int, str], float] = {}
        self._texts: dict[int, dict[str, str]] = {}
        self._placed: set[int] = set()

    def look(self, robots: Sequence[WatchedRobot], places: Mapping[int, float | None], now_s: float) -> None:
        """Note what fails now; what a robot said before it went tells nothing of now.

        Args:
            robots: all of them.
            places: robots whose verdicts came with a pose: since when they come without; None if they do not.
            now_s: monotonic.
        """
        self._texts = {}
        for robot in robots:
            if robot.status.presence != Presence.ONLINE.value:
                continue
            self._texts[robot.key] = failing = list_failures(robot)
            if places.get(robot.key) is not None:
                failing["pose"] = "its verdicts came with a pose, and now come without"
        known, self._since = self._since, {}
        for key, texts in self._texts.items():
            for part in texts:
                lost_s = places.get(key) if part == "pose" else None
                self._since[key, part] = known.get((key, part), now_s if lost_s is None else lost_s)
        self._placed = set(places)

    def failing(self, robot: WatchedRobot, now_s: float) -> dict[str, tuple[float, str]] | None:
        """Return for how long each part has failed, and the robot's words; None if it is not online."""
        texts = self._texts.get(robot.key)
        if texts is None:
            return None
        return {part: (now_s - self._since[robot.key, part], text) for part, text in texts.items()}

    def is_known(self, robot: WatchedRobot, part: str) -> bool:
        """Tell whether it is known how a part does: of the pose, once a verdict came with one."""
        return robot.key in self._texts and (part != "pose" or robot.key in self._placed)


def observe_parts(
    rule: AlertRule, robots: Sequence[WatchedRobot], clock: FailureClock, raised: Sequence[str], now_s: float
) -> Iterator[Observation]:
    """Yield the parts that fail for long enough, and those of ``raised`` that fail no longer."""
    for robot in robots:
        failing = clock.failing(robot, now_s)
        if failing is None or not rule.concerns(robot.site, robot.robot):
            continue
        for part, (lasted_s, text) in failing.items():
            if lasted_s >= rule.lasts_s and (not rule.parts or part in rule.parts):
                said = escape_unprintable(text)[:_MAX_TEXT]
                about = f"{robot.name}: {part} failing for {format_span(rule.lasts_s)}: {said}"
                yield Observation(f"{robot.name} {part}", robot.site, robot.robot, about)
    of_robot = {robot.name: robot for robot in robots}
    for subject in raised:
        name, _, part = subject.partition(" ")
        found = of_robot.get(name)
        failing = None if found is None else clock.failing(found, now_s)
        if found is None or failing is None or not clock.is_known(found, part):
            continue
        if part not in failing:
            text = f"{name}: {part} no longer failing"
            yield Observation(subject, found.site, found.robot, text, is_on=False)
