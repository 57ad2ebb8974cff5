"""What a summary knows of a place."""

from __future__ import annotations

from tests.support.sightings import sighting


def test_a_summary_tells_whether_it_has_a_place() -> None:
    """A distance, or a coordinate of which the others are taken as 0."""
    assert sighting(1, 3.0).summary.has_place
    assert not sighting(1, None).summary.has_place
    assert sighting(1, None, z_m=2.0).summary.in_space == (0.0, 0.0, 2.0)
