"""Compute each model's figures in a study from its predictions on pictures it was not trained on. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from converter.data.dataset import CORRODED
from converter.data.stage_truth import UNKNOWN
from converter.evaluation.metrics import (
    Detection,
    Interval,
    bootstrap_by_group,
    measure_detection,
    tabulate_confusions,
)
from converter.study.models import (
    CASCADE,
    CONDITIONS,
    FOUR_CLASSES,
    SEVERITIES,
    SEVERITY_CASCADE,
    TITLES,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from converter.training.steps.training_data import TrainingTarget

SPECIMEN, PICTURE, KNOWN = "specimen", "picture", "known"


class ModelRow(msgspec.Struct, frozen=True, kw_only=True):
    """One model's figures on pictures that it was not trained on.

    Attributes:
        split: divided by ``specimen`` or by ``picture``; ``known`` for the pilot, whose test pictures are of
            specimens that it was trained on.
        accuracy: with the interval of a bootstrap over groups.
        most_frequent: the accuracy of always predicting the most frequent label.
        detection: precision, recall and F-measure of *corroded*, where that is a label of its own.
        crossover: truth -> prediction -> pictures.
        errors: wrong predictions.
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
    """A cascade compared with a single model for the same labels, on the same pictures.

    Attributes:
        gained: accuracy of the cascade minus that of the model, 0 to 1, with its interval over groups.
        only_cascade: pictures that only the cascade gets right.
        only_model: pictures that only the model gets right.
    """

    architecture: str = ""
    split: str
    cascade: str
    model: str
    gained: Interval
    only_cascade: int
    only_model: int


class Study(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a study; JSON of ``--json``.

    Attributes:
        steps: of each training except the pilot's.
        left_out: sentences on the models that this data set cannot train.
    """

    data: str
    pictures: int
    groups: int
    folds: int
    steps: int
    seed: int
    left_out: tuple[str, ...]
    rows: tuple[ModelRow, ...]
    comparisons: tuple[ModelComparison, ...]


@dataclass(frozen=True, slots=True)
class Predictions:
    """The predictions of one model or one cascade.

    Attributes:
        title: of the model.
        labels: those it chooses from.
        targets: index of the right label, ``(pictures,)``; ``UNKNOWN`` where it is not known.
        predicted: index of the predicted label, ``(pictures,)``.
    """

    title: str
    labels: tuple[str, ...]
    targets: NDArray[np.intp]
    predicted: NDArray[np.intp]


def combine_predictions(
    targets: Sequence[TrainingTarget], logits: Mapping[str, NDArray[np.float32]]
) -> tuple[Predictions, ...]:
    """Return the predictions of each model, and those of the cascades that the models form.

    Args:
        targets: of the models.
        logits: by the target's name, ``(pictures, labels)``.
    """
    by_name = {target.name: target for target in targets}
    chosen = {name: logits[name].argmax(axis=1) for name in by_name}
    found = [Predictions(TITLES[name], t.labels, t.targets, chosen[name]) for name, t in by_name.items()]
    if {"four", "material", "steel", "aluminium"} <= by_name.keys():
        condition = np.where(chosen["material"] == 0, chosen["aluminium"], chosen["steel"])
        both = chosen["material"] * len(CONDITIONS) + condition
        found.append(Predictions(CASCADE, FOUR_CLASSES, by_name["four"].targets, both))
    if {"severities", "steel", "severity"} <= by_name.keys():
        none = SEVERITIES.index("none")
        staged = np.where(chosen["steel"] == CONDITIONS.index(CORRODED), chosen["severity"], none)
        found.append(Predictions(SEVERITY_CASCADE, SEVERITIES, by_name["severities"].targets, staged))
    return tuple(found)


def measure_model(predictions: Predictions, groups: NDArray[np.str_], split: str) -> ModelRow:
    """Compute the figures of one model.

    Args:
        predictions: for at least one picture whose right label is known.
        groups: of each picture, ``(pictures,)``.
        split: how the pictures were divided into training and test pictures.
    """
    known = predictions.targets != UNKNOWN
    targets, predicted, labels = predictions.targets[known], predictions.predicted[known], predictions.labels
    four = labels == FOUR_CLASSES
    true_names, predicted_names = ([labels[at] for at in indices] for indices in (targets, predicted))
    return ModelRow(
        model=predictions.title,
        split=split,
        pictures=len(targets),
        groups=len(set(groups[known].tolist())),
        accuracy=bootstrap_by_group(targets == predicted, groups[known].tolist()),
        most_frequent=float(np.bincount(targets).max() / len(targets)),
        detection=measure_detection(true_names, predicted_names, CORRODED) if labels == CONDITIONS else None,
        crossover=tabulate_confusions(true_names, predicted_names),
        errors=int((targets != predicted).sum()),
        between_materials=int((targets // 2 != predicted // 2).sum()) if four else None,
        wrong_condition=int((targets % 2 != predicted % 2).sum()) if four else None,
    )


def compare_cascades(
    predictions: Sequence[Predictions], groups: NDArray[np.str_], split: str
) -> tuple[ModelComparison, ...]:
    """Compare each cascade with the single model for the same labels."""
    by_title = {one.title: one for one in predictions}
    pairs = ((CASCADE, TITLES["four"]), (SEVERITY_CASCADE, TITLES["severities"]))
    return tuple(
        _compare_pair(by_title[cascade], by_title[model], groups, split)
        for cascade, model in pairs
        if {cascade, model} <= by_title.keys()
    )


def _compare_pair(
    cascade: Predictions, model: Predictions, groups: NDArray[np.str_], split: str
) -> ModelComparison:
    known = cascade.targets != UNKNOWN
    staged, single = ((one.predicted == one.targets)[known] for one in (cascade, model))
    return ModelComparison(
        split=split,
        cascade=cascade.title,
        model=model.title,
        gained=bootstrap_by_group(staged.astype(float) - single, groups[known].tolist()),
        only_cascade=int((staged & ~single).sum()),
        only_model=int((single & ~staged).sum()),
    )
