"""Run the control room's demonstration for an hour of its own, faster, and hold it against the truth.

``python -m tests.benchmarks.demo_hour [--minutes 60] [--speed 6]``. The robots crawl faster than in the demo;
all else is the same: real daemons, broker, control room. Printed: for each pipe how many places were judged,
and how many were judged two ways while they looked the same; findings against defects; pages of the report;
processor time for a second of the demo.
"""

from __future__ import annotations

import argparse
import re
import resource
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from edge_node.control_room.history.defects.defect_book import DefectBook
from edge_node.control_room.history.defects.records import DefectFilter
from edge_node.control_room.history.history import History
from edge_node.control_room.history.records import VerdictFilter
from edge_node.demo.broker import embedded_broker
from edge_node.demo.crawlers import CRAWLERS, SITE, run_crawlers
from edge_node.demo.pipe import GRID_M, TILE_M
from tests.support.control_room import ControlRoom

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edge_node.demo.crawlers import Crawler
    from edge_node.messages.verdict import Verdict

_SEEN_M = 0.2  # half of what the camera sees


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it, look, print; the exit code is 1 if a place had two truths."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0, help="of the demo (default: 60)")
    parser.add_argument("--speed", type=float, default=6.0, help="how much faster (default: 6)")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with embedded_broker(folder) as port, ControlRoom(folder, port) as room:
            with run_crawlers(folder, port, speed=given.speed):
                time.sleep(60 * given.minutes / given.speed)
            time.sleep(3)  # what the robots sent last
            pages = [_count_pages(room, crawler) for crawler in CRAWLERS]
        doubtful = 0
        history = History(folder / "room", read_only=True)
        for crawler, count in zip(CRAWLERS, pages, strict=True):
            doubtful += _report(history, crawler, count)
        history.close()
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    own, others = (one.ru_utime + one.ru_stime for one in used)
    seconds = 60 * given.minutes
    print(
        f"processor: {own / seconds:.3f} s cameras, {others / seconds:.3f} s robots and room, for each second"
    )
    return 1 if doubtful else 0


def _report(history: History, crawler: Crawler, pages: int) -> int:
    """Print what one robot saw; return how many places were judged two ways while they looked the same."""
    only = VerdictFilter(site=SITE, robot=crawler.robot)
    verdicts = [one.verdict for one in history.verdicts(only, limit=100_000, oldest_first=True)]
    seen: dict[tuple[object, ...], Counter[str]] = defaultdict(Counter)
    passes = 0
    for verdict, number in _number_passes(verdicts, crawler):
        distance_m = round(verdict.pose.distance_m / GRID_M) * GRID_M if verdict.pose else 0.0
        seen[_look(crawler, distance_m, number)][verdict.outcome.value] += 1
        passes = number + 1
    doubtful = sum(len(outcomes) > 1 for outcomes in seen.values())
    places = len({look[0] for look in seen})
    findings = sum(f.finding.robot == crawler.robot for f in history.findings(limit=10_000))
    defects = DefectBook(history.database).defects(DefectFilter(site=SITE, asset=crawler.pipe.asset))
    states = Counter(defect.state.value for defect in defects)
    print(
        f"{crawler.pipe.asset}: {passes} passes, {len(verdicts)} verdicts at {places} places;"
        f" {len(seen)} looks, {doubtful} of them judged two ways;"
        f" {findings} findings, {len(defects)} defects of {len(crawler.pipe.spots)} spots"
        f" ({', '.join(f'{many} {state}' for state, many in states.items())}); report of {pages} pages"
    )
    for look, outcomes in seen.items():
        if len(outcomes) > 1:
            print(f"  {look[0]:.2f} m: {dict(outcomes)}")
    return doubtful


def _number_passes(verdicts: list[Verdict], crawler: Crawler) -> Iterator[tuple[Verdict, int]]:
    """Yield each verdict with the number of its pass: one ends where the crawler stands at the end."""
    number, stands = 0, False
    for verdict in verdicts:
        if verdict.pose is None or verdict.pose.distance_m is None:
            continue
        goal_m = crawler.pipe.length_m if number % 2 == 0 else 0.0
        is_there = abs(verdict.pose.distance_m - goal_m) < 1.0
        if stands and not is_there:
            number += 1
            goal_m = crawler.pipe.length_m - goal_m
            is_there = False
        stands = is_there
        yield verdict, number


def _look(crawler: Crawler, distance_m: float, number: int) -> tuple[object, ...]:
    """Return a place with what is seen there on a pass: the same look has the same truth."""
    pipe = crawler.pipe
    spots = [
        (spot.tile, spot.hours(number))
        for spot in pipe.spots
        if spot.tile * TILE_M - _SEEN_M <= distance_m <= (spot.tile + 1) * TILE_M + _SEEN_M
    ]
    is_dark = False
    if pipe.lamp_off is not None:
        first_m, last_m, dark_pass = pipe.lamp_off
        is_dark = number == dark_pass and first_m <= distance_m <= last_m
    return (round(distance_m, 2), tuple(spots), is_dark)


def _count_pages(room: ControlRoom, crawler: Crawler) -> int:
    _, _, pdf = room.request(f"/api/report.pdf?site={SITE}&robot={crawler.robot}")
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


if __name__ == "__main__":
    sys.exit(main())
