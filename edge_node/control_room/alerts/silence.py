"""Find robots that were not heard for long, whether they said goodbye, lost the link, or just fell silent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.clock_floor import format_span
from edge_node.control_room.alerts.observation import Observation, describe_time
from edge_node.control_room.history.database import from_us
from edge_node.messages.status import OfflineReason, Presence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edge_node.control_room.alert_sections import AlertRule
    from edge_node.control_room.history.alerts.watched_rows import WatchedRobot


class SilenceClock:
    """Times by monotonic time for how long each robot has been silent.

    The time since a robot was heard is not the difference of two wall-clock times, which people set. After a
    start it counts from the start: what robots said while nobody listened arrives first.
    """

    def __init__(self) -> None:
        self._heard: dict[int, tuple[int, float, bool]] = {}  # by which time, when that was seen, was it news
        self._has_looked = False

    def look(self, robots: Sequence[WatchedRobot], now_s: float) -> None:
        """Note which robots were heard since the last look."""
        known = self._heard
        self._heard = {}
        for robot in robots:
            before = known.get(robot.key)
            if before is None or before[0] != robot.heard_us:
                before = robot.heard_us, now_s, self._has_looked
            self._heard[robot.key] = before
        self._has_looked = True

    def silent_s(self, robot: WatchedRobot, now_s: float) -> float:
        """Return for how long a robot has been silent, as far as it was watched."""
        return now_s - self._heard[robot.key][1]

    def was_heard(self, robot: WatchedRobot) -> bool:
        """Tell whether a robot was heard since the start."""
        return self._heard[robot.key][2]


def observe_silence(
    rule: AlertRule, robots: Sequence[WatchedRobot], clock: SilenceClock, now_s: float
) -> Iterator[Observation]:
    """Yield the robots that are silent, and those that are heard."""
    for robot in robots:
        if not rule.concerns(robot.site, robot.robot):
            continue
        if clock.silent_s(robot, now_s) >= rule.lasts_s:
            text = f"{robot.name}: silent for {format_span(rule.lasts_s)}, {_describe_end(robot)}"
            yield Observation(robot.name, robot.site, robot.robot, text)
        elif clock.was_heard(robot) and robot.status.presence != Presence.OFFLINE.value:  # no late will
            yield Observation(robot.name, robot.site, robot.robot, f"{robot.name}: heard again", is_on=False)


def _describe_end(robot: WatchedRobot) -> str:
    last = f"last heard {describe_time(from_us(robot.heard_us))}"
    if robot.status.presence != Presence.OFFLINE.value:
        return last
    if robot.status.offline_reason == OfflineReason.STOPPED.value:
        return f"{last}; it was stopped"
    return f"{last}; its link was lost"
