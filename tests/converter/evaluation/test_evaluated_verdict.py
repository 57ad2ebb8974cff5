"""The verdict of an evaluation: its conversion's, and what labelled pictures say for and against it."""

from __future__ import annotations

import msgspec
import pytest

from converter.evaluation.colourless import ColourCost
from converter.evaluation.evaluated_verdict import add_evaluation
from converter.evaluation.evaluation import Evaluation, Figures
from converter.evaluation.metrics import Interval
from converter.evaluation.ship_verdict import ShipVerdict
from converter.evaluation.stress import StressFigures

CONVERTED = ShipVerdict(
    ship=True, shown=("proved at the source",), mind=("how often it is right was not measured", "a licence")
)


def evaluation(crossover: dict[str, dict[str, int]], abstained: float = 0.0) -> Evaluation:
    """Return an evaluation of one question."""
    pictures = sum(sum(counts.values()) for counts in crossover.values())
    right = sum(counts[truth] for truth, counts in crossover.items()) / pictures
    figures = Figures(
        question="any metal corroded?",
        pictures=pictures,
        groups=pictures,
        accuracy=Interval(right, right, right),
        accuracy_wilson=Interval(right, right, right),
        accuracy_decided=right,
        abstained=abstained,
        calibration_error=0.0,
        detection=None,
        crossover=crossover,
        between_materials=None,
        sources=(),
    )
    return Evaluation(model="m", data="d", pictures=pictures, mean_ms=1.0, p95_ms=1.0, figures=(figures,))


def test_what_was_measured_joins_what_was_proved():
    """Yes stays yes, with the accuracy, and without the wish to measure it."""
    found = add_evaluation(CONVERTED, evaluation({"a": {"a": 40, "b": 2}, "b": {"a": 1, "b": 40}}))
    assert found.line == (
        "May I ship it? Yes: (1) proved at the source; (2) any metal corroded? right on 96.4% of 83 pictures."
    )
    assert found.mind == ("a licence",)


@pytest.mark.parametrize(
    ("crossover", "abstained", "told"),
    [
        ({"a": {"a": 10, "b": 0}, "b": {"a": 0, "b": 9}}, 0.0, "judged on 19 pictures, wanted 50 or more"),
        ({"a": {"a": 60, "b": 0}, "b": {"a": 0, "b": 0}}, 0.0, "all 60 pictures are a; add others"),
        ({"a": {"a": 60, "b": 0}, "b": {"a": 10, "b": 0}}, 0.0, "no better than 'a' for every picture"),
        ({"a": {"a": 40, "b": 0}, "b": {"a": 0, "b": 40}}, 0.6, "it abstains on 60% of pictures"),
    ],
)
def test_figures_that_speak_against_it_make_it_no(crossover, abstained, told):
    """Each alone, in words, even where the conversion said yes."""
    found = add_evaluation(CONVERTED, evaluation(crossover, abstained))
    assert not found.ship
    (reason,) = found.against
    assert told in reason


@pytest.mark.parametrize(
    ("claimed", "corroded", "ships"), [(True, 90, False), (False, 90, True), (True, 9, True)]
)
def test_a_claim_on_grey_pictures_that_does_not_hold_makes_it_no(claimed, corroded, ships):
    """Only where the manifest claims it, and enough pictures say otherwise."""
    grey = ColourCost(
        pictures=180,
        corroded=corroded,
        right_in_colour=1.0,
        right_in_grey=0.8,
        found_in_colour=1.0,
        found_in_grey=0.7,
        fall_points=30.0,
        may_be_judged=False,
        claimed=claimed,
    )
    stressed = StressFigures(pictures=180, of=180, seed=0, tables=(), grey=grey)
    measured = evaluation({"a": {"a": 40, "b": 2}, "b": {"a": 1, "b": 40}})
    found = add_evaluation(CONVERTED, msgspec.structs.replace(measured, stress=stressed))
    assert found.ship is ships
    assert ("colourless: measured, but in grey 80.0 % right" in found.line) is not ships
