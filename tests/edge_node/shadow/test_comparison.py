"""Two decisions on one picture: what differs, and how changes are counted."""

from __future__ import annotations

from edge_node.messages.verdict import Decision, Outcome, StageVerdict
from edge_node.shadow.comparison import (
    DecisionComparison,
    compare_decisions,
    describe_change,
    describe_summary,
)


def decision(outcome, *stages, **facts):
    """Return a decision whose path is ``stages``: name and label, None where it was unsure."""
    path = tuple(
        StageVerdict(
            name=name, label=label, probabilities={"a": 0.5}, decision_threshold=0.5, abstain_below=0.0
        )
        for name, label in stages
    )
    return Decision(outcome=outcome, stages=path, **facts)


CLEAN = decision(Outcome.UNCORRODED, ("material", "a"), ("steel", "a"), material="steel")
UNSURE = decision(Outcome.UNCERTAIN, ("material", None))


def test_equal_facts_are_no_change_whatever_the_probabilities():
    """Confidence and area may differ; the verdict is the same."""
    other = decision(Outcome.UNCORRODED, ("material", "a"), ("steel", "a"), material="steel")
    change = compare_decisions(CLEAN, other)
    assert (change.differs, change.stages) == ((), {})


def test_what_differs_is_named_by_fact_and_by_stage():
    """An unsure stage, and one that is not asked any more, each in words."""
    change = compare_decisions(CLEAN, UNSURE)
    assert change.differs == ("outcome", "material")
    assert change.stages == {"material": "a -> unsure", "steel": "a -> not asked"}
    assert describe_change(change).startswith("uncorroded steel -> uncertain")


def test_changes_are_counted_per_outcome_fact_and_stage():
    """Equal pictures count as pictures, and only differing stages are listed."""
    comparison = DecisionComparison()
    for change in (
        compare_decisions(CLEAN, UNSURE),
        compare_decisions(CLEAN, CLEAN),
        compare_decisions(CLEAN, UNSURE),
    ):
        comparison.note(change)
    summary = comparison.summary()
    assert (summary.frames, summary.changed) == (3, 2)
    assert summary.outcomes == {"uncorroded -> uncertain": 2, "uncorroded -> uncorroded": 1}
    assert summary.differs == {"outcome": 2, "material": 2}
    assert summary.stages == {"material": {"a -> unsure": 2}, "steel": {"a -> not asked": 2}}
    table = describe_summary(summary)
    assert table.startswith("2 of 3 verdicts change: outcome in 2, material in 2")
    assert "stage steel" in table
