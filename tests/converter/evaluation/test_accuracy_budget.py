"""The accuracy budget: layers stay in float until it holds, and not one more layer than needed."""

from __future__ import annotations

import numpy as np
import pytest

from converter.evaluation.accuracy_budget import AccuracyBudget, Attempt, Drop, meet_budget
from converter.evaluation.float_agreement import StageComparison, choose_labels
from converter.evaluation.labelled_set import Score
from converter.evaluation.output_checks import check_outputs
from converter.quantize.layer_ranking import LayerGain, order_layers
from edge_node.errors import ConversionError
from edge_node.inference.manifest import Stage

HALF_A_POINT = AccuracyBudget(max_drop_points=0.5)


def attempt(right: int, float_layers=()) -> Attempt:
    """An attempt that is right on so many of 1000 pictures, where float is right on 980."""
    drop = Drop("steel", Score(980, 1000), Score(right, 1000))
    return Attempt(None, None, (drop,), float_layers=tuple(float_layers))


def agreeing(*differing: int) -> Attempt:
    """An attempt whose stages a, b, ... give another label than float to so many of 100 pictures."""
    comparisons = []
    for at, count in enumerate(differing):
        stage = Stage(name=chr(97 + at), labels=("x", "y"), model="m", output="o")
        wanted = np.tile([1.0, 0.0], (100, 1))
        found = wanted.copy()
        found[:count] = [0.0, 1.0]
        comparisons.append(StageComparison(stage, wanted, found))
    return Attempt(None, None, comparisons=tuple(comparisons))


def test_a_conversion_within_the_budget_is_taken_as_it_is():
    """Nothing is ranked and nothing tried again."""
    first = attempt(976)
    assert meet_budget(first, HALF_A_POINT, rank=pytest.fail, retry=pytest.fail) is first


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

    found = meet_budget(attempt(950), HALF_A_POINT, rank=lambda: "abcdefg", retry=retry)
    assert counts == tried
    assert "".join(found.float_layers) == "abcdefg"[:needed]
    assert HALF_A_POINT.broken_by(found) is None


def test_a_budget_that_cannot_hold_is_refused_with_its_figures():
    """All layers in float and still too bad: the sentence says what was found, allowed and tried."""
    with pytest.raises(ConversionError) as caught:
        meet_budget(attempt(900), HALF_A_POINT, rank=lambda: "abc", retry=lambda kept: attempt(900, kept))
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
    assert AccuracyBudget(max_drop_points=1.99).broken_by(both).startswith("steel: ")
    assert AccuracyBudget(max_drop_points=2.01).broken_by(both) is None


def test_the_stage_that_agrees_least_with_float_decides():
    """Two of 100 pictures is 98 %: held at 98, broken at 98.5, and the sentence names the stage."""
    found = agreeing(0, 2, 1)
    assert AccuracyBudget(min_agreement=0.98).broken_by(found) is None
    assert AccuracyBudget(min_agreement=0.985).broken_by(found) == (
        "b: 98.00% of 100 pictures keep float's label, wanted 98.50%"
    )


def test_no_budget_is_never_broken():
    """Whatever quantizing costs."""
    assert AccuracyBudget().broken_by(attempt(0)) is None
    assert AccuracyBudget().broken_by(agreeing(100)) is None


def test_layers_come_in_the_order_of_what_their_pairs_gain():
    """Each layer once, though it is in two pairs."""
    gains = [
        LayerGain(layers=("a", "b"), gain=1.0),
        LayerGain(layers=("b", "c"), gain=3.0),
        LayerGain(layers=("c", "d"), gain=2.0),
    ]
    assert order_layers(gains) == ("b", "c", "d", "a")


def test_labels_are_chosen_as_the_node_chooses_them():
    """At a decision threshold of 0.7 a probability of 0.6 is the second label, in float as in int8."""
    stage = Stage(name="steel", labels=("x", "y"), model="m", output="o", decision_threshold=0.7)
    logits = np.log(np.array([[0.6, 0.4], [0.75, 0.25], [0.2, 0.8]]))
    assert choose_labels(stage, logits).tolist() == [1, 0, 1]
    moved = np.log(np.array([[0.55, 0.45], [0.65, 0.35], [0.2, 0.8]]))
    assert StageComparison(stage, logits, moved).same_label.tolist() == [True, False, True]


def test_a_mode_that_has_fallen_to_guessing_is_refused():
    """Sure in float and one half each in 8 bits: off by 0.4 on average, and the sentence says so."""
    stage = Stage(name="steel", labels=("x", "y"), model="m", output="o")
    sure = np.log(np.array([[0.9, 0.1], [0.1, 0.9], [0.9, 0.1]]))
    guessing = np.log(np.array([[0.5, 0.5], [0.49, 0.51], [0.5, 0.5]]))
    check_outputs((StageComparison(stage, sure, sure * 0.8),))
    with pytest.raises(ConversionError, match=r"steel: .* off by 0\.40 on average of 3 pictures"):
        check_outputs((StageComparison(stage, sure, guessing),))
