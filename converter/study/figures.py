"""What a study counts: each model's figures from what was said of pictures it did not know. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from converter.data.dataset import CORRODED
from converter.evaluation.metrics import Detection, Interval, by_group, crossover, detection
from converter.study.models import (
    CASCADE,
    CONDITIONS,
    FOUR_CLASSES,
    SEVERITIES,
    SEVERITY_CASCADE,
    TITLES,
)
from converter.training.head_training import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from converter.training.head_training import TrainingTarget

SPECIMEN, PICTURE, KNOWN = "specimen", "picture", "known"


class ModelRow(msgspec.Struct, frozen=True, kw_only=True):
    """One model's figures on pictures that it was not trained on.

    Attributes:
        split: divided by ``specimen`` or by ``picture``; ``known`` for the pilot, whose test pictures are of
            specimens that it was trained on.
        accuracy: with the range that a bootstrap over groups gives.
        most_frequent: the accuracy of always saying the most frequent label.
        detection: precision, recall and F-measure of *corroded*, where that is a label of its own.
        crossover: truth -> answer -> pictures.
        errors: wrong answers.
        between_materials: those of them that name another material; four classes only.
        wrong_condition: those of them that name the other condition; four classes only.
        steps: of the pilot.
    """

    architecture: str = ""
    model: str
    split: str
    pictures: int
    groups: int
    accuracy: Interval
    most_frequent: float
    detection: Detection | None = None
    crossover: dict[str, dict[str, int]] = {}
    errors: int = 0
    between_materials: int | None = None
    wrong_condition: int | None = None
    steps: int | None = None


class ModelComparison(msgspec.Struct, frozen=True, kw_only=True):
    """A cascade against one model for the same answers, on the same pictures.

    Attributes:
        gained: accuracy of the cascade less that of the model, with its range over groups: shares.
        only_cascade: pictures of which the cascade alone is right.
        only_model: pictures of which the model alone is right.
    """

    architecture: str = ""
    split: str
    cascade: str
    model: str
    gained: Interval
    only_cascade: int
    only_model: int


@dataclass(frozen=True, slots=True)
class Answered:
    """What one model, or several after another, said.

    Attributes:
        title: of the model.
        labels: what it chose from.
        targets: index of the right label, ``(pictures,)``; ``UNKNOWN`` where it is not known.
        said: index of the label that was said, ``(pictures,)``.
    """

    title: str
    labels: tuple[str, ...]
    targets: NDArray[np.intp]
    said: NDArray[np.intp]


def answers_of(
    questions: Sequence[TrainingTarget], logits: Mapping[str, NDArray[np.float32]]
) -> tuple[Answered, ...]:
    """Return what each model said, and what the cascades of them say.

    Args:
        questions: of the models.
        logits: by the question's name, ``(pictures, labels)``.
    """
    asked = {question.name: question for question in questions}
    said = {name: logits[name].argmax(axis=1) for name in asked}
    found = [Answered(TITLES[name], q.labels, q.targets, said[name]) for name, q in asked.items()]
    if {"four", "material", "steel", "aluminium"} <= asked.keys():
        condition = np.where(said["material"] == 0, said["aluminium"], said["steel"])
        both = said["material"] * len(CONDITIONS) + condition
        found.append(Answered(CASCADE, FOUR_CLASSES, asked["four"].targets, both))
    if {"severities", "steel", "severity"} <= asked.keys():
        none = SEVERITIES.index("none")
        staged = np.where(said["steel"] == CONDITIONS.index(CORRODED), said["severity"], none)
        found.append(Answered(SEVERITY_CASCADE, SEVERITIES, asked["severities"].targets, staged))
    return tuple(found)


def row(answered: Answered, groups: NDArray[np.str_], split: str) -> ModelRow:
    """Return the figures of one model.

    Args:
        answered: of at least one picture whose right label is known.
        groups: of each picture, ``(pictures,)``.
        split: how trained and tested pictures were divided.
    """
    known = answered.targets != UNKNOWN
    targets, said, labels = answered.targets[known], answered.said[known], answered.labels
    truth, answers = [labels[at] for at in targets], [labels[at] for at in said]
    four = labels == FOUR_CLASSES
    return ModelRow(
        model=answered.title,
        split=split,
        pictures=len(targets),
        groups=len(set(groups[known].tolist())),
        accuracy=by_group(targets == said, groups[known].tolist()),
        most_frequent=float(np.bincount(targets).max() / len(targets)),
        detection=detection(truth, answers, CORRODED) if labels == CONDITIONS else None,
        crossover=crossover(truth, answers),
        errors=int((targets != said).sum()),
        between_materials=int((targets // 2 != said // 2).sum()) if four else None,
        wrong_condition=int((targets % 2 != said % 2).sum()) if four else None,
    )


def comparisons(
    answered: Sequence[Answered], groups: NDArray[np.str_], split: str
) -> tuple[ModelComparison, ...]:
    """Return each cascade against the one model that gives the same answers."""
    by_title = {one.title: one for one in answered}
    pairs = ((CASCADE, TITLES["four"]), (SEVERITY_CASCADE, TITLES["severities"]))
    return tuple(
        _comparison(by_title[cascade], by_title[model], groups, split)
        for cascade, model in pairs
        if {cascade, model} <= by_title.keys()
    )


def _comparison(cascade: Answered, model: Answered, groups: NDArray[np.str_], split: str) -> ModelComparison:
    known = cascade.targets != UNKNOWN
    staged, single = ((one.said == one.targets)[known] for one in (cascade, model))
    return ModelComparison(
        split=split,
        cascade=cascade.title,
        model=model.title,
        gained=by_group(staged.astype(float) - single, groups[known].tolist()),
        only_cascade=int((staged & ~single).sum()),
        only_model=int((single & ~staged).sum()),
    )
