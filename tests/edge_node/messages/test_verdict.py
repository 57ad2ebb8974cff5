"""The margin of a decision, and what readers of another version make of a verdict."""

from __future__ import annotations

import msgspec
import pytest

from edge_node.messages.verdict import Decision, Outcome, StageVerdict, Verdict, encode
from tests.support.verdicts import verdict


def stage(probabilities, label="", threshold=0.5, abstain_below=0.0):
    """Return a stage's verdict; its label is the most probable one if none is given."""
    return StageVerdict(
        name="stage",
        label=max(probabilities, key=probabilities.get) if label == "" else label,
        probabilities=probabilities,
        decision_threshold=threshold,
        abstain_below=abstain_below,
    )


@pytest.mark.parametrize(
    ("found", "margin"),
    [
        (stage({"a": 0.58, "b": 0.42}), 0.08),
        (stage({"a": 0.58, "b": 0.42}, "b", threshold=0.7), 0.12),  # from the threshold, not from the half
        (stage({"a": 0.6, "b": 0.4}, threshold=0.55, abstain_below=0.58), 0.02),  # it nearly abstained
        (stage({"a": 0.58, "b": 0.42}, None, abstain_below=0.6), 0.02),  # it nearly did not
        (stage({"a": 0.45, "b": 0.35, "c": 0.2}), 0.05),  # as much from the one to the other: a tie
        (stage({"only": 0.9}), 0.45),
    ],
)
def test_the_margin_is_what_a_probability_would_have_to_change_for_another_decision(found, margin) -> None:
    """Of several stages the closest one counts; without a stage there is none."""
    sure = stage({"late": 0.99, "mid": 0.01})
    assert Decision(outcome=Outcome.CORRODED, stages=(sure, found)).margin == pytest.approx(margin)
    assert Decision(outcome=Outcome.NOT_INSPECTABLE).margin is None


def test_reasons_are_told_and_a_verdict_without_them_is_read() -> None:
    """A robot before them sends none; one after may send reasons that nobody here knows."""
    found = verdict(1, "C", evidence_reasons=("low_margin", "a_later_one"))
    assert msgspec.json.decode(encode(found), type=Verdict) == found
    sent = msgspec.json.decode(encode(found))
    assert sent.pop("evidence_reasons") == ["low_margin", "a_later_one"]
    assert msgspec.convert(sent, Verdict).evidence_reasons == ()
