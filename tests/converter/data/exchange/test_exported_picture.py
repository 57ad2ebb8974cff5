"""What is exported of a picture."""

from __future__ import annotations

from pathlib import Path

from converter.data.dataset import Sample
from converter.data.exchange.exported_picture import columns_of


def test_columns_are_those_that_a_person_wrote():
    """Metal that a material implies, and what is not known, is not written."""
    labels = {"material": "steel", "corroded": "corroded", "metal": "metal"}
    sample = Sample(Path("a"), "g", licence="CC0", labels=labels, mask=Path("m"))
    told = {"material": "steel", "corroded": "corroded", "licence": "CC0", "group": "g", "mask": "yes"}
    assert columns_of(sample) == told
    assert columns_of(Sample(Path("a"), "", labels={"metal": "other"})) == {"metal": "other"}
