"""When another scaling is so much better that the chosen one must be wrong."""

from __future__ import annotations

import pytest

from converter.proof.better_scaling import describe_better, find_better
from converter.source_model.request import CHOSEN, EXCHANGED_LABELS, ScalingScore


def score(name: str, gained: int, lost: int, both_right: int = 10, both_wrong: int = 0) -> ScalingScore:
    """Return a score by how often the alternative and the chosen scaling differ."""
    asked = gained + lost + both_right + both_wrong
    return ScalingScore(name=name, right=gained + both_right, pictures=asked, gained=gained, lost=lost)


CHOSEN_SCORE = ScalingScore(name=CHOSEN, right=20, pictures=40)


@pytest.mark.parametrize(
    ("gained", "lost", "both_right", "is_better"),
    [
        (10, 0, 0, True),
        (9, 0, 0, False),  # chance gives that once in 500 tries, and four are tried
        (27, 8, 14, True),
        (5, 0, 0, False),
        (20, 3, 10, True),
        (20, 12, 10, False),
        (14, 0, 300, False),  # certain, and too little to matter
        (0, 20, 10, False),
    ],
)
def test_a_few_pictures_do_not_make_a_scaling_better(gained, lost, both_right, is_better):
    """Ten pictures at least must speak for it, and few against it; and it must gain a tenth."""
    others = [score(name, 0, 3) for name in ("/ 255", "0 to 255", "BGR instead of RGB")]
    found = find_better([CHOSEN_SCORE, *others, score("-1 to 1", gained, lost, both_right)])
    assert (found is not None) == is_better


def test_the_best_of_several_is_named_with_all_figures_and_what_to_do():
    """The sentence has every scaling's figure; for exchanged labels it names the label file."""
    scores = [CHOSEN_SCORE, score("/ 255", 15, 0), score("-1 to 1", 25, 0)]
    better = find_better(scores)
    assert better is not None
    assert better.name == "-1 to 1"
    said = describe_better(better, scores)
    assert "as chosen 20 of 40, / 255 25 of 25, -1 to 1 35 of 35" in said
    assert "--input-mean" in said
    assert "label file" in describe_better(score(EXCHANGED_LABELS, 20, 0), scores)
