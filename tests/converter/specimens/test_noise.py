"""Random fields of rendered specimens: repeatable, and with the mean, range and size that they promise."""

from __future__ import annotations

import numpy as np
import pytest

from converter.specimens.noise import blur, cells, displace, fractal, rank_values, slopes, step, streaks

SHAPE = (60, 80)


def rng(seed: int = 1) -> np.random.Generator:
    """Return a generator of this seed."""
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    "make", [lambda r: fractal(r, SHAPE, 20.0, 4), lambda r: streaks(r, SHAPE, 30.0, 4.0)], ids=["a", "b"]
)
def test_a_field_follows_from_its_generator(make) -> None:
    """Same seed same bytes, another seed another field; float32 of the shape that was asked for."""
    first, second, other = make(rng()), make(rng()), make(rng(2))
    assert (first.shape, first.dtype) == (SHAPE, np.float32)
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_each_point_of_a_cell_is_nearest_to_the_cells_own_point() -> None:
    """Distances are Euclidean, so that pits are round."""
    found = cells(rng(), SHAPE, 12)
    assert 1 <= found.count <= 12
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    every = np.hypot(rows[..., None] - found.rows, columns[..., None] - found.columns)
    own = np.take_along_axis(every, found.number[..., None], axis=-1)[..., 0]
    np.testing.assert_allclose(found.distance, own, atol=1e-3)
    assert np.mean(own <= every.min(axis=-1) + 1.0) > 0.99  # OpenCV's mask of 5 x 5 decides at the borders
    values = np.arange(found.count, dtype=np.float64)
    np.testing.assert_array_equal(found.of_points(values), found.number)


def test_a_step_is_0_below_1_above_and_a_half_in_the_middle() -> None:
    """And it never falls."""
    ramp = np.linspace(-1, 3, 101, dtype=np.float32)[None]
    found = step(ramp, 0.0, 2.0)
    assert (found[ramp <= 0] == 0).all()
    assert (found[ramp >= 2] == 1).all()
    assert found[0, 50] == pytest.approx(0.5, abs=1e-6)
    assert (np.diff(found[0]) >= 0).all()


def test_the_slopes_of_a_plane_are_its_own() -> None:
    """In px per px, along x and along y."""
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
    along_x, along_y = slopes(2 * columns - 3 * rows)
    np.testing.assert_allclose(along_x[1:-1, 1:-1], 2.0, atol=1e-4)
    np.testing.assert_allclose(along_y[1:-1, 1:-1], -3.0, atol=1e-4)


def test_ranks_are_the_share_that_lies_above() -> None:
    """The highest point has about 0, the mean is one half whatever the values are."""
    field = np.exp(3 * fractal(rng(), SHAPE, 10.0, 3))
    ranks = rank_values(field)
    assert ranks.ravel()[field.argmax()] < 0.001
    assert ranks.mean() == pytest.approx(0.5, abs=0.01)
    np.testing.assert_array_equal(rank_values(field, lambda share: share * 2), ranks * 2)


@pytest.mark.parametrize("sigma_px", [1.5, 12.0])
def test_a_blur_keeps_the_mean_and_takes_the_contrast(sigma_px) -> None:
    """Wide ones are computed on a reduced copy."""
    field = rng().random(SHAPE, dtype=np.float32)
    found = blur(field, sigma_px)
    assert found.shape == SHAPE
    assert found.mean() == pytest.approx(field.mean(), abs=0.02)
    assert found.std() < field.std() / 3


def test_a_field_is_read_at_the_points_that_it_is_moved_by() -> None:
    """Two px to the right is what was two px further."""
    field = rng().random(SHAPE, dtype=np.float32)
    two, none = np.full(SHAPE, 2, np.float32), np.zeros(SHAPE, np.float32)
    np.testing.assert_allclose(displace(field, two, none)[:, :-2], field[:, 2:], atol=1e-6)
