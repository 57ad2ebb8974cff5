"""From metres to pixels of a drawing, and what has no pixel."""

import msgspec
import pytest

from edge_node.control_room.history.drawings.placement import (
    DrawingError,
    Placement,
    check_placement,
    locate,
    trace,
)


def placed(**given):
    """Return a placement as a person posts it."""
    return msgspec.convert(given, Placement)


def path(*points):
    """Return a path of (x, y, metres)."""
    return placed(kind="path", points=[{"x_px": x, "y_px": y, "distance_m": m} for x, y, m in points])


def two(*points, y_up=True):
    """Return a placement by (x, y, x in metres, y in metres)."""
    named = [{"x_px": x, "y_px": y, "x_m": a, "y_m": b} for x, y, a, b in points]
    return placed(kind="points", points=named, y_up=y_up)


L_SHAPE = path((0, 0, 0), (100, 0, 10), (100, 50, 20))


@pytest.mark.parametrize(
    ("distance_m", "spot"),
    [(0, (0, 0)), (5, (50, 0)), (10, (100, 0)), (15, (100, 25)), (20, (100, 50)), (-0.1, None), (20.1, None)],
)
def test_a_path_leads_from_metres_to_pixels(distance_m, spot):
    """Between two points the distance is shared out; before and behind the path there is no place."""
    found = locate(L_SHAPE, distance_m=distance_m)
    assert found == (None if spot is None else pytest.approx(spot))
    falling = path((100, 50, 0), (100, 0, 10), (0, 0, 20))
    assert locate(falling, distance_m=20 - distance_m) == found


def test_a_path_places_no_coordinates_and_a_scale_no_distances():
    """What a robot does not tell in the drawing's way is not guessed."""
    assert locate(L_SHAPE, x_m=1.0, y_m=1.0) is None
    scale = placed(kind="scale", metres_per_px=0.1, origin_x_px=10, origin_y_px=90)
    assert locate(scale, distance_m=5.0) is None
    assert locate(scale, x_m=5.0) is None


def test_a_scale_knows_where_y_grows():
    """With y upwards a place further up has a smaller pixel row; with y downwards a larger one."""
    given = {"kind": "scale", "metres_per_px": 0.1, "origin_x_px": 10, "origin_y_px": 90}
    assert locate(placed(**given), x_m=2.0, y_m=3.0) == pytest.approx((30, 60))
    assert locate(placed(**given, y_up=False), x_m=2.0, y_m=3.0) == pytest.approx((30, 120))


@pytest.mark.parametrize("y_up", [True, False])
def test_two_points_give_scale_and_rotation(y_up):
    """A plan that is turned by a quarter and drawn 10 px to the metre puts other places where they belong."""
    turned = two((100, 100, 0, 0), (100, 90 if y_up else 110, 1, 0), y_up=y_up)
    assert locate(turned, x_m=0, y_m=0) == pytest.approx((100, 100))
    assert locate(turned, x_m=0, y_m=2) == pytest.approx((80, 100))
    assert locate(turned, x_m=3, y_m=0) == pytest.approx((100, 70 if y_up else 130))


def test_a_finding_reaches_along_the_path():
    """The line of a stretch goes round the bend, is cut at the path's ends, and is empty beyond them."""
    assert trace(L_SHAPE, 8, 12) == ((80, 0), (100, 0), (100, 10))
    assert trace(L_SHAPE, 19, 30) == ((100, 45), (100, 50))
    assert trace(L_SHAPE, 21, 30) == ()
    assert trace(two((0, 0, 0, 0), (9, 0, 1, 0)), 0, 1) == ()


@pytest.mark.parametrize(
    ("placement", "said"),
    [
        (path((0, 0, 0), (201, 0, 10)), "point 2 at 201, 0 px lies beyond the drawing of 200 by 100 px"),
        (path((0, 0, 0), (9, 0, 10), (9, 9, 5)), "point 2 has 10 m, point 3 5 m"),
        (path((0, 0, 3), (9, 0, 3)), "point 1 has 3 m, point 2 3 m"),
        (two((5, 5, 0, 0), (5, 5, 1, 1)), "the same pixel"),
        (two((5, 5, 1, 1), (9, 5, 1, 1)), "the same coordinates"),
    ],
)
def test_a_placement_that_contradicts_itself_is_refused(placement, said):
    """Points beyond the picture, distances that turn back and equal points are told with their numbers."""
    with pytest.raises(DrawingError, match=said):
        check_placement(placement, 200, 100)
