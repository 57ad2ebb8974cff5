"""Add to the verdict of a bundle's conversion what an evaluation on labelled pictures says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from converter.evaluation.ship_verdict import LEAST_PICTURES, ShipVerdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from converter.evaluation.evaluation import Evaluation, Figures

_LEAST_DECIDED = 0.5


def add_evaluation(verdict: ShipVerdict, found: Evaluation) -> ShipVerdict:
    """Return the verdict with what an evaluation says for it and against it."""
    against = (*verdict.against, *(text for one in found.figures for text in _find_reasons(one)))
    first = found.figures[0]
    right = f"{first.question} right on {first.accuracy.value:.1%} of {first.pictures} pictures"
    return ShipVerdict(
        ship=not against, shown=(*verdict.shown, right), against=against, mind=_drop_answered(verdict.mind)
    )


def _find_reasons(one: Figures) -> Iterator[str]:
    name = one.question.rstrip("?")
    pictures = {truth: sum(counts.values()) for truth, counts in one.crossover.items()}
    most = max(pictures, key=lambda truth: pictures[truth])
    if one.pictures < LEAST_PICTURES:
        yield f"{name}: judged on {one.pictures} pictures, wanted {LEAST_PICTURES} or more"
    elif sum(map(bool, pictures.values())) == 1:
        yield f"{name}: all {one.pictures} pictures are {most}; add others"
    elif one.accuracy.value <= pictures[most] / one.pictures:
        yield (
            f"{name}: right on {one.accuracy.value:.1%}, no more than by saying {most!r} every time"
            f" ({pictures[most] / one.pictures:.1%})"
        )
    if one.abstained > _LEAST_DECIDED:
        yield f"{name}: nothing is said of {one.abstained:.0%} of pictures"


def _drop_answered(mind: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out what labelled pictures have answered."""
    return tuple(text for text in mind if not text.startswith("how often it is right"))
