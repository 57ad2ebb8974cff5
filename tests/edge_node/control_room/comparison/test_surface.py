"""What a mission saw of a stretch where it found nothing."""

from __future__ import annotations

import pytest

from edge_node.control_room.comparison.surface import Look, Stretch, Surface
from edge_node.control_room.history.missions.mission import Point

PLACE = Stretch(4.9, 5.1)


def surface(told, begin=0.0, end=10.0, step=0.05):
    """A pass; ``told`` says of each place: U uncorroded, C corroded, X not judged, or nothing: no frame."""
    points = []
    for at in range(round((end - begin) / step) + 1):
        place = begin + at * step
        if word := told(place):
            points.append(Point("a", at + 1, at, "pipe", place, word in "UC", word == "C"))
    return Surface(points)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (lambda _: "U", Look.UNCORRODED),
        (lambda at: "X" if 4.5 < at < 5.5 else "U", Look.NOT_JUDGED),
        (lambda at: "X" if 4.88 < at < 5.12 else "U", Look.NOT_JUDGED),  # the place alone
        (lambda at: "X" if 5.0 < at < 5.6 else "U", Look.NOT_JUDGED),  # half of it
        (lambda at: "" if 4.5 < at < 5.5 else "U", Look.NOT_JUDGED),  # passed over
        (lambda at: "C" if 4.98 < at < 5.02 else "U", Look.CORRODED),  # one frame, no finding
        (lambda at: "U" if at < 4.0 else "", Look.NOT_REACHED),
        (lambda at: "U" if at > 6.0 else "", Look.NOT_REACHED),
        (lambda at: "XU"[round(at * 20) % 2], Look.UNCORRODED),  # every other frame is good
        (lambda _: "X", Look.NOT_JUDGED),
        (lambda _: "", Look.NO_PLACE),
    ],
)
def test_only_what_was_judged_all_along_is_uncorroded(told, expected):
    """Dark, passed over, not reached or doubtful is never taken for gone."""
    assert surface(told).look(PLACE, 0.05) is expected


def test_a_place_that_is_not_sure_must_be_judged_all_around():
    """With a tolerance of a metre a dark stretch nearby may be it."""
    seen = surface(lambda at: "X" if 5.6 < at < 5.9 else "U")
    assert seen.look(PLACE, 0.05) is Look.UNCORRODED
    assert seen.look(PLACE, 1.0) is Look.NOT_JUDGED


def test_what_is_corroded_nearby_and_another_defects_own_does_not_count():
    """A neighbour 0.3 m away is no corrosion of the place itself."""
    seen = surface(lambda at: "C" if 5.29 < at < 5.41 else "U")
    neighbour = Stretch(5.3, 5.4)
    assert seen.look(PLACE, 0.3) is Look.CORRODED
    assert seen.look(PLACE, 0.3, [neighbour]) is Look.UNCORRODED


def test_without_a_place_nothing_is_known():
    """No guess."""
    assert surface(lambda _: "U").look(None, 0.1) is Look.NO_PLACE


def test_cells_are_counted_in_metres_of_the_asset():
    """An odometer that counts five percent too much is taken back; cells of both missions are the same."""
    seen = surface(lambda at: "C" if at > 9 else "U", end=10.5)
    cells = seen.aligned_cells(1.0, lambda own_m: own_m / 1.05)
    assert [cell.start for cell in cells] == [float(at) for at in range(11)]
    assert sum(cell.judged for cell in cells) == len(seen) == 211
    assert cells[9].corroded > 0
    assert len(seen.cells(5)) <= 6
