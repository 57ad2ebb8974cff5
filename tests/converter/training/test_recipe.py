"""Recipes of cascades: what contradicts itself is refused by its key."""

from __future__ import annotations

import pytest

from converter.training.recipe import read_recipe
from edge_node.errors import DatasetError
from tests.support.plates import CASCADE, write_recipe


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            "fine_tune = 3",
            "fine_tun = 3",
            r'\[training\] has an unknown key "fine_tun"; did you mean "fine_tune"',
        ),
        ('otherwise = "steel"', 'otherwise = "iron"', "stage material: route to 'iron', which is no stage"),
        ('name = "where"', 'name = "steel"', "two stages have one name"),
        ('map_from = "where"', 'otherwise = "material"', "routes run in a circle: material -> steel -> mat"),
        ('column = "material"', 'column = "material"\nmap_from = "where"', "its map's are corroded, uncor"),
        ("steps = 60", "steps = 0", "training.steps"),
        ("steps = 60", "seed = -3", r"training.seed = -3: wanted at least 0"),
        ("steps = 60", "seed = 4294967296", "training.seed"),
        ('map_from = "where"', 'learn = "everything"', 'wanted "pictures" or "positions" or "both"'),
        ('labels = ["aluminium", "steel"]', 'labels = ["aluminium"]', "wanted at least 2 elements"),
        ('column = "material"', 'column = "material"\nlearn = "both"', "masks show corroded, not material"),
        ("fine_tune = 3", "style_mixing = 0.5", "style_mixing changes layers that are trained along"),
        (
            "[training]",
            "[[variation]]\nsize_px = 96\n[training]",
            r"variation 1: size_px belongs into \[training\]",
        ),
        (
            "[training]",
            '[[variation]]\naugmentation = "robust"\n[training]',
            r"variation 1: augmentation belongs into \[training\]",
        ),
        ("[training]", "[[variation]]\nsteps = 0\n[training]", "variation 1: steps = 0: wanted at least 1"),
        ("[training]", '[[variation]]\nbalanc = "sources"\n[training]', 'did you mean "balance"'),
        ("[training]", "[training", "not TOML"),
    ],
)
def test_recipes_that_contradict_themselves(tmp_path, before, after, message):
    """A recipe is refused with the key, what was found and the nearest name."""
    assert before in CASCADE
    with pytest.raises(DatasetError, match=message):
        read_recipe(write_recipe(tmp_path, CASCADE.replace(before, after)))
