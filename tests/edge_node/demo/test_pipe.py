"""The demonstration's pipes: what is seen belongs to the place and the pass."""

import numpy as np
import pytest

from edge_node.demo.pipe import HEIGHT_PX, PIPE_L7, PIPE_L9, TILES, WIDTH_PX, Spot


@pytest.mark.parametrize("pipe", [PIPE_L7, PIPE_L9])
def test_every_age_of_a_spot_has_its_picture(pipe):
    """No pass of an hour asks for a picture that is not shipped, from one end of the pipe to the other."""
    for pass_number in range(0, 40, 3):
        for distance_m in np.arange(0, pipe.length_m + 0.01, 0.8):
            picture = pipe.picture(float(distance_m), pass_number)
            assert (picture.shape, picture.dtype) == ((HEIGHT_PX, WIDTH_PX, 3), np.uint8)


def test_a_place_looks_the_same_until_its_spot_grows():
    """The second pass sees bare pipe and a stable spot bit by bit the same, and a growing one otherwise."""
    for distance_m, is_equal in ((14.0, True), (3.0, True), (10.0, False)):
        one, other = PIPE_L7.picture(distance_m, 0), PIPE_L7.picture(distance_m, 1)
        assert np.array_equal(one, other) is is_equal


def test_pictures_overlap_as_the_camera_moves():
    """A picture 5 cm further shows the last one's right part, 80 px to the left."""
    one, other = PIPE_L7.picture(10.0, 0), PIPE_L7.picture(10.05, 0)
    assert np.array_equal(one[:, 80:], other[:, :-80])


def test_spots_appear_and_are_repaired():
    """A spot has no corrosion before it appears, and none once it is repaired."""
    spot = Spot(3, ((2, 25), (5, 60), (7, 0)))
    assert [spot.hours(number) for number in range(9)] == [0, 0, 25, 25, 25, 60, 60, 0, 0]


def test_the_lamp_fails_on_one_pass_alone():
    """Where the lamp is off nothing can be judged: on that pass and stretch, nowhere else."""
    dark = [PIPE_L7.picture(14.0, number).mean() < 10 for number in range(4)]
    assert dark == [False, False, True, False]
    assert PIPE_L7.picture(16.0, 2).mean() > 30
    assert all((TILES / name).is_file() for name in ("steel-a-0.jpg", "aluminium-a-0.jpg"))
