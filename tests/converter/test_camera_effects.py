"""Pictures as worse cameras and worse light take them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from converter import camera_effects as effects


def _values(height=48, width=64):
    noise = np.random.default_rng(3).random((height, width, 3)).astype(np.float32)
    return cv2.GaussianBlur(noise, (0, 0), 2)


def test_pixels_and_values_are_the_same_picture():
    """To values and back changes no pixel; what lies beyond white is cut off, not wrapped round."""
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    np.testing.assert_array_equal(effects.as_pixels(effects.as_values(pixels)), pixels)
    assert effects.as_pixels(np.full((1, 1, 3), 1.7, np.float32)).min() == 255


def test_no_colour_leaves_brightness():
    """A picture without colour has equal channels, as bright as OpenCV's own grey."""
    grey = effects.remove_colour(_values())
    assert np.ptp(grey, axis=2).max() == 0
    np.testing.assert_allclose(grey[..., 0], cv2.cvtColor(_values(), cv2.COLOR_BGR2GRAY), atol=1e-3)


@pytest.mark.parametrize(("warmth", "green"), [(0.4, 0.0), (-0.4, 0.0), (0.0, 0.3)])
def test_a_cast_tints_and_keeps_brightness(warmth, green):
    """Warm is redder and less blue, cold the reverse, green greener; grey stays about as bright."""
    blue, green_seen, red = effects.cast_colour(np.full((2, 2, 3), 0.4, np.float32), warmth, green)[0, 0]
    assert np.sign(red - blue) == np.sign(warmth)
    assert green_seen > max(blue, red) or not green
    assert 0.114 * blue + 0.587 * green_seen + 0.299 * red == pytest.approx(0.4, abs=0.01)


def test_three_stops_leave_an_eighth_of_the_light():
    """Through the tone curve of 2.2, three stops less light is an eighth; brightness beyond white is lost."""
    dark = effects.darken(np.full((1, 1, 3), 0.8, np.float32), 3)
    assert float((dark**2.2)[0, 0, 0]) == pytest.approx(0.8**2.2 / 8, rel=0.01)
    assert effects.darken(np.full((1, 1, 3), 0.8, np.float32), -3).max() == 1


def test_glare_is_white_where_it_is_and_nothing_far_away():
    """The middle of the spot is white, the opposite corner is as it was."""
    lit = effects.add_glare(_values(), (0.25, 0.25), 0.1)
    assert lit[12, 16].min() > 0.95
    np.testing.assert_allclose(lit[-1, -1], _values()[-1, -1], atol=1e-4)


def test_a_torch_lights_its_middle_alone():
    """The middle stays, the corners lose most of their light."""
    lit = effects.shine_torch(np.full((48, 64, 3), 0.8, np.float32), (0.5, 0.5), 0.4, 4)
    assert lit[24, 32, 0] > 0.79
    assert lit[0, 0, 0] < 0.4


def test_motion_smears_along_its_direction():
    """A point becomes a line of the given length across, as bright in all, and no wider down."""
    point = np.zeros((33, 33, 3), np.float32)
    point[16, 16] = 1
    smeared = effects.blur_by_motion(point, 9, 0.0)[..., 0]
    assert (smeared[16] > 0).sum() == 9
    assert (smeared[:, 16] > 0).sum() == 1
    assert smeared.sum() == pytest.approx(1, abs=1e-4)


def test_coarsening_keeps_the_size_and_takes_the_detail():
    """Fine stripes become even; the picture has its size still."""
    stripes = np.tile(np.array([0, 1], np.float32), (64, 32))[..., None].repeat(3, axis=2)
    assert effects.coarsen(stripes, 8).shape == stripes.shape
    assert effects.coarsen(stripes, 8).std() < 0.05


def test_noise_is_that_of_its_state_and_as_strong_as_asked():
    """Ten grey levels are ten grey levels, and one state gives one noise."""
    flat = np.full((64, 64, 3), 0.5, np.float32)
    first, again = (effects.add_noise(flat, 10, np.random.default_rng(1)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert (first - flat).std() * 255 == pytest.approx(10, rel=0.05)


def test_worse_jpeg_is_worse():
    """Quality 10 is farther from the picture than 90; blur takes detail too."""
    pixels = effects.as_pixels(_values())
    far, near = (np.abs(effects.compress(pixels, q).astype(int) - pixels).mean() for q in (10, 90))
    assert far > 2 * near
    assert effects.blur(_values(), 3).std() < _values().std()
