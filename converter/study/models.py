"""Define the models that a study trains: those of the thesis, and further stages and models."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from converter.data.dataset import CORRODED, UNCORRODED
from converter.training.recipe import StageRecipe
from edge_node.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from converter.data.dataset import Sample

CONDITIONS = (CORRODED, UNCORRODED)
MATERIALS = ("aluminium", "steel")
FOUR_CLASSES = tuple(f"{material}, {condition}" for material in MATERIALS for condition in CONDITIONS)
SEVERITIES = ("late", "mid", "none")

PILOT = "Model 1: pilot, tested on specimens that it was trained on"
CASCADE = "Cascade: material, then that material's model"
SEVERITY_CASCADE = "Cascade: steel corroded? then mid or late"


@dataclass(frozen=True, slots=True)
class Model:
    """One model of a study.

    Attributes:
        title: in the report.
        stage: its labels and the pictures that have them.
        thesis: the accuracy that the thesis reports, in percent, if it has this model.
    """

    title: str
    stage: StageRecipe
    thesis: float | None = None


_STEEL: dict[str, tuple[str, ...]] = {"material": ("steel",)}
_ALUMINIUM: dict[str, tuple[str, ...]] = {"material": ("aluminium",)}
MODELS = (
    Model(
        "Model 2: corroded or not, all metals",
        StageRecipe(name="binary", column="corroded", labels=CONDITIONS),
        97.67,
    ),
    Model(
        "Model 3: uncorroded, corroded, pitted",
        StageRecipe(name="three", column="three", labels=(CORRODED, "pitted", UNCORRODED)),
        95.67,
    ),
    Model(
        "Model 4: material and condition",
        StageRecipe(name="four", column="four", labels=FOUR_CLASSES),
        80.0,
    ),
    Model(
        "Model 5: steel alone",
        StageRecipe(name="steel", column="corroded", labels=CONDITIONS, where=_STEEL),
        99.38,
    ),
    Model(
        "Model 6: aluminium alone",
        StageRecipe(name="aluminium", column="corroded", labels=CONDITIONS, where=_ALUMINIUM),
        100.0,
    ),
    Model("Material stage", StageRecipe(name="material", column="material", labels=MATERIALS)),
    Model(
        "Severity stage: corroded steel, mid or late",
        StageRecipe(name="severity", column="severity", labels=SEVERITIES[:2], where=_STEEL),
    ),
    Model(
        "Severity of steel in one model: none, mid, late",
        StageRecipe(name="severities", column="severity", labels=SEVERITIES, where=_STEEL),
    ),
)
TITLES = {model.stage.name: model.title for model in MODELS}
# Accuracies that the thesis reports, in percent, by title.
THESIS = {model.title: model.thesis for model in MODELS if model.thesis is not None}


def with_classes(sample: Sample) -> Sample:
    """Return the sample with the thesis' three and four classes as columns; galvanized iron is steel."""
    material, condition = sample.labels.get("material"), sample.labels.get("corroded")
    if material == "galvanized":
        material = "steel"
    labels = dict(sample.labels)
    if material in MATERIALS:
        labels["material"] = material
        if condition is not None:
            labels["four"] = f"{material}, {condition}"
            pitted = material == "aluminium" and condition == CORRODED
            labels["three"] = "pitted" if pitted else condition
    return replace(sample, labels=labels)


def select_answerable(
    samples: Sequence[Sample], divisions: Sequence[NDArray[np.intp]]
) -> tuple[tuple[Model, ...], tuple[str, ...]]:
    """Select the models that can be trained and tested in every fold; return also why the others cannot.

    Args:
        samples: from ``with_classes``.
        divisions: fold numbers, each ``(samples,)``.

    Raises:
        DatasetError: none can be.
    """
    models, reasons = [], []
    for model in MODELS:
        reason = _reason_to_leave_out(model.stage, samples, divisions)
        if reason is None:
            models.append(model)
        else:
            reasons.append(f"{model.title}: left out, {reason}")
    if not models:
        raise DatasetError(f"nothing to study; {reasons[0]}")
    return tuple(models), tuple(reasons)


def _reason_to_leave_out(
    stage: StageRecipe, samples: Sequence[Sample], divisions: Sequence[NDArray[np.intp]]
) -> str | None:
    """Return why a stage cannot be trained and tested in every fold; None if it can."""
    targets = [stage.target(sample) for sample in samples]
    for index, label in enumerate(stage.labels):
        chosen = np.array([target == index for target in targets])
        if not chosen.any():
            return f"no picture is labelled {label} ({_describe_columns(stage)})"
        for numbers in divisions:
            if len(np.unique(numbers[chosen])) < 2:
                groups = len({s.group for s, own in zip(samples, chosen, strict=True) if own})
                return (
                    f"all {chosen.sum()} pictures of {label} ({groups} groups) are in one fold, and none is"
                    " left to train on; add specimens, or choose another --seed or more --folds"
                )
    return None


def _describe_columns(stage: StageRecipe) -> str:
    """Return the columns of ``labels.csv`` that a stage needs, as text."""
    conditions = (f"{column} = {values[0]}" for column, values in stage.where.items())
    column = "corroded and material" if stage.column in {"three", "four"} else stage.column
    return ", ".join([f"column {column}", *conditions])
