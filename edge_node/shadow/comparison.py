"""Compare the decisions of two bundles on the same pictures, and describe the changes. Pure.

``edge-node replay`` compares them on a recording, the shadow on the robot: "old" is the bundle that decides,
"new" the one that may replace it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from edge_node.messages.plain_text import path_text
from edge_node.messages.shadow import Change, Summary

if TYPE_CHECKING:
    from edge_node.messages.verdict import Decision, StageVerdict

# A verdict counts as changed if one of these differs; probabilities and areas may differ.
FACTS = ("outcome", "material", "form", "severity")
NOT_ASKED = "not asked"
UNSURE = "unsure"


def compare_decisions(old: Decision, new: Decision) -> Change:
    """Return the differences between two decisions on the same picture."""
    before, after = _labels_by_stage(old.stages), _labels_by_stage(new.stages)
    stages = {
        name: f"{before.get(name, NOT_ASKED)} -> {after.get(name, NOT_ASKED)}"
        for name in {**before, **after}
        if before.get(name) != after.get(name)
    }
    differs = tuple(fact for fact in FACTS if getattr(old, fact) != getattr(new, fact))
    return Change(differs=differs, stages=stages, old=old, new=new)


class DecisionComparison:
    """Count changes over many pictures; used by one thread alone."""

    def __init__(self) -> None:
        self.frames = self.changed = 0
        self._outcomes: Counter[str] = Counter()
        self._differs: Counter[str] = Counter()
        self._stages: dict[str, Counter[str]] = {}

    def note(self, change: Change) -> None:
        """Count one picture."""
        self.frames += 1
        self.changed += bool(change.differs)
        self._outcomes[f"{change.old.outcome.value} -> {change.new.outcome.value}"] += 1
        self._differs.update(change.differs)
        for stage, pair in change.stages.items():
            self._stages.setdefault(stage, Counter())[pair] += 1

    def summary(self) -> Summary:
        """Return the counts so far, the most frequent first."""
        return Summary(
            frames=self.frames,
            changed=self.changed,
            outcomes=dict(self._outcomes.most_common()),
            differs=dict(self._differs.most_common()),
            stages={stage: dict(pairs.most_common()) for stage, pairs in self._stages.items()},
        )


def describe_change(change: Change) -> str:
    """Return a change as three lines for people: old and new decision, and both paths."""
    return (
        f"{_describe_decision(change.old)} -> {_describe_decision(change.new)}"
        f"\n    old  {path_text(change.old)}\n    new  {path_text(change.new)}"
    )


def describe_summary(summary: Summary) -> str:
    """Return the counts as a table for people."""
    lines = [f"{summary.changed} of {summary.frames} verdicts change"]
    if summary.differs:
        lines[0] += f": {', '.join(f'{fact} in {count}' for fact, count in summary.differs.items())}"
    tables = {
        "outcome": summary.outcomes,
        **{f"stage {name}": pairs for name, pairs in summary.stages.items()},
    }
    width = max(len(name) for name in tables)
    for name, pairs in tables.items():
        lines += [f"{name:<{width}}  {count:>7}  {pair}" for pair, count in pairs.items()]
    return "\n".join(lines)


def _describe_decision(decision: Decision) -> str:
    facts = (decision.outcome.value, decision.material, decision.form, decision.severity)
    return " ".join(fact for fact in facts if fact)


def _labels_by_stage(stages: tuple[StageVerdict, ...]) -> dict[str, str]:
    return {stage.name: UNSURE if stage.label is None else stage.label for stage in stages}
