"""Which sightings are of one pass."""

from __future__ import annotations

from datetime import timedelta

from edge_node.control_room.history.defects.passes import split_passes
from tests.support.sightings import BEGIN, sighting


def split(*sightings) -> list[tuple[list[int], bool]]:
    """Keys and direction of each pass."""
    found = split_passes(sightings)
    return [([one.key for one in run.sightings], run.is_descending) for run in found]


def test_there_and_back_are_two_passes() -> None:
    """Neighbours that noise swaps turn nothing; the robot that comes back does, at its farthest place."""
    there = [sighting(key, at_m) for key, at_m in enumerate((1.0, 3.0, 2.9, 8.0, 12.0), 1)]
    back = [sighting(key, at_m) for key, at_m in enumerate((11.9, 8.1, 3.1, 0.9), 6)]
    (up, is_up), (down, is_down) = split(*there, *back)
    assert set(up) | set(down) == set(range(1, 10))
    assert {1, 2, 3, 4, 5} <= set(up)
    assert {7, 8, 9} <= set(down)
    assert (is_up, is_down) == (False, True)


def test_a_robot_that_begins_again_begins_a_pass() -> None:
    """In the same run of the node, or in another."""
    first = [sighting(key, at_m) for key, at_m in enumerate((1.0, 9.0), 1)]
    again = [sighting(key, at_m) for key, at_m in enumerate((1.1, 9.1), 3)]
    assert [keys for keys, _ in split(*first, *again)] == [[1, 2], [3, 4]]
    other = [sighting(key, at_m, epoch="e2") for key, at_m in enumerate((1.1, 9.1), 3)]
    assert [keys for keys, _ in split(*first, *other)] == [[1, 2], [3, 4]]


def test_a_node_that_starts_again_on_the_way_goes_on_with_its_pass() -> None:
    """Soon, and further along; a day later it is another pass."""
    before = [sighting(key, at_m) for key, at_m in enumerate((1.0, 9.0), 1)]
    after = sighting(3, 12.0, epoch="e2")
    late = sighting(3, 12.0, epoch="e2", at=BEGIN + timedelta(days=1))
    assert [keys for keys, _ in split(*before, after)] == [[1, 2, 3]]
    assert [keys for keys, _ in split(*before, late)] == [[1, 2], [3]]


def test_robots_have_passes_of_their_own_whatever_their_clocks_say() -> None:
    """By epoch and number; a clock that is set on the way splits nothing."""
    mine = [sighting(1, 1.0), sighting(3, 5.0, at=BEGIN - timedelta(days=9000))]
    theirs = [sighting(2, 1.0, robot="crawler-2")]
    assert [keys for keys, _ in split(*mine, *theirs)] == [[1, 3], [2]]
