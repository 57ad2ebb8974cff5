"""Rendered corrosion: none at 0 hours, only growing, by its growth law and in its colours."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from converter.specimens.corrosion import find_kinetics
from converter.specimens.rendering import render, render_plate
from converter.specimens.spec import Finish, Light, Material
from tests.support.specimens import SIZE, spec


@pytest.mark.parametrize(("material", "finish"), list(itertools.product(Material, Finish)))
def test_clean_is_clean(material, finish):
    """At 0 hours no metal, finish or stain puts a single pixel into the mask."""
    specimen = render(spec(material, finish, seed=11), *SIZE)
    assert specimen.area_fraction == 0.0
    assert (specimen.corroded, specimen.severity, specimen.form) == (False, "none", "none")


@pytest.mark.parametrize(
    ("material", "finish"), list(itertools.product(Material, (Finish.ROLLED, Finish.PAINTED)))
)
def test_corrosion_only_grows(material, finish):
    """What is corroded at one hour is corroded at every later hour, and there is more of it in the end."""
    masks = [
        render(spec(material, finish, hours, seed=4), *SIZE).mask
        for hours in (5.0, 20.0, 80.0, 300.0, 1200.0)
    ]
    for earlier, later in itertools.pairwise(masks):
        assert not np.any((earlier == 255) & (later == 0))
    assert np.mean(masks[-1] == 255) > np.mean(masks[0] == 255) + 0.1


@pytest.mark.parametrize("hours", [20.0, 60.0, 150.0])
def test_area_follows_the_growth_law(hours):
    """The covered share of a whole steel plate is Avrami's, within 4 points for the frayed edges."""
    plate = render_plate(spec(hours=hours, seed=9), (240, 320), 1.0)
    wanted = find_kinetics(Material.STEEL, Finish.BRUSHED).fraction(hours)
    assert float(np.mean(plate.coverage >= 0.5)) == pytest.approx(wanted, abs=0.04)


def test_hours_invert_the_growth_law():
    """Asking for the hours of a share and for the share of those hours comes back to the share."""
    kinetics = find_kinetics(Material.GALVANIZED, Finish.ROLLED)
    assert kinetics.fraction(kinetics.hours(0.3)) == pytest.approx(0.3)


def test_rust_is_redder_than_its_steel():
    """Inside the mask of rusted steel red exceeds blue by far more than outside it."""
    specimen = render(spec(finish=Finish.ROLLED, hours=50.0, light=Light.CLOUD, seed=2), 320, 240)
    redness = specimen.pixels[:, :, 2].astype(int) - specimen.pixels[:, :, 0]
    assert redness[specimen.mask == 255].mean() > redness[specimen.mask == 0].mean() + 40


def test_pits_are_darker_and_bloom_is_no_rust():
    """Corroded aluminium holds darker points than its clean self and stays colourless."""
    clean, pitted = (
        render(spec(Material.ALUMINIUM, Finish.ROLLED, hours, light=Light.CLOUD, seed=6), 320, 240)
        for hours in (0.0, 600.0)
    )
    assert np.percentile(pitted.pixels, 2) < np.percentile(clean.pixels, 2) - 20
    tint = pitted.pixels[:, :, 2].astype(int) - pitted.pixels[:, :, 0]
    assert abs(tint[pitted.mask == 255].mean() - tint[pitted.mask == 0].mean()) < 15
