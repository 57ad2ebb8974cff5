"""Goods and print: each is matte, and every third colour is as warm as rust."""

from __future__ import annotations

import numpy as np
import pytest

from converter.specimens.things import goods


@pytest.mark.parametrize("maker", ["plastic", "glass", "food", "pattern_cloth", "paper", "sign", "flowers"])
def test_goods_are_no_metal(maker):
    """Nothing of it mirrors as metal does, and it has more than one colour."""
    plate = getattr(goods, maker)((72, 96), 0.2, np.random.default_rng(4))
    assert not plate.metal.any()
    assert plate.reflectance.reshape(-1, 3).std(axis=0).max() > 0.005


def test_colours_are_warm_more_often_than_by_chance():
    """Brown and orange goods are frequent: they are what rust is taken for."""
    rng = np.random.default_rng(0)
    colours = np.array([goods.any_colour(rng) for _ in range(300)])
    warm = (colours[:, 2] > colours[:, 1]) & (colours[:, 1] > colours[:, 0])
    assert 0.3 < warm.mean() < 0.7
