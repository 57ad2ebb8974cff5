"""Judge whether another scaling of pixels is right so much more often that the chosen one must be wrong."""

from __future__ import annotations

from math import comb
from typing import TYPE_CHECKING

from converter.source_model.request import CHOSEN, EXCHANGED_LABELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from converter.source_model.request import ScalingScore

# The chance that a scaling which is no better looks so much better on these pictures; shared by all that are
# tried. Ten pictures or so must speak for it at least, and none against it.
_MOST_CHANCE = 0.005
_LEAST_GAIN = 0.1  # share of the pictures; less is no reason to stop a conversion


def find_better(scores: Sequence[ScalingScore]) -> ScalingScore | None:
    """Return the alternative that is clearly better than the chosen scaling, the best if several are.

    Pictures that both get right or wrong say nothing; of the others each is a toss of a coin, if neither is
    better (McNemar's exact test, one-sided).
    """
    others = [score for score in scores if score.name != CHOSEN]
    better = [
        score
        for score in others
        if score.gained - score.lost >= _LEAST_GAIN * score.pictures
        and _chance(score.gained, score.lost) <= _MOST_CHANCE / len(others)
    ]
    return max(better, key=lambda score: (score.gained - score.lost) / score.pictures, default=None)


def describe_better(better: ScalingScore, scores: Sequence[ScalingScore]) -> str:
    """Return a clause with the figures of all scalings, and what to do."""
    asked, chosen = better.pictures, better.right - better.gained + better.lost
    figures = ", ".join(f"{score.name} {score.right} of {score.pictures}" for score in scores)
    advice = (
        "put the lines of the label file in the order of the outputs"
        if better.name == EXCHANGED_LABELS
        else "give --input-mean, --input-std and --input-colour-order as in training"
    )
    return (
        f"TensorFlow is right on {better.right} of {asked} labelled pictures with {better.name}, as chosen on"
        f" {chosen} of them ({figures}); {advice}"
    )


def _chance(gained: int, lost: int) -> float:
    tossed = gained + lost
    return sum(comb(tossed, heads) for heads in range(gained, tossed + 1)) / 2.0**tossed
