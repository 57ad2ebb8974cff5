"""Define a mission, one pass of one robot over one asset, and find the passes in a robot's verdicts. Pure.

Verdicts are taken in the order of their epochs and numbers, never in that of their arrival: a backlog comes
late, and a clock may be wrong. The same record always has the same missions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  msgspec resolves annotations at run time
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from edge_node.messages.identifiers import split_verdict_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from edge_node.messages.finding import Finding

PAUSE_S = 1800.0  # between two verdicts of one mission: a battery is changed in less
_TURN_M, _TURN_SHARE = 1.0, 0.1  # a robot that looks at a place again goes back less; share of the way so far
_SMALLEST_HOLE_M = 0.2  # about the length of one camera frame
_HOLE_STEPS = 5


class Point(NamedTuple):
    """What of a verdict tells its mission; ``observed_us`` is by the robot's clock.

    Attributes:
        distance_m: along the path; None if it is not known or cannot be.
        is_judged: corroded or uncorroded.
    """

    epoch: str
    seq: int
    observed_us: int
    asset: str | None
    distance_m: float | None
    is_judged: bool
    is_corroded: bool
    severity: str | None = None


class NumberSpan(NamedTuple):
    """Numbers of one epoch, both ends included."""

    epoch: str
    first_seq: int
    last_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetMission:
    """One pass of one robot over one asset.

    Attributes:
        id: ``ROBOT:EPOCH:mSEQ`` of its first verdict.
        asset: None where the robot was told none.
        name: that a person gave it; "" without.
        spans: its verdicts, by epoch in the order in which these followed each other.
        began_at: time of its first verdict, by the robot's clock.
        from_m: nearest place along the path; None without a distance.
        coverage: share of the way from ``from_m`` to ``to_m`` that was judged; None without a distance.
        bundles: names and versions of the bundles of its first and its last verdict.
    """

    id: str
    site: str
    robot: str
    asset: str | None
    name: str = ""
    spans: tuple[NumberSpan, ...]
    began_at: datetime
    ended_at: datetime
    from_m: float | None = None
    to_m: float | None = None
    verdicts: int
    judged: int
    corroded: int
    coverage: float | None = None
    bundles: tuple[str, ...] = ()

    def holds(self, epoch: str, seq: int) -> bool:
        """Tell whether a verdict of its robot belongs to it."""
        return any(span.epoch == epoch and span.first_seq <= seq <= span.last_seq for span in self.spans)

    def saw(self, finding: Finding) -> bool:
        """Tell whether a finding's corroded verdicts, from its first to its last, reach into it.

        A finding that was open while the robot turned round belongs to both missions.
        """
        if (finding.site, finding.robot) != (self.site, self.robot) or finding.asset != self.asset:
            return False
        first, last = (_number(one) for one in (finding.first_verdict, finding.last_verdict))
        return first is not None and last is not None and self.overlaps(first, last)

    def overlaps(self, first: tuple[str, int], last: tuple[str, int]) -> bool:
        """Tell whether numbers of its robot, from an epoch and number to another one, reach into it."""
        if first[0] != last[0]:  # over a restart
            return self._reaches(first[0], first[1], None) or self._reaches(last[0], 0, last[1])
        return self._reaches(first[0], first[1], last[1])

    def _reaches(self, epoch: str, first_seq: int, last_seq: int | None) -> bool:
        return any(
            span.epoch == epoch
            and span.last_seq >= first_seq
            and (last_seq is None or span.first_seq <= last_seq)
            for span in self.spans
        )


def split_passes(points: Sequence[Point], is_pause: Callable[[Point, Point], bool]) -> list[range]:
    """Return where in a robot's verdicts each mission begins and ends.

    A mission ends where the asset is another one, where the robot paused, and where it turned round or began
    its path again: at the farthest place before it went back.

    Args:
        points: in the order of epochs and numbers.
        is_pause: tells whether there is too much time between two verdicts for one mission.
    """
    found: list[range] = []
    begin = 0
    for at in range(1, len(points) + 1):
        if (
            at == len(points)
            or points[at].asset != points[at - 1].asset
            or is_pause(points[at - 1], points[at])
        ):
            found += _split_turns(points, begin, at)
            begin = at
    return found


def list_spans(points: Sequence[Point]) -> tuple[NumberSpan, ...]:
    """Return the numbers of verdicts by epoch."""
    spans: list[NumberSpan] = []
    for point in points:
        if spans and spans[-1].epoch == point.epoch:
            spans[-1] = spans[-1]._replace(last_seq=point.seq)
        else:
            spans.append(NumberSpan(point.epoch, point.seq, point.seq))
    return tuple(spans)


def compute_hole_m(judged_m: Sequence[float]) -> float:
    """Return the spacing of judged frames that counts as a hole: five times the median, at least 0.2 m."""
    steps = [end - begin for begin, end in pairwise(sorted(judged_m)) if end > begin]
    return max(_SMALLEST_HOLE_M, _HOLE_STEPS * median(steps)) if steps else _SMALLEST_HOLE_M


def list_unjudged(
    places_m: Sequence[float], judged_m: Sequence[float], hole_m: float
) -> Iterator[tuple[float, float]]:
    """Yield the stretches longer than ``hole_m`` in which no frame was judged, from and to in metres."""
    if not places_m:
        return
    known = [min(places_m), *sorted(judged_m), max(places_m)]
    if not judged_m:
        yield known[0], known[-1]
        return
    for begin, end in pairwise(known):
        if end - begin > hole_m:
            yield begin, end


def compute_coverage(places_m: Sequence[float], judged_m: Sequence[float]) -> float | None:
    """Return the share of the way from the nearest place to the farthest that was judged; None without."""
    if not places_m:
        return None
    length_m = max(places_m) - min(places_m)
    if length_m <= 0:
        return 1.0 if judged_m else 0.0
    holes = list_unjudged(places_m, judged_m, compute_hole_m(judged_m))
    return max(0.0, 1.0 - sum(end - begin for begin, end in holes) / length_m)


def _number(verdict_id: str) -> tuple[str, int] | None:
    named = split_verdict_id(verdict_id)
    if not named.seq.isascii() or not named.seq.isdigit() or len(named.seq) > 18:
        return None
    return named.epoch, int(named.seq)


def _split_turns(points: Sequence[Point], begin: int, end: int) -> Iterator[range]:
    """Yield the passes of a run of verdicts, which ends where the robot turned round."""
    places = [at for at in range(begin, end) if points[at].distance_m is not None]
    first = 0  # of ``places``: where the pass began
    while (turn := _find_turn(points, places, first)) is not None:
        yield range(begin, places[turn] + 1)
        begin, first = places[turn] + 1, turn + 1
    yield range(begin, end)


def _find_turn(points: Sequence[Point], places: Sequence[int], first: int) -> int | None:
    """Return which of ``places`` is the last one of the pass that begins with ``first``; None: it goes on.

    One distance alone that leaps away and back is a fault of its source, and no turn: the middle one of three
    neighbours is taken.
    """
    if first >= len(places):
        return None
    farthest = nearest = first
    start_m = high_m = low_m = _smooth(points, places, first, first)
    for at in range(first + 1, len(places) - 1):  # the next one tells whether it is a fault
        here_m = _smooth(points, places, first, at)
        if here_m >= high_m:
            farthest, high_m = at, here_m
        if here_m <= low_m:
            nearest, low_m = at, here_m
        turn_m = max(_TURN_M, _TURN_SHARE * (high_m - low_m))
        if farthest > nearest and high_m - here_m > turn_m and high_m - start_m > _TURN_M:
            return _find_peak(points, places, (first, farthest), 1)
        if nearest > farthest and here_m - low_m > turn_m and start_m - low_m > _TURN_M:
            return _find_peak(points, places, (first, nearest), -1)
    return None


def _find_peak(points: Sequence[Point], places: Sequence[int], turn: tuple[int, int], sign: int) -> int:
    """Return the very turn: smoothing may have moved it by one."""
    first, at = turn
    near = [one for one in (at - 1, at, at + 1) if first <= one < len(places)]
    return max(near, key=lambda one: (sign * (points[places[one]].distance_m or 0.0), one))


def _smooth(points: Sequence[Point], places: Sequence[int], first: int, at: int) -> float:
    """Return the middle one of a distance and its two neighbours in the pass."""
    here = points[places[at]].distance_m or 0.0
    if at == first or at + 1 == len(places):
        return here
    before, after = points[places[at - 1]].distance_m or 0.0, points[places[at + 1]].distance_m or 0.0
    return max(min(before, here), min(max(before, here), after))
