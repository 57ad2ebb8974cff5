"""The accuracy that quantizing may cost, and the layers kept in float until it costs no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from converter.labelled import cascade_score, stage_score
from edge_node.errors import ConversionError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from converter.compare import Answers
    from converter.labelled import LabelledSet, Score
    from converter.sensitivity import LayerCost
    from edge_node.bundle import Bundle
    from edge_node.manifest import Cascade

CASCADE = "the cascade"


@dataclass(frozen=True, slots=True)
class Drop:
    """Float against quantized accuracy of one stage, or of the whole cascade."""

    name: str
    reference: Score
    candidate: Score

    @property
    def points(self) -> float:
        """Accuracy lost, in percentage points; negative where quantizing helped."""
        return 100.0 * (self.reference.accuracy - self.candidate.accuracy)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One conversion tried: how many layers stayed in float, and what came of it."""

    bundle: Bundle
    answers: Answers | None
    drops: tuple[Drop, ...]
    float_layers: tuple[str, ...] = ()

    @property
    def worst(self) -> Drop:
        """The drop that decides."""
        return max(self.drops, key=lambda drop: drop.points)


def drops(
    labelled: LabelledSet, cascade: Cascade, reference: Answers, candidate: Answers
) -> tuple[Drop, ...]:
    """Return what quantizing cost each stage that has labelled pictures, and the cascade."""
    found = [
        Drop(stage.name, stage_score(labelled, stage, reference), stage_score(labelled, stage, candidate))
        for stage in cascade.stages
    ]
    if len(cascade.stages) > 1:
        scores = (cascade_score(labelled, cascade, answers) for answers in (reference, candidate))
        found.append(Drop(CASCADE, *scores))
    return tuple(drop for drop in found if drop.reference.pictures)


def within_budget(
    first: Attempt,
    max_drop_points: float,
    rank: Callable[[], Sequence[LayerCost]],
    retry: Callable[[tuple[str, ...]], Attempt],
) -> Attempt:
    """Return an attempt that holds the budget with as few layers in float as bisection finds.

    Layers are tried worst first: none, then 1, 2, 4, ... until it holds; then between the last that did not
    and the first that did.

    Args:
        first: everything in int8.
        max_drop_points: percentage points that any stage and the cascade may lose.
        rank: returns the layers, worst first; called only where ``first`` does not hold.
        retry: converts again with these layers in float.

    Raises:
        ConversionError: not even the last attempt holds.
    """
    if first.worst.points <= max_drop_points:
        return first
    layers = [cost.layer for cost in rank()]
    attempt, too_few, kept = first, 0, min(1, len(layers))
    while kept > too_few:
        attempt = retry(tuple(layers[:kept]))
        if attempt.worst.points <= max_drop_points:
            return _fewest(attempt, too_few, max_drop_points, retry)
        too_few, kept = kept, min(2 * kept, len(layers))
    raise ConversionError(
        f"{over_budget(attempt.worst, max_drop_points)},"
        f" with {len(attempt.float_layers)} of {len(layers)} layers in float; no bundle was written"
    )


def _fewest(
    holding: Attempt,
    too_few: int,
    max_drop_points: float,
    retry: Callable[[tuple[str, ...]], Attempt],
) -> Attempt:
    """Return the attempt with the fewest layers between ``too_few``, which do not hold, and ``holding``."""
    while len(holding.float_layers) - too_few > 1:
        middle = (len(holding.float_layers) + too_few) // 2
        attempt = retry(holding.float_layers[:middle])
        if attempt.worst.points <= max_drop_points:
            holding = attempt
        else:
            too_few = middle
    return holding


def over_budget(worst: Drop, max_drop_points: float) -> str:
    """Return the sentence for a drop that is more than allowed."""
    return (
        f"{worst.name}: quantized accuracy {worst.candidate.accuracy:.3f},"
        f" float {worst.reference.accuracy:.3f}:"
        f" drop {worst.points:.2f} points > allowed {max_drop_points:.2f}"
    )
