"""The cascade: routes, abstention, thresholds and what the operator has told."""

from __future__ import annotations

import numpy as np
import pytest

from edge_node.inference.cascade import OperatorSettings, calibrate_probabilities, decide
from edge_node.inference.manifest import Cascade, Meaning, OutputKind, Stage
from edge_node.messages.verdict import Outcome


def stage(name, labels, **more) -> Stage:
    """Return a stage whose model does not matter here."""
    return Stage(name=name, labels=labels, model="m.tflite", output="out", **more)


CONDITION = {"corroded": Meaning(corroded=True), "uncorroded": Meaning(corroded=False)}
CASCADE = Cascade(
    root="material",
    stages=(
        stage(
            "material",
            ("aluminium", "steel"),
            meanings={"aluminium": Meaning(material="aluminium"), "steel": Meaning(material="steel")},
            routes={"aluminium": "aluminium", "steel": "steel"},
            abstain_below=0.6,
            otherwise="any",
        ),
        stage("aluminium", ("corroded", "uncorroded"), meanings=CONDITION),
        stage("steel", ("corroded", "uncorroded"), meanings=CONDITION, routes={"corroded": "severity"}),
        stage(
            "severity",
            ("late", "mid", "light"),
            meanings={name: Meaning(severity=name) for name in ("late", "mid", "light")},
            abstain_below=0.5,
        ),
        stage("any", ("corroded", "uncorroded"), meanings=CONDITION, abstain_below=0.9),
    ),
)


def answers(**probabilities):
    """Return an ``ask`` that knows the given stages and fails the test for any other."""
    asked = []

    def ask(asked_stage: Stage):
        asked.append(asked_stage.name)
        return np.array(probabilities[asked_stage.name])

    ask.asked = asked
    return ask


def test_the_route_follows_the_labels_and_asks_no_other_stage():
    """Steel, corroded, late: three stages asked in order, aluminium's never."""
    ask = answers(material=[0.1, 0.9], steel=[0.8, 0.2], severity=[0.7, 0.2, 0.1])
    decision = decide(CASCADE, ask)
    assert ask.asked == ["material", "steel", "severity"]
    assert (decision.outcome, decision.material, decision.severity) == (Outcome.CORRODED, "steel", "late")
    assert decision.material_confidence == pytest.approx(0.9)
    assert [step.label for step in decision.stages] == ["steel", "corroded", "late"]
    assert decision.stages[1].probabilities == {"corroded": 0.8, "uncorroded": 0.2}


def test_an_unsure_stage_hands_over_to_its_fallback():
    """Material below its abstention threshold asks the stage for any metal and claims no material."""
    ask = answers(material=[0.5, 0.5], any=[0.05, 0.95])
    decision = decide(CASCADE, ask)
    assert ask.asked == ["material", "any"]
    assert (decision.outcome, decision.material) == (Outcome.UNCORRODED, None)
    assert decision.stages[0].label is None
    assert [reason.code for reason in decision.reasons] == ["low_confidence"]


def test_abstaining_without_a_fallback_is_uncertain_not_uncorroded():
    """When nobody is sure of the condition the outcome is uncertain, with a reason for each stage."""
    decision = decide(CASCADE, answers(material=[0.5, 0.5], any=[0.2, 0.8]))
    assert decision.outcome is Outcome.UNCERTAIN
    assert len(decision.reasons) == 2


def test_an_unsure_severity_leaves_the_condition_decided():
    """Abstaining on severity does not take back that the surface is corroded."""
    decision = decide(CASCADE, answers(material=[0.1, 0.9], steel=[0.8, 0.2], severity=[0.4, 0.3, 0.3]))
    assert (decision.outcome, decision.severity) == (Outcome.CORRODED, None)


def test_a_told_material_skips_the_stage_that_tells_only_materials():
    """With the material told, its stage is not asked and its condition stage is, as Models 5 and 6."""
    ask = answers(aluminium=[0.3, 0.7])
    decision = decide(CASCADE, ask, OperatorSettings(material="aluminium"))
    assert ask.asked == ["aluminium"]
    assert (decision.outcome, decision.material, decision.material_confidence) == (
        Outcome.UNCORRODED,
        "aluminium",
        1.0,
    )


