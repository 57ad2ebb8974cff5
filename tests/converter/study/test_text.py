"""The text of a study: who is better is said only where chance does not explain it."""

from __future__ import annotations

import numpy as np

from converter.study.figures import (
    Predictions,
)
from converter.study.models import (
    CASCADE,
    FOUR_CLASSES,
    TITLES,
)
from converter.study.text import draw_conclusions
from tests.support.studies import make_study


def test_a_gain_that_chance_explains_is_not_called_one():
    """Only where the whole range over groups is on one side does the text say who is better."""
    groups = np.array([f"g{number}" for number in range(100)])
    targets = np.zeros(100, np.intp)
    better = Predictions(CASCADE, FOUR_CLASSES, targets, np.where(np.arange(100) < 5, 1, 0))
    worse = Predictions(TITLES["four"], FOUR_CLASSES, targets, np.where(np.arange(100) < 45, 1, 0))
    alike = Predictions(TITLES["four"], FOUR_CLASSES, targets, np.where(np.arange(100) > 93, 1, 0))
    for other, words in (
        (worse, "beats the four-class model: 95.00 % against 55.00 %"),
        (alike, "is not shown to be better or worse"),
    ):
        text = "\n".join(draw_conclusions(make_study([better, other], groups)))
        assert words in text
