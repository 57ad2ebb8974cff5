"""Colours of rust: warm or dark, and another at each site."""

from __future__ import annotations

import numpy as np

from converter.specimens.worlds.rust_colours import choose_rust, colour_rust


def test_rust_is_never_green_or_blue():
    """At every site and age there is at least as much red as green, and no more blue than red."""
    for seed in range(40):
        table = choose_rust(np.random.default_rng(seed))
        assert (table[:, 2] >= 0.85 * table[:, 1]).all()
        assert (table[:, 2] >= 0.8 * table[:, 0]).all()


def test_age_runs_through_the_colours_of_a_site():
    """Age 0 and less is the first colour, age 1 and more the last."""
    table = choose_rust(np.random.default_rng(1))
    drawn = colour_rust(table, np.array([[-1.0, 0.0, 1.0, 2.0]], np.float32))[0]
    np.testing.assert_allclose(drawn, table[[0, 0, -1, -1]])