@pytest.mark.parametrize(
    ("probability", "label"), [(0.31, "corroded"), (0.30, "corroded"), (0.29, "uncorroded")]
)
def test_the_decision_threshold_is_the_first_labels(probability, label):
    """Of two labels the first is chosen from exactly its threshold upwards."""
    cascade = Cascade(
        root="c", stages=(stage("c", ("corroded", "uncorroded"), meanings=CONDITION, decision_threshold=0.3),)
    )
    assert decide(cascade, answers(c=[probability, 1 - probability])).stages[0].label == label


def test_what_is_not_metal_is_not_inspectable():
    """A label that means no metal ends the walk, whatever it would route to."""
    root = stage("root", ("metal", "other"), meanings={"other": Meaning(metal=False)}, routes={"other": "c"})
    cascade = Cascade(root="root", stages=(root, stage("c", ("corroded", "uncorroded"), meanings=CONDITION)))
    decision = decide(cascade, answers(root=[0.1, 0.9]))
    assert decision.outcome is Outcome.NOT_INSPECTABLE
    assert [reason.code for reason in decision.reasons] == ["not_metal"]


def test_labels_that_mean_nothing_are_uncertain():
    """A classifier of flowers says its label, but never corroded or uncorroded."""
    cascade = Cascade(root="f", stages=(stage("f", ("rose", "tulip")),))
    decision = decide(cascade, answers(f=[0.9, 0.1]))
    assert (decision.outcome, decision.stages[0].label) == (Outcome.UNCERTAIN, "rose")
    assert [reason.code for reason in decision.reasons] == ["condition_unknown"]


def test_the_logits_are_the_mean_of_the_map():
    """A map of 2 x 1 positions with logits (4, 0) and (0, 0) is softmax(2, 0)."""
    found = calibrate_probabilities(np.array([[[[4.0, 0.0]], [[0.0, 0.0]]]], np.float32), OutputKind.MAP, 1.0)
    assert found == pytest.approx([np.exp(2) / (np.exp(2) + 1), 1 / (np.exp(2) + 1)])


def test_temperature_softens_logits_and_probabilities_alike():
    """Temperature 2 takes the square root of the odds, however the stage gives them."""
    logits = calibrate_probabilities(np.array([[np.log(9.0), 0.0]], np.float32), OutputKind.LOGITS, 2.0)
    probabilities = calibrate_probabilities(np.array([[0.9, 0.1]], np.float32), OutputKind.PROBABILITIES, 2.0)
    assert logits == pytest.approx([0.75, 0.25])
    assert probabilities == pytest.approx([0.75, 0.25], abs=1e-6)


_INDEPENDENT = stage(
    "findings",
    ("rust", "paint", "clean"),
    meanings={"rust": Meaning(corroded=True), "clean": Meaning(corroded=False)},
    label_thresholds={"rust": 0.3},
)


@pytest.mark.parametrize(
    ("probabilities", "label", "outcome"),
    [
        ((0.4, 0.9, 0.1), "paint", Outcome.CORRODED),
        ((0.4, 0.2, 0.9), "clean", Outcome.CORRODED),
        ((0.2, 0.1, 0.9), "clean", Outcome.UNCORRODED),
        ((0.2, 0.4, 0.4), None, Outcome.UNCERTAIN),
    ],
)
def test_independent_labels_hold_each_from_its_threshold_on(probabilities, label, outcome):
    """The surest label that holds is named, what any of them says of corrosion counts, and none abstains."""
    cascade = Cascade(root="findings", stages=(_INDEPENDENT,))
    decision = decide(cascade, lambda _stage: np.array(probabilities))
    assert (decision.stages[0].label, decision.outcome) == (label, outcome)


def test_independent_labels_have_a_sigmoid_each():
    """Their probabilities are kept as they are, and sum to whatever they do."""
    logits = np.array([[[[2.0, 3.0]], [[4.0, -3.0]]]], np.float32)
    found = calibrate_probabilities(logits, OutputKind.MAP, 1.0, independent=True)
    assert found == pytest.approx([1 / (1 + np.exp(-3)), 0.5])
