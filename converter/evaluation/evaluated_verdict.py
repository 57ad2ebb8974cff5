"""Add to the verdict of a bundle's conversion what an evaluation on labelled pictures says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from converter.evaluation.ship_verdict import LEAST_PICTURES, ShipVerdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from converter.evaluation.evaluation import Evaluation, Figures

_LEAST_DECIDED = 0.5
# Begins the note that an evaluation answers; the second is that of bundles of 0.9.0 and 0.10.0.
_NOT_MEASURED = ("the accuracy was not measured", "how often it is right was not measured")


def add_evaluation(verdict: ShipVerdict, found: Evaluation) -> ShipVerdict:
    """Return the verdict with what an evaluation says for it and against it.

    The first question, which is asked of most pictures, has to be judged on enough of them.
    """
    first = found.figures[0]
    faults = (text for one in found.figures for text in _find_faults(one))
    reasons = [*_find_gaps(first), *faults, *_find_false_claim(found)]
    right = f"{first.question} right on {first.accuracy.value:.1%} of {first.pictures} pictures"
    against = (*verdict.against, *reasons)
    return ShipVerdict(
        ship=not against, shown=(*verdict.shown, right), against=against, mind=_drop_answered(verdict.mind)
    )


def _find_gaps(one: Figures) -> Iterator[str]:
    pictures = _count_truths(one)
    if one.pictures < LEAST_PICTURES:
        yield f"{_name(one)}: judged on {one.pictures} pictures, wanted {LEAST_PICTURES} or more"
    if sum(map(bool, pictures.values())) == 1:
        yield f"{_name(one)}: all {one.pictures} pictures are {_most(pictures)}; add others"


def _find_faults(one: Figures) -> Iterator[str]:
    pictures = _count_truths(one)
    most, share = _most(pictures), max(pictures.values()) / one.pictures
    if one.pictures >= LEAST_PICTURES and share < 1 and one.accuracy.value <= share:
        yield (
            f"{_name(one)}: right on {one.accuracy.value:.1%}, no better than {most!r} for every picture"
            f" ({share:.1%})"
        )
    if one.abstained > _LEAST_DECIDED:
        yield f"{_name(one)}: it abstains on {one.abstained:.0%} of pictures"


def _find_false_claim(found: Evaluation) -> Iterator[str]:
    """Yield why a bundle that claims to judge pictures without colour must not."""
    grey = None if found.stress is None else found.stress.grey
    if grey is not None and grey.claimed and grey.is_enough and not grey.may_be_judged:
        yield f"its manifest claims colourless: measured, but {grey.sentence}"


def _name(one: Figures) -> str:
    return one.question.rstrip("?")


def _count_truths(one: Figures) -> dict[str, int]:
    return {truth: sum(counts.values()) for truth, counts in one.crossover.items()}


def _most(pictures: dict[str, int]) -> str:
    return max(pictures, key=lambda truth: pictures[truth])


def _drop_answered(mind: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out what labelled pictures have answered."""
    return tuple(text for text in mind if not text.startswith(_NOT_MEASURED))
