"""Find robots that judge too small a share of their frames, and verdicts that have lost their pose.

Only verdicts that came live count, while the robot is online and nobody has paused it.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from edge_node.clock_floor import format_span
from edge_node.control_room.alerts.observation import Observation
from edge_node.messages.status import PartState, Presence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from edge_node.control_room.alert_sections import AlertRule
    from edge_node.control_room.history.alerts.watched_rows import VerdictCounts, WatchedRobot

_FEWEST = 10  # verdicts from which a share is told
_BUCKETS = 100  # of the longest span


class _Bucket(NamedTuple):
    began_s: float
    judged: int
    live: int


class JudgedShares:
    """Count, by robot, how many of the newest verdicts judged the surface."""

    def __init__(self, longest_s: float, has_place: Callable[[int], bool | None]) -> None:
        """Begin to count.

        Args:
            longest_s: the longest span that is asked for.
            has_place: tells whether the verdict at a position has a pose.
        """
        self._longest_s = longest_s
        self._has_place = has_place
        self._buckets: dict[int, deque[_Bucket]] = {}
        self._since_s: dict[int, float] = {}
        self._places: dict[int, float | None] = {}

    def look(self, robots: Sequence[WatchedRobot], counts: Mapping[int, VerdictCounts], now_s: float) -> None:
        """Add what came since the last look; a robot that is paused or away begins anew."""
        working = {robot.key for robot in robots if _is_working(robot)}
        for key in {*self._since_s, *self._places} - working:
            self._buckets.pop(key, None)
            self._since_s.pop(key, None)
            self._places.pop(key, None)
        for key, count in counts.items():
            if key in working and count.live:
                self._add(key, count, now_s)
                self._note_place(key, count.newest, now_s)

    @property
    def places(self) -> Mapping[int, float | None]:
        """Robots whose verdicts came with a pose: since when they come without, or None."""
        return self._places

    def share(self, key: int, span_s: float, now_s: float) -> float | None:
        """Return the share of a robot's verdicts that judged, once it has worked for the whole span."""
        if now_s - self._since_s.get(key, now_s) < span_s:
            return None
        recent = [one for one in self._buckets[key] if one.began_s >= now_s - span_s]
        live = sum(one.live for one in recent)
        return sum(one.judged for one in recent) / live if live >= _FEWEST else None

    def _add(self, key: int, count: VerdictCounts, now_s: float) -> None:
        self._since_s.setdefault(key, now_s)
        buckets = self._buckets.setdefault(key, deque())
        if buckets and now_s - buckets[-1].began_s < self._longest_s / _BUCKETS:
            last = buckets.pop()
            buckets.append(_Bucket(last.began_s, last.judged + count.judged, last.live + count.live))
        else:
            buckets.append(_Bucket(now_s, count.judged, count.live))
        while buckets[0].began_s < now_s - self._longest_s:
            buckets.popleft()

    def _note_place(self, key: int, position: int, now_s: float) -> None:
        has_place = self._has_place(position)
        if has_place:
            self._places[key] = None
        elif has_place is False and self._places.get(key, now_s) is None:
            self._places[key] = now_s


def observe_coverage(
    rule: AlertRule, robots: Sequence[WatchedRobot], shares: JudgedShares, now_s: float
) -> Iterator[Observation]:
    """Yield the robots whose share is below the rule's, and those where it is not."""
    below = rule.below or 0.0
    for robot in robots:
        share = shares.share(robot.key, rule.span_s, now_s)
        if share is None or not rule.concerns(robot.site, robot.robot):
            continue
        text = f"{robot.name}: judged {share:.0%} of its frames in {format_span(rule.span_s)}"
        limit = f"{below:.0%}" if (below * 100).is_integer() else f"{below:.1%}"
        if share < below:
            yield Observation(robot.name, robot.site, robot.robot, f"{text}, less than {limit}")
        else:
            yield Observation(robot.name, robot.site, robot.robot, f"{text}, at least {limit}", is_on=False)


def _is_working(robot: WatchedRobot) -> bool:
    status = robot.status
    return status.presence == Presence.ONLINE.value and status.camera.state != PartState.PAUSED.value
