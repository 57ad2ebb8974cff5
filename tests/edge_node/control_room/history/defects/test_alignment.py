"""The alignment of a pass with the places that are known."""

from __future__ import annotations

import numpy as np
import pytest

from edge_node.control_room.history.defects.alignment import align
from edge_node.control_room.history.defects.spots import Anchor, Look, Spot

NOTHING = Look()


def spots(*places: float, forced: frozenset[int] | None = None) -> list[Spot]:
    """Places of a pass."""
    return [Spot((number,), at_m, NOTHING, forced) for number, at_m in enumerate(sorted(places))]


def anchors(*places: float) -> list[Anchor]:
    """Known places."""
    return [Anchor(number, at_m, NOTHING) for number, at_m in enumerate(sorted(places))]


PAIRS = [at_m for begin in (2.0, 7.5, 11.1, 19.0, 28.2, 33.3, 41.9, 50.5) for at_m in (begin, begin + 0.3)]


@pytest.mark.parametrize("is_descending", [False, True])
def test_a_drift_of_ten_neighbours_confuses_none(is_descending: bool) -> None:
    """At 50 m the distances are 2.5 m apart, the neighbours 0.3 m."""
    drifted = [59.0 - (59.0 - at_m) * 1.05 if is_descending else at_m * 1.05 for at_m in PAIRS]
    found = align(spots(*drifted), anchors(*PAIRS), None, is_descending=is_descending).probability
    assert found.argmax(axis=1).tolist() == list(range(len(PAIRS)))
    assert found.diagonal().min() > 0.95


def test_what_is_missing_and_what_is_new_shifts_nothing() -> None:
    """One of a pair that was repaired, one that came between: the others stay what they are."""
    seen = [at_m * 0.97 for at_m in PAIRS if at_m not in (7.5, 33.6)] + [24.0 * 0.97]
    found = align(spots(*seen), anchors(*PAIRS), 0.05).probability
    wanted = [at_m for at_m in sorted([*PAIRS, 24.0]) if at_m not in (7.5, 33.6)]
    for row, at_m in zip(found, wanted, strict=True):
        if at_m == 24.0:
            assert row.sum() < 0.1
        else:
            assert row[sorted(PAIRS).index(at_m)] > 0.9


def test_a_new_place_is_not_taken_for_a_repaired_one_nearby() -> None:
    """Though both look alike and nothing else is near: what is known on both sides fits to centimetres."""
    look = Look(material="steel", form="general", severity="mid", area_mm2=300.0)
    known = [
        Anchor(number, at_m, look) for number, at_m in enumerate((1.0, 1.3, 2.3, 4.0, 5.0, 6.1, 7.7, 8.0))
    ]
    seen = [
        Spot((number,), at_m, look) for number, at_m in enumerate((1.0, 1.3, 2.3, 3.2, 5.0, 6.1, 7.7, 8.0))
    ]
    assert align(seen, known, None).probability[3].sum() < 0.15


def test_one_place_far_out_is_a_guess_and_says_so() -> None:
    """Alone at 40 m it may be either of two neighbours: none of them is sure."""
    found = align(spots(40.2), anchors(39.9, 40.2, 40.5), None).probability[0]
    assert found.max() < 0.7
    assert found.sum() > 0.7


def test_positions_as_exact_as_stated_are_told_apart_no_further() -> None:
    """Independent errors of half a metre make neighbours 0.3 m apart undecidable."""
    rng = np.random.default_rng(1)
    seen = [at_m + float(rng.normal(0, 0.5)) for at_m in PAIRS]
    found = align(spots(*seen), anchors(*PAIRS), 0.5).probability
    assert np.median(found.max(axis=1)) < 0.8


def test_what_a_person_decided_is_what_it_is() -> None:
    """However far away it is."""
    found = align(spots(9.0, forced=frozenset({1})), anchors(2.0, 7.5), None).probability[0]
    assert found[1] > 0.99


def test_nothing_seen_or_nothing_known_gives_an_empty_answer() -> None:
    """The first pass, and one without a finding."""
    assert align(spots(1.0), [], None).probability.shape == (1, 0)
    assert align([], anchors(1.0), None).probability.shape == (0, 1)


def test_a_long_pass_is_aligned_in_parts_and_a_flood_not_at_all() -> None:
    """110 places are found; of 4,000 nothing is said, in no time."""
    rng = np.random.default_rng(3)
    places = np.cumsum(rng.uniform(0.3, 1.5, 110)).tolist()
    found = align(spots(*(at_m * 1.04 for at_m in places)), anchors(*places), None).probability
    assert (found.argmax(axis=1) == np.arange(110)).mean() > 0.98
    flood = np.linspace(0, 40, 4000).tolist()
    assert align(spots(*flood), anchors(*places), None).probability.sum() == 0.0
