"""Keep as few layers in float as a limit on lost accuracy and agreement allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from converter.evaluation.labelled_set import score_cascade, score_stage
from edge_node.errors import ConversionError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from converter.evaluation.float_agreement import StageComparison, StageLogits
    from converter.evaluation.labelled_set import LabelledSet, Score
    from edge_node.inference.bundle import Bundle
    from edge_node.inference.manifest import Cascade

CASCADE = "the cascade"


@dataclass(frozen=True, slots=True)
class Drop:
    """The float and the quantized accuracy of one stage, or of the whole cascade."""

    name: str
    reference: Score
    candidate: Score

    @property
    def points(self) -> float:
        """Accuracy lost, in percentage points; negative where quantizing helped."""
        return 100.0 * (self.reference.accuracy - self.candidate.accuracy)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One conversion: its bundle, its measured losses and the layers that stayed in float."""

    bundle: Bundle
    answers: StageLogits
    drops: tuple[Drop, ...] = ()
    comparisons: tuple[StageComparison, ...] = ()
    float_layers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AccuracyBudget:
    """The limits of what quantizing may cost; None sets no limit.

    Attributes:
        max_drop_points: percentage points of accuracy that any stage and the cascade may lose.
        min_agreement: share of pictures, 0 to 1, that every stage must give float's label.
    """

    max_drop_points: float | None = None
    min_agreement: float | None = None

    def broken_by(self, attempt: Attempt) -> str | None:
        """Return a sentence on the worst violation of the budget; None if the attempt holds it."""
        worst = max(attempt.drops, key=lambda drop: drop.points, default=None)
        if worst and self.max_drop_points is not None and worst.points > self.max_drop_points:
            return (
                f"{worst.name}: quantized accuracy {worst.candidate.accuracy:.3f},"
                f" float {worst.reference.accuracy:.3f}:"
                f" drop {worst.points:.2f} points > allowed {self.max_drop_points:.2f}"
            )
        least = min(attempt.comparisons, key=lambda found: found.agreement, default=None)
        if least and self.min_agreement is not None and least.agreement < self.min_agreement:
            return (
                f"{least.stage.name}: {least.agreement:.2%} of {len(least.same_label)} pictures"
                f" keep float's label, wanted {self.min_agreement:.2%}"
            )
        return None


def measure_drops(
    labelled: LabelledSet, cascade: Cascade, reference: StageLogits, candidate: StageLogits
) -> tuple[Drop, ...]:
    """Measure the accuracy lost by each stage that has labelled pictures, and by the cascade."""
    found = [
        Drop(stage.name, score_stage(labelled, stage, reference), score_stage(labelled, stage, candidate))
        for stage in cascade.stages
    ]
    if len(cascade.stages) > 1:
        scores = (score_cascade(labelled, cascade, answers) for answers in (reference, candidate))
        found.append(Drop(CASCADE, *scores))
    return tuple(drop for drop in found if drop.reference.pictures)


def meet_budget(
    first: Attempt,
    budget: AccuracyBudget,
    rank: Callable[[], Sequence[str]],
    retry: Callable[[tuple[str, ...]], Attempt],
) -> Attempt:
    """Find the attempt that holds the budget with the fewest layers in float, by bisection.

    Layers are kept in float worst first: none, then 1, 2, 4, ... until the budget holds; then a number
    between the last that broke it and the first that held it.

    Args:
        first: everything in int8.
        budget: the limits.
        rank: returns the layers, worst first; called only where ``first`` does not hold.
        retry: converts again with these layers in float.

    Raises:
        ConversionError: not even the last attempt holds.
    """
    if not budget.broken_by(first):
        return first
    layers = tuple(rank())
    attempt, too_few, kept = first, 0, min(1, len(layers))
    while kept > too_few:
        attempt = retry(layers[:kept])
        if not budget.broken_by(attempt):
            return _bisect_layers(attempt, too_few, budget, retry)
        too_few, kept = kept, min(2 * kept, len(layers))
    raise ConversionError(
        f"{budget.broken_by(attempt)},"
        f" with {len(attempt.float_layers)} of {len(layers)} layers in float; no bundle was written"
    )


def _bisect_layers(
    holding: Attempt, too_few: int, budget: AccuracyBudget, retry: Callable[[tuple[str, ...]], Attempt]
) -> Attempt:
    """Find the fewest float layers between ``too_few``, which break the budget, and those of ``holding``."""
    while len(holding.float_layers) - too_few > 1:
        middle = (len(holding.float_layers) + too_few) // 2
        attempt = retry(holding.float_layers[:middle])
        if budget.broken_by(attempt):
            too_few = middle
        else:
            holding = attempt
    return holding
