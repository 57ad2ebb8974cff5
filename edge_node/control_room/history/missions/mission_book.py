"""List the missions of all robots, and remember what was read: the next time only new verdicts are."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edge_node.control_room.history.database import from_us
from edge_node.control_room.history.missions.kept_missions import add_kept, read_kept
from edge_node.control_room.history.missions.mission import (
    AssetMission,
    compute_coverage,
    list_spans,
    split_passes,
)
from edge_node.control_room.history.missions.mission_names import read_names
from edge_node.control_room.history.missions.mission_points import (
    PauseTeller,
    StoredEpoch,
    iter_points,
    list_epochs,
    list_robots,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edge_node.control_room.history.database import Database
    from edge_node.control_room.history.missions.mission import Point

_Settled = tuple[tuple[int, int, tuple[tuple[int, int], ...]], ...]


@dataclass(frozen=True, slots=True)
class _Read:
    """What is known of one robot.

    Attributes:
        missions: all of them.
        settled: the received numbers of all but the last one; while they are the same, so are these missions.
        end: epoch and number at which the last one begins.
        received: all numbers that had been received.
    """

    missions: tuple[AssetMission, ...]
    settled: _Settled
    end: tuple[str, int]
    received: _Settled


class MissionBook:
    """The missions of one history. Any thread may ask."""

    def __init__(self, database: Database) -> None:
        """Begin with nothing read."""
        self._database = database
        self._lock = threading.Lock()
        self._read: dict[int, _Read] = {}

    def missions(
        self, *, site: str | None = None, robot: str | None = None, asset: str | None = None
    ) -> list[AssetMission]:
        """Return the missions of a site, a robot, an asset, or all; by time, the oldest first."""
        found: list[AssetMission] = []
        for key, of_site, name in list_robots(self._database):
            if site in (None, of_site) and robot in (None, name):
                found += self._of_robot(key, of_site, name)
        if asset is not None:
            found = [one for one in found if one.asset == asset]
        return sorted(found, key=lambda one: (one.began_at, one.site, one.id))

    def find(self, site: str, mission_id: str) -> AssetMission | None:
        """Return the mission with this id, or the one that its number belongs to since more has come."""
        robot, _, rest = mission_id.partition(":")
        epoch, _, number = rest.rpartition(":m")
        if not (number.isascii() and number.isdigit() and len(number) < 19):
            return None
        missions = self.missions(site=site, robot=robot)
        return next((one for one in missions if one.holds(epoch, int(number))), None)

    def _of_robot(self, key: int, site: str, name: str) -> list[AssetMission]:
        with self._lock:
            epochs = list_epochs(self._database, key)
            received = _clip(epochs, None)
            known = self._read.get(key)
            if known is None or known.received != received:
                known = self._read_on((site, name), epochs, known)
                self._read[key] = known
        found = add_kept(known.missions, read_kept(self._database, key, (site, name)))
        names = read_names(self._database, key)
        return [_named(one, names) for one in found]

    def _read_on(self, who: tuple[str, str], epochs: Sequence[StoredEpoch], known: _Read | None) -> _Read:
        if known is not None and _clip(epochs, known.end) != known.settled:
            known = None  # something came, or went, before the last mission
        missions = list(known.missions[:-1]) if known is not None else []
        tell = PauseTeller(self._database, epochs)
        points: list[Point] = []
        for part in self._read_from(epochs, known.end if known is not None else None):
            points += part
            *ended, last = split_passes(points, tell)
            missions += [_summarize(who, points[one.start : one.stop], tell) for one in ended]
            points = points[last.start :]  # the last mission may go on
        end = (points[0].epoch, points[0].seq) if points else ("", 0)
        if points:
            missions.append(_summarize(who, points, tell))
        return _Read(tuple(missions), _clip(epochs, end), end, _clip(epochs, None))

    def _read_from(
        self, epochs: Sequence[StoredEpoch], begin: tuple[str, int] | None
    ) -> Iterator[list[Point]]:
        """Yield the verdicts of all epochs, or from an epoch and number on."""
        is_beyond = begin is None
        for one in epochs:
            if begin is not None and one.name == begin[0]:
                is_beyond = True
                yield from iter_points(self._database, one, begin[1])
            elif is_beyond:
                yield from iter_points(self._database, one)


def _clip(epochs: Sequence[StoredEpoch], end: tuple[str, int] | None) -> _Settled:
    """Return the received numbers before ``end``; all of them without."""
    found = []
    for one in epochs:
        is_last = end is not None and one.name == end[0]
        ranges = one.ranges
        if is_last and end is not None:
            ranges = tuple((low, min(high, end[1] - 1)) for low, high in ranges if low < end[1])
        found.append((one.key, one.first_seq if not is_last else 0, ranges))
        if is_last:
            break
    return tuple(found)


def _summarize(who: tuple[str, str], points: Sequence[Point], tell: PauseTeller) -> AssetMission:
    site, robot = who
    first, last = points[0], points[-1]
    places = [point.distance_m for point in points if point.distance_m is not None]
    judged = [point.distance_m for point in points if point.is_judged and point.distance_m is not None]
    beats = [beat for beat in (tell.beat(first), tell.beat(last)) if beat is not None]
    bundles = dict.fromkeys(f"{beat.bundle.name} {beat.bundle.version}" for beat in beats)
    return AssetMission(
        id=f"{robot}:{first.epoch}:m{first.seq}",
        site=site,
        robot=robot,
        asset=first.asset,
        spans=list_spans(points),
        began_at=from_us(first.observed_us),
        ended_at=from_us(last.observed_us),
        from_m=min(places, default=None),
        to_m=max(places, default=None),
        verdicts=len(points),
        judged=sum(point.is_judged for point in points),
        corroded=sum(point.is_corroded for point in points),
        coverage=compute_coverage(places, judged),
        bundles=tuple(bundles),
    )


def _named(mission: AssetMission, names: Sequence[tuple[str, int, str]]) -> AssetMission:
    """Return the mission with the name that was given last to one of its verdicts."""
    given = [name for epoch, seq, name in names if mission.holds(epoch, seq)]
    return replace(mission, name=given[-1]) if given else mission
