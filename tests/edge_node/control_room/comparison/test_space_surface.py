"""What a mission saw around a place in space."""

from __future__ import annotations

from edge_node.control_room.comparison.space_surface import SpacePoint, SpaceSurface
from edge_node.control_room.comparison.surface import Look


def along(*, judged: bool = True, corroded_m: float = 99.0) -> SpaceSurface:
    """Frames each 5 cm along x for two metres, three of them corroded."""
    places = [step * 0.05 for step in range(40)]
    return SpaceSurface([SpacePoint((x_m, 0.0, 0.0), judged, abs(x_m - corroded_m) < 0.06) for x_m in places])


def test_a_place_is_uncorroded_only_where_frames_beside_it_were_judged():
    """Not reached, not judged, corroded in too few frames, or corroded for a neighbour's sake."""
    place = (1.0, 0.1, 0.0)
    assert along().look(place, 0.2) is Look.UNCORRODED
    assert along().look((1.0, 3.0, 0.0), 0.2) is Look.NOT_REACHED
    assert along().look((1.0, 0.3, 0.0), 0.2) is Look.NOT_JUDGED
    assert along(judged=False).look(place, 0.2) is Look.NOT_JUDGED
    assert along(corroded_m=1.0).look(place, 0.2) is Look.CORRODED
    assert along(corroded_m=1.15).look(place, 0.2, [((1.15, 0.0, 0.0), 0.06)]) is Look.UNCORRODED
    assert SpaceSurface([]).look(place, 0.2) is Look.NO_PLACE
