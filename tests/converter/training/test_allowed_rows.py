"""Rows that a recipe allows to be read, and the table of licences."""

from __future__ import annotations

import pytest

from converter.data.dataset import load_dataset
from converter.training.allowed_rows import AllowedRows, format_licences
from converter.training.recipe import read_recipe
from edge_node.errors import DatasetError
from tests.support.plates import CASCADE, write_recipe

_ALLOWED = CASCADE.replace('leave_out_licences = ["none stated"]', 'licences = ["CC0", "MIT (second-hand)"]')


def test_without_a_list_nothing_changes(plates, tmp_path):
    """Parts of licences leave rows out of training, whose pictures are still loaded, to test on."""
    recipe = read_recipe(write_recipe(tmp_path, CASCADE))
    allowed = AllowedRows.read([plates], recipe)
    samples = allowed.load(plates)
    assert samples == load_dataset(plates)
    assert [(row.licence, row.used, row.left_out) for row in allowed.count(samples)] == [
        ("CC0", 40, 0),
        ("none stated", 0, 8),
    ]
    assert len(list(format_licences(allowed, samples))) == 4


def test_sources_that_are_left_out_are_named(plates, tmp_path):
    """A source in [training] is left out of all; a mistyped one would leave out nothing, and is told."""
    text = _ALLOWED.replace("steps = 60", 'steps = 60\nleave_out_sources = ["s1"]')
    text = text.replace('"MIT (second-hand)"', '"none stated"')
    allowed = AllowedRows.read([plates], read_recipe(write_recipe(tmp_path, text)))
    assert {sample.source for sample in allowed.load(plates)} == {"s0", "s2"}
    mistyped = read_recipe(write_recipe(tmp_path, text.replace('"s1"', '"s11"')))
    with pytest.raises(DatasetError, match="no row is of source 's11'; did you mean \"s1\""):
        AllowedRows.read([plates], mistyped)
    varied = _ALLOWED.replace("[training]", '[[variation]]\nleave_out_sources = ["elsewhere"]\n[training]')
    with pytest.raises(DatasetError, match="known are s0, s1, s2"):
        AllowedRows.read([plates], read_recipe(write_recipe(tmp_path, varied)))
