"""Specs of rendered specimens, and the rows of their labels."""

from __future__ import annotations

import csv

from converter.specimens.spec import Finish, Material, SpecimenSpec

SIZE = (160, 120)


def spec(material=Material.STEEL, finish=Finish.BRUSHED, hours=0.0, **changes):
    """Return a spec of clean brushed steel, but for what is named."""
    return SpecimenSpec(material=material, finish=finish, corrosion_hours=hours, **changes)


def rows_of(labels):
    """Return the rows of a labels.csv by column."""
    with labels.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))
