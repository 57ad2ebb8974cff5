"""Matte surfaces and lines for pictures of no metal."""

from __future__ import annotations

import numpy as np

from converter.specimens.matte import choose_colour, draw_line, jitter_colour, make_matte, tone_colours
from converter.specimens.plate import linear


def test_a_matte_surface_mirrors_nothing_and_is_not_corroded() -> None:
    """Its reflectance is kept where a camera can see it: never quite black or white."""
    reflectance = np.stack([np.array([[-1.0, 0.5, 2.0]], np.float32)] * 3, axis=-1)
    plate = make_matte(reflectance, np.zeros((1, 3), np.float32), 2.0)
    np.testing.assert_allclose(plate.reflectance[0, :, 0], [0.004, 0.5, 0.95])
    assert not plate.metal.any()
    assert not plate.coverage.any()
    assert not plate.weakness.any()


def test_a_tone_makes_one_colour_lighter_and_darker() -> None:
    """Each channel by the same factor."""
    tone = np.array([[0.5, 1.0, 2.0]], np.float32)
    np.testing.assert_allclose(tone_colours(linear(200, 100, 50), tone)[0, 2], 2 * linear(200, 100, 50))


def test_a_random_colour_is_near_one_of_its_palette() -> None:
    """Repeatable, and on the mean the colour itself."""
    rng = np.random.default_rng(0)
    near = np.mean([jitter_colour(rng, 200, 100, 50) for _ in range(400)], axis=0)
    np.testing.assert_allclose(near, linear(200, 100, 50), rtol=0.05)
    palette = ((255, 0, 0), (0, 0, 255))
    found = [choose_colour(np.random.default_rng(seed), palette) for seed in (1, 1)]
    np.testing.assert_array_equal(*found)
    assert sum(value > 0.3 for value in found[0]) == 1


def test_a_line_reaches_from_point_to_point() -> None:
    """In its own colour, and nowhere else."""
    picture = np.zeros((20, 30, 3), np.float32)
    draw_line(
        picture, np.array([5.0, 10.0]), np.array([25.0, 10.0]), np.array([0.1, 0.2, 0.3], np.float32), 1
    )
    np.testing.assert_allclose(picture[10, 5:26], np.tile([0.1, 0.2, 0.3], (21, 1)), rtol=1e-5)
    assert not picture[:8].any()
    assert not picture[13:].any()
