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
    """Return the first attempt that holds the budget: all int8, or with 1, 2, 4, ... layers in float.

    Args:
        first: everything in int8.
        max_drop_points: percentage points that any stage and the cascade may lose.
        rank: returns the layers, worst first; called only where ``first`` does not hold.
        retry: converts again with these layers in float.

    Raises:
        ConversionError: not even the last attempt holds.
    """
    attempt = first
    if attempt.worst.points <= max_drop_points:
        return attempt
    layers = [cost.layer for cost in rank()]
    kept = 1
    while layers:
        attempt = retry(tuple(layers[:kept]))
        if attempt.worst.points <= max_drop_points:
            return attempt
        if kept >= len(layers):
            break
        kept = min(2 * kept, len(layers))
    raise ConversionError(
        f"{over_budget(attempt.worst, max_drop_points)},"
        f" with {len(attempt.float_layers)} of {len(layers)} layers in float; no bundle was written"
    )


def over_budget(worst: Drop, max_drop_points: float) -> str:
    """Return the sentence for a drop that is more than allowed."""
    return (
        f"{worst.name}: quantized accuracy {worst.candidate.accuracy:.3f},"
        f" float {worst.reference.accuracy:.3f}:"
        f" drop {worst.points:.2f} points > allowed {max_drop_points:.2f}"
    )
