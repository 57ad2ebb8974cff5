"""Figures and mistakes of an evaluation: abstentions, labels of no metal, repeated questions."""

from __future__ import annotations

from pathlib import Path

import pytest

from converter.data.dataset import Sample
from converter.evaluation.evaluation import Mistake, evaluate, find_mistakes, measure
from converter.evaluation.judge import JudgedSample
from converter.evaluation.questions import choose_questions
from edge_node.messages.verdict import Decision, Outcome, StageVerdict
from tests.support.cascades import cascade_of


def _answer(material, corroded, outcome, said_material, group="g"):
    sample = Sample(Path("x"), group, source="s", labels={"material": material, "corroded": corroded})
    decision = Decision(
        outcome=outcome, material=said_material, condition_confidence=0.9, material_confidence=0.9
    )
    return JudgedSample(sample, decision, 1.0)


def test_abstentions_are_errors_and_reported_apart():
    """An uncertain outcome counts against the accuracy, and not against that of the decided ones."""
    answers = [
        _answer("steel", "corroded", Outcome.CORRODED, "steel", "a"),
        _answer("steel", "corroded", Outcome.UNCERTAIN, None, "b"),
        _answer("aluminium", "uncorroded", Outcome.UNCORRODED, "aluminium", "c"),
        _answer("aluminium", "uncorroded", Outcome.CORRODED, "steel", "c"),
    ]
    by_name = {question.name: measure(question, answers) for question in choose_questions([])}
    any_metal = by_name["any metal corroded?"]
    assert (any_metal.pictures, any_metal.groups) == (4, 3)
    assert any_metal.accuracy.value == 0.5
    assert any_metal.accuracy_decided == pytest.approx(2 / 3)
    assert any_metal.abstained == 0.25
    assert by_name["steel corroded?"].pictures == 2
    assert by_name["severity"] is None
    four = by_name["material and condition"]
    assert four.between_materials == 1.0
    assert four.crossover["aluminium, uncorroded"]["steel, corroded"] == 1


def test_labels_that_say_nothing_of_metal_are_compared_as_they_are():
    """A graph of cats and dogs is right where it names the folder; a mistake says what was said instead."""
    stage = StageVerdict(
        name="s", label="dog", probabilities={"cat": 0.2, "dog": 0.8}, decision_threshold=0.5, abstain_below=0
    )
    said = Decision(outcome=Outcome.UNCERTAIN, stages=(stage,))
    answers = [
        JudgedSample(Sample(Path(name), name, labels={"label": name}), said, 1.0) for name in ("cat", "dog")
    ]
    asked = choose_questions([], cascade_of("cat", "dog"))
    (found,) = evaluate("m", "d", answers, asked).figures
    assert (found.question, found.accuracy.value, found.abstained) == ("label", 0.5, 0.0)
    assert find_mistakes(asked, answers[0]) == (Mistake("label", "cat", "dog", 0.8),)
    assert find_mistakes(asked, answers[1]) == ()


def test_a_mistake_about_the_material_is_on_the_sheet_once():
    """The questions that repeat others for a part of the pictures add no line of their own."""
    answer = _answer("steel", "corroded", Outcome.CORRODED, "aluminium")
    assert find_mistakes(choose_questions(["s"]), answer) == (Mistake("material", "steel", "aluminium", 0.9),)
