"""Matching what is stored, by any number of processes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np

from edge_node.control_room.history.defects import matcher, sightings
from edge_node.control_room.history.defects.defect_book import DefectBook
from edge_node.control_room.history.history import History
from tests.support.defect_worlds import PassOf, TruePlace, look, store

if TYPE_CHECKING:
    from pathlib import Path


def test_two_rooms_on_one_history_match_it_once(walked: History, tmp_path: Path) -> None:
    """At the same time: each finding has one defect, and each defect is there once."""
    places = [TruePlace(1.0, 300), TruePlace(1.3, 900), TruePlace(4.2, 500)]
    store(walked, look(places, PassOf(1, scale=1.05, wrong_kinds=0.0), np.random.default_rng(1)))
    with closing(History(tmp_path)) as other, ThreadPoolExecutor(2) as threads:
        works = [threads.submit(matcher.catch_up, one.database) for one in (walked, other)]
        changed = set().union(*(work.result() for work in works))
    found = DefectBook(walked.database).defects()
    assert {one.key for one in found} == changed
    assert [(one.sightings, one.passes) for one in found] == [(2, 2)] * 3
    assert matcher.catch_up(walked.database) == set()


def test_an_asset_that_changes_meanwhile_is_matched_again(walked: History) -> None:
    """What was computed of the state before is not written."""
    sightings.take_findings(walked.database, 9)
    sightings.raise_version(walked.database, [("quay", "pipe L-7")])
    assert len(matcher.match_stored(walked.database, ("quay", "pipe L-7"), 1)) == 3
    assert matcher.match_stored(walked.database, ("quay", "pipe L-8"), 1) == set()
