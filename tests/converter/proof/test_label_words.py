"""Labels that deny each other, read by their words alone."""

from __future__ import annotations

import pytest

from converter.proof.label_words import find_opposites
from edge_node.inference.manifest import Meaning

CORRODED, SOUND, UNSAID = Meaning(corroded=True), Meaning(corroded=False), Meaning(material="steel")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("with rust", "without rust"),
        ("rust", "no rust"),
        ("rusted", "never rusted"),
        ("corroded", "uncorroded"),
        ("Corroded steel", "not corroded steel"),
        ("rust", "rust-free"),
        ("corrosion", "absence of corrosion"),
        ("painted", "unpainted"),
    ],
)
def test_opposites_that_mean_the_same_are_found(first, second):
    """Whatever the bundle makes of both, it may not be the same; and it is right if they differ."""
    assert find_opposites((first, second), {first: CORRODED, second: CORRODED}) == (first, second)
    assert find_opposites((second, first), {first: SOUND, second: SOUND}) == (second, first)
    assert find_opposites((first, second), {first: CORRODED, second: SOUND}) is None
    assert find_opposites((first, second), {first: UNSAID, second: UNSAID}) is None


def test_labels_that_only_resemble_each_other_may_mean_the_same():
    """Severities and forms are all corroded, and no one denies another."""
    labels = ("light rust", "heavy rust", "uniform corrosion", "pitting")
    assert find_opposites(labels, dict.fromkeys(labels, CORRODED)) is None
    assert find_opposites(("steel", "aluminium"), {}) is None
