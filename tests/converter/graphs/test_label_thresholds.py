"""Thresholds per label, as they are given beside ``convert``."""

from __future__ import annotations

import pytest

from converter.graphs.label_thresholds import read_thresholds
from edge_node.errors import DatasetError

LABELS = ("rust", "a=b")


def test_each_label_may_have_one():
    """The last equals sign divides, so that a label may hold one itself; what is not given is not there."""
    assert read_thresholds(["a=b=0.25", "rust=1"], LABELS) == {"a=b": 0.25, "rust": 1.0}
    assert read_thresholds([], LABELS) == {}


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        (["rost=0.5"], "no label 'rost'; there are rust, a=b"),
        (["rust"], "wanted LABEL=PROBABILITY, as in rust=0.7"),
        (["rust=0.5", "rust=0.6"], "'rust' has one already, 0.5"),
        (["rust=70"], "a number from 0 to 1"),
        (["rust=nan"], "a number from 0 to 1"),
        (["rust=half"], "a number from 0 to 1"),
    ],
)
def test_what_cannot_be_meant_is_refused(pairs, told):
    """One sentence with the flag as it was written."""
    with pytest.raises(DatasetError, match=rf"^--threshold '{pairs[-1]}': .*{told}"):
        read_thresholds(pairs, LABELS)
