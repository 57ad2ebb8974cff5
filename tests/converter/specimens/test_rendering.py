"""Pictures of specimens: same spec same bytes, sizes and types, sizes that are refused."""

from __future__ import annotations

import numpy as np
import pytest

from converter.specimens.rendering import render
from converter.specimens.spec import Finish, Material
from tests.support.specimens import SIZE, spec


@pytest.mark.parametrize("material", Material)
def test_same_spec_same_bytes(material):
    """Two renders of one spec agree in every byte of picture and mask."""
    first, second = (render(spec(material, Finish.SCRATCHED, 80.0, seed=3), *SIZE) for _ in range(2))
    assert first.pixels.tobytes() == second.pixels.tobytes()
    assert first.mask.tobytes() == second.mask.tobytes()


def test_shapes_and_types():
    """A picture is uint8 BGR of the size asked for, and its mask holds 0 and 255 alone."""
    specimen = render(spec(hours=60.0), 200, 120)
    assert specimen.pixels.shape == (120, 200, 3)
    assert specimen.pixels.dtype == np.uint8
    assert specimen.mask.shape == (120, 200)
    assert set(np.unique(specimen.mask)) == {0, 255}


def test_another_seed_is_another_specimen():
    """The seed decides where a specimen corrodes."""
    first, second = (render(spec(hours=40.0, seed=seed), *SIZE).mask for seed in (1, 2))
    assert np.mean(first != second) > 0.1


@pytest.mark.parametrize("size", [(63, 120), (160, 5000)])
def test_render_refuses_sizes_it_cannot_draw(size):
    """A picture too small for its texture or too large for memory is refused with the allowed range."""
    with pytest.raises(ValueError, match="sides of 64 to 4096 px"):
        render(spec(), *size)
