"""The defects of a history: matched as findings come, decided of by people."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta, timezone
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edge_node.control_room.history.defects.defect_book import DefectBook
from edge_node.control_room.history.defects.records import DefectFilter, DefectState
from edge_node.control_room.history.history import History
from tests.support.defect_worlds import PassOf, TruePlace, look, make_places, store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PLACES = [
    TruePlace(at_m, area, growth)
    for at_m, area, growth in (
        (1.0, 300, 1.5), (1.3, 900, 0), (4.2, 500, 0), (6.0, 200, 0), (9.1, 700, 0), (9.4, 400, 2.0)
    )
]  # fmt: skip
SCALES = (1.0, 1.05, 0.96)


def pairs(labels: dict) -> set:
    """All pairs of findings with one label."""
    groups: dict = {}
    for finding, label in labels.items():
        groups.setdefault(label, []).append(finding)
    return {pair for found in groups.values() for pair in combinations(sorted(found), 2)}


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    """An empty history."""
    with closing(History(tmp_path)) as opened:
        yield opened


def walk(history: History, number: int, places: list[TruePlace] | None = None, **fields) -> dict:
    """Store a pass; return the true place of each finding."""
    one = PassOf(number, **{"scale": SCALES[number % 3], "wrong_kinds": 0.0, **fields})
    seen = look(places or PLACES, one, np.random.default_rng(number))
    store(history, seen)
    return {("quay", finding.id): index for index, finding in seen.findings}


def test_three_passes_of_forty_places_are_matched(history: History) -> None:
    """With 5 % drift, neighbours 0.3 m apart, places that come, go and are not seen: 95 of 100 at least."""
    rng = np.random.default_rng(11)
    places = make_places(rng, 44)
    book, truth = DefectBook(history.database), {}
    for number, scale in enumerate((1.05, 0.95, 1.02)):
        seen = look(places, PassOf(number, scale=scale), rng)
        store(history, seen)
        truth |= {("quay", finding.id): index for index, finding in seen.findings}
        book.catch_up()
    wanted, found = pairs(truth), pairs(book.of_findings(truth))
    assert len(wanted & found) >= 0.95 * len(found)
    assert len(wanted & found) >= 0.95 * len(wanted)
    growing = {one.key for one in book.defects(DefectFilter(state=DefectState.GROWING))}
    resting = {
        key for finding, key in book.of_findings(truth).items() if not places[truth[finding]].growth_mm2
    }
    assert len(growing & resting) <= 1
    assert len(growing) >= 3
    assert len(book.drifts("quay", "pipe L-7")) == 3
    assert book.drifts("quay", "pipe L-7")[1].scale == pytest.approx(1.05 / 0.95, abs=0.01)


def test_late_twice_or_with_a_wrong_clock_it_is_the_same(history: History) -> None:
    """A second robot, a way back, a clock in 2031, findings that come again: one set of places."""
    book = DefectBook(history.database)
    truth = walk(history, 0) | walk(history, 1, clock_off=timedelta(days=1800))
    truth |= walk(history, 2, robot="crawler-2", is_descending=True)
    assert book.catch_up()
    first = book.of_findings(truth)
    assert pairs(first) == pairs(truth)
    assert book.catch_up() == set()
    walk(history, 1, clock_off=timedelta(days=1800))
    book.match_anew("quay", "pipe L-7")
    assert book.of_findings(truth) == first
    (one,) = {first[finding] for finding, index in truth.items() if index == 0}
    assert [seen.robot for seen in book.observations(one)].count("crawler-2") == 1


def test_what_people_decide_outlives_every_matching(history: History) -> None:
    """Joined, parted, named, not a defect: later passes follow, and a matching anew changes nothing."""
    book = DefectBook(history.database)
    truth = walk(history, 0)
    book.catch_up()
    keys = {truth[finding]: key for finding, key in book.of_findings(truth).items()}
    joined = book.deeds.join(keys[2], [keys[3]], "Ada")
    book.deeds.name(keys[0], "weld 7", "Ada")
    book.deeds.set_state(keys[1], "not_a_defect", "Ada")
    later = walk(history, 1)
    book.catch_up()
    book.match_anew("quay", "pipe L-7")
    found = {later[finding]: key for finding, key in book.of_findings(later).items()}
    assert found[2] == found[3] == joined
    assert (found[0], found[1]) == (keys[0], keys[1])
    assert book.defect(keys[3]) == book.defect(joined)  # its old name still leads to it
    named, ruled_out = book.defect(keys[0]), book.defect(keys[1])
    assert named is not None
    assert named.name == "weld 7"
    assert ruled_out is not None
    assert (ruled_out.state, ruled_out.computed_state) == (DefectState.NOT_A_DEFECT, DefectState.KNOWN)
    ((site, finding_id),) = [name for name, index in later.items() if index == 3]
    parted = book.deeds.part(joined, [(site, finding_id)], "Bob")
    book.match_anew("quay", "pipe L-7")
    assert book.of_findings(later)[site, finding_id] == parted
    assert [(deed.by, deed.action) for deed in book.log(joined)] == [("Bob", "part"), ("Ada", "join")]


def test_what_has_no_asset_or_no_place_is_never_joined_by_itself(history: History) -> None:
    """A person joins it; of two assets nobody does."""
    book = DefectBook(history.database)
    nowhere = (
        walk(history, 0, asset=None) | walk(history, 1, has_pose=False) | walk(history, 2, has_pose=False)
    )
    other = walk(history, 3, asset="pipe L-9")
    book.catch_up()
    assert book.of_findings(nowhere) == {}
    assert len(book.of_findings(other)) == len(PLACES)
    blind = [finding for finding in nowhere if ":e1:" in finding[1] or ":e2:" in finding[1]][::6]
    key = book.deeds.join_findings(blind, "Ada")
    assert set(book.of_findings(blind).values()) == {key}
    assert book.groups()[blind[1]] == f"quay:pipe L-7:{blind[0][1]}"


def test_a_summary_outlives_findings_and_verdicts(history: History) -> None:
    """After the days that the room keeps them, a defect still has its history, and grows on."""
    book = DefectBook(history.database)
    for number in range(3):
        walk(history, number)
    book.catch_up()
    before = book.defects()
    history.trim(
        max_bytes=10**9, max_picture_bytes=10**9, days=1, now=datetime(2031, 1, 1, tzinfo=timezone.utc)
    )
    assert history.findings() == []
    assert book.defects() == before
    assert [one.growth.trend.value for one in before].count("growing") == 2


def test_mutes_end_and_filters_choose(history: History) -> None:
    """By state, by who looks after it, by whether it is muted."""
    book = DefectBook(history.database)
    truth = walk(history, 0)
    book.catch_up()
    one, two = sorted(set(book.of_findings(truth).values()))[:2]
    now = datetime(2026, 6, 1, tzinfo=timezone.utc)
    book.deeds.mute(one, now + timedelta(days=1), "Ada")
    book.deeds.assign(two, "bob", "Ada")
    assert [found.key for found in book.defects(DefectFilter(muted=True), now=now)] == [one]
    assert [found.key for found in book.defects(DefectFilter(assignee="bob"))] == [two]
    assert len(book.defects(DefectFilter(state=DefectState.NEW, asset="pipe L-7"))) == len(PLACES)
    assert len(book.muted_findings(truth, now)) == 1
    assert book.muted_findings(truth, now + timedelta(days=2)) == set()
