"""The accuracy budget: layers stay in float until it holds, and not one more layer than needed."""

from __future__ import annotations

import pytest

from converter.budget import Attempt, Drop, within_budget
from converter.labelled import Score
from converter.sensitivity import LayerCost
from edge_node.errors import ConversionError


def attempt(right: int, float_layers=()) -> Attempt:
    """An attempt that is right on so many of 1000 pictures, where float is right on 980."""
    drop = Drop("steel", Score(980, 1000), Score(right, 1000))
    return Attempt(None, None, (drop,), tuple(float_layers))


def layers(count: int):
    """Ranked layers a, b, c, ..."""
    return [LayerCost(layer=chr(97 + at), remaining_error=float(at)) for at in range(count)]


def test_a_conversion_within_the_budget_is_taken_as_it_is():
    """Nothing is ranked and nothing tried again."""
    first = attempt(976)
    assert within_budget(first, 0.5, rank=pytest.fail, retry=pytest.fail) is first


@pytest.mark.parametrize(
    ("needed", "tried"),
    [
        (1, [1]),
        (2, [1, 2]),
        (3, [1, 2, 4, 3]),
        (4, [1, 2, 4, 3]),
        (5, [1, 2, 4, 7, 5]),
        (6, [1, 2, 4, 7, 5, 6]),
    ],
)
def test_the_fewest_layers_are_kept_in_float(needed, tried):
    """Worst first, doubled until it holds, then halved back: never a layer more than needed."""
    counts = []

    def retry(kept):
        counts.append(len(kept))
        return attempt(976 if len(kept) >= needed else 960, kept)

    found = within_budget(attempt(950), 0.5, rank=lambda: layers(7), retry=retry)
    assert counts == tried
    assert found.float_layers == tuple("abcdefg"[:needed])
    assert found.worst.points <= 0.5


def test_a_budget_that_cannot_hold_is_refused_with_its_figures():
    """All layers in float and still too bad: the sentence says what was found, allowed and tried."""
    with pytest.raises(ConversionError) as caught:
        within_budget(attempt(900), 0.5, rank=lambda: layers(3), retry=lambda kept: attempt(900, kept))
    assert str(caught.value) == (
        "steel: quantized accuracy 0.900, float 0.980: drop 8.00 points > allowed 0.50,"
        " with 3 of 3 layers in float; no bundle was written"
    )


def test_the_worst_stage_decides():
    """A stage that gained does not make up for one that lost."""
    drops = (
        Drop("material", Score(90, 100), Score(95, 100)),
        Drop("steel", Score(98, 100), Score(96, 100)),
    )
    both = Attempt(None, None, drops)
    assert both.worst.name == "steel"
    assert both.worst.points == pytest.approx(2.0)
