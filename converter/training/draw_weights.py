"""Weigh the pictures of a training: how often each is drawn, by set, label, source and group."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from converter.data.dataset import CORRODED, UNCORRODED
from converter.data.stage_truth import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from converter.data.dataset import Sample
    from converter.training.recipe import TrainingRecipe
    from converter.training.steps.training_data import TrainingTarget

# A stratum (set and label, perhaps of one source) with fewer pictures is drawn less often than a larger one,
# or training would overfit its few pictures.
FULL_WEIGHT_PICTURES = 60


def weigh_pictures(
    samples: Sequence[Sample],
    questions: Sequence[TrainingTarget],
    wanted: TrainingRecipe,
    training: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Return the relative frequency with which each picture is drawn, ``(pictures,)``; 0 excludes it.

    With ``balance`` by labels or sources, sets are weighted as the recipe says, and within a set every
    stratum (label, or label and source) weighs the same; the labels are those of the stage that most
    pictures have a label for. By groups, see ``_weigh_by_group``. ``wanted.sources`` multiplies the weights
    of whole sources.

    Args:
        samples: the pictures.
        questions: the training target of each stage.
        wanted: how they are trained.
        training: those to train on, ``(pictures,)``.
    """
    has_label = training & np.any([q.targets != UNKNOWN for q in questions], axis=0)
    if wanted.balance == "groups":
        weights = _weigh_by_group(samples, wanted, has_label)
    else:
        weights = _weigh_by_stratum(samples, questions, wanted, training, has_label)
    weights *= np.array([wanted.sources.get(sample.source, 1.0) for sample in samples])
    return weights


def _weigh_by_stratum(
    samples: Sequence[Sample],
    questions: Sequence[TrainingTarget],
    wanted: TrainingRecipe,
    training: NDArray[np.bool_],
    has_label: NDArray[np.bool_],
) -> NDArray[np.float64]:
    by_source = wanted.balance == "sources"
    known = [np.count_nonzero(question.targets[training] != UNKNOWN) for question in questions]
    most_known = questions[int(np.argmax(known))]
    strata = [
        (sample.set_name, sample.source if by_source else "", int(target))
        for sample, target in zip(samples, most_known.targets, strict=True)
    ]
    counts = Counter(stratum for stratum, used in zip(strata, has_label, strict=True) if used)
    return np.array(
        [
            wanted.sets.get(stratum[0], 1.0) / max(counts[stratum], FULL_WEIGHT_PICTURES) if used else 0.0
            for stratum, used in zip(strata, has_label, strict=True)
        ]
    )


def _weigh_by_group(
    samples: Sequence[Sample], wanted: TrainingRecipe, has_label: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Weigh each picture by one over the root of its group's pictures, and both conditions of metal alike.

    A long series of one object then counts more than one picture, but not as many as it has. A group is
    counted within its set and condition.
    """
    conditions = np.array([sample.labels.get("corroded", "") for sample in samples])
    groups = [
        (sample.set_name, condition, sample.specimen)
        for sample, condition in zip(samples, conditions, strict=True)
    ]
    counts = Counter(group for group, used in zip(groups, has_label, strict=True) if used)
    weights = np.array(
        [
            wanted.sets.get(group[0], 1.0) / counts[group] ** 0.5 if used else 0.0
            for group, used in zip(groups, has_label, strict=True)
        ]
    )
    totals = {value: weights[conditions == value].sum() for value in (CORRODED, UNCORRODED)}
    if all(totals.values()):
        for value, total in totals.items():
            weights[conditions == value] *= sum(totals.values()) / 2 / total
    return weights
