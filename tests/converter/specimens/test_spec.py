"""Specs of specimens: what is impossible, and the truth that follows from a mask."""

from __future__ import annotations

import numpy as np
import pytest

from converter.specimens.spec import Material, Specimen
from tests.support.specimens import spec


@pytest.mark.parametrize(
    ("material", "corroded_px", "expected"),
    [
        (Material.STEEL, 4, (False, "none", "none")),  # 0.04 %: Ri 0
        (Material.STEEL, 5, (True, "mid", "uniform")),  # 0.05 %: Ri 1 begins
        (Material.STEEL, 3999, (True, "mid", "uniform")),
        (Material.STEEL, 4000, (True, "late", "uniform")),  # 40 %: Ri 5 begins
        (Material.GALVANIZED, 4000, (True, "late", "uniform")),
        (Material.ALUMINIUM, 999, (True, "mid", "pitting")),
        (Material.ALUMINIUM, 1000, (True, "late", "pitting")),
    ],
)
def test_truth_is_the_mask(material, corroded_px, expected):
    """Condition, severity and form follow from the mask and the metal alone."""
    mask = np.zeros((100, 100), dtype=np.uint8)
    mask.ravel()[:corroded_px] = 255
    specimen = Specimen(spec(material), np.zeros((100, 100, 3), dtype=np.uint8), mask)
    assert specimen.area_fraction == corroded_px / 10_000
    assert (specimen.corroded, specimen.severity, specimen.form) == expected


@pytest.mark.parametrize("changes", [{"hours": -1.0}, {"hours": float("nan")}, {"hours": 1e5}, {"seed": -1}])
def test_spec_refuses_the_impossible(changes):
    """Negative or endless hours and negative seeds are refused where the spec is made."""
    with pytest.raises(ValueError, match="expected"):
        spec(**changes)
