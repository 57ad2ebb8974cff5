"""Train and test the six models of the thesis, cascades and severity models on a data set.

All models of one architecture share its bottlenecks, so that a study costs little more than one training.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from converter.data.splits import split_by_group, split_by_picture
from converter.data.stage_truth import UNKNOWN
from converter.progress import show_steps
from converter.study.figures import (
    KNOWN,
    PICTURE,
    SPECIMEN,
    ModelComparison,
    ModelRow,
    Predictions,
    Study,
    combine_predictions,
    compare_cascades,
    measure_model,
)
from converter.study.models import PILOT, Model, select_answerable
from converter.training.recipe import CascadeRecipe, TrainingRecipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from converter.data.dataset import Sample
    from converter.training.retraining import PreparedTraining

PILOT_STEPS = (1000, 2000, 4000, 8000)


@dataclass(frozen=True, slots=True)
class StudySettings:
    """How a study divides its pictures and trains its models.

    Attributes:
        folds: parts of a division; each is tested by networks trained on the others.
        steps: of each training except the pilot's.
        pilot_steps: of each training of the pilot; empty leaves it out.
        size_px: sides of the input; None takes the architecture's own.
        bottleneck_dir: cache of activations; None caches nothing.
        seed: of divisions and trainings.
    """

    folds: int
    steps: int
    pilot_steps: tuple[int, ...]
    size_px: int | None
    bottleneck_dir: Path | None
    seed: int


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """The pictures, their divisions and the models to train, the same for every architecture."""

    settings: StudySettings
    samples: tuple[Sample, ...]
    divisions: dict[str, NDArray[np.intp]]
    models: tuple[Model, ...]
    left_out: tuple[str, ...]

    @property
    def trainings(self) -> int:
        """Number of trainings per architecture."""
        return len(self.settings.pilot_steps) + len(self.divisions) * self.settings.folds


def plan_study(settings: StudySettings, samples: tuple[Sample, ...]) -> StudyPlan:
    """Divide the samples into folds and select the models that they can train and test."""
    divisions = {
        SPECIMEN: split_by_group(samples, settings.folds, seed=settings.seed),
        PICTURE: split_by_picture(samples, settings.folds, seed=settings.seed),
    }
    pilot = [split_by_picture(samples, 2)] if settings.pilot_steps else []
    models, left_out = select_answerable(samples, [*divisions.values(), *pilot])
    return StudyPlan(settings, samples, divisions, models, left_out)


def study_architecture(
    plan: StudyPlan, name: str, weights: str | None
) -> tuple[tuple[ModelRow, ...], tuple[ModelComparison, ...]]:
    """Train and test all models on one architecture; return their figures and the cascades' gains."""
    from converter.training.retraining import prepare

    started = time.monotonic()
    training = TrainingRecipe(
        architecture=name,
        weights=weights,
        size_px=plan.settings.size_px,
        steps=plan.settings.steps,
        seed=plan.settings.seed,
        map_weight=0.0,
    )
    recipe = CascadeRecipe(stage=tuple(model.stage for model in plan.models), training=training)
    with show_steps() as begin:
        cache, advance = (
            plan.settings.bottleneck_dir,
            begin(f"{name}: computing bottlenecks", len(plan.samples)),
        )
        prepared = prepare(plan.samples, recipe, cache=cache, progress=advance)
        rows, compared = _train_and_test(plan, prepared, begin(f"{name}: training", plan.trainings))
    print(f"{name}: {plan.trainings} trainings, {time.monotonic() - started:.0f} s")
    return (
        tuple(msgspec.structs.replace(one, architecture=name) for one in rows),
        tuple(msgspec.structs.replace(one, architecture=name) for one in compared),
    )


def collect_results(
    plan: StudyPlan, data: str, studied: Sequence[tuple[tuple[ModelRow, ...], tuple[ModelComparison, ...]]]
) -> Study:
    """Return the result of a study.

    Args:
        plan: of the study.
        data: name of its pictures.
        studied: results of ``study_architecture``.
    """
    return Study(
        data=data,
        pictures=len(plan.samples),
        groups=len({sample.group for sample in plan.samples}),
        folds=plan.settings.folds,
        steps=plan.settings.steps,
        seed=plan.settings.seed,
        left_out=plan.left_out,
        rows=tuple(one for rows, _ in studied for one in rows),
        comparisons=tuple(one for _, compared in studied for one in compared),
    )


def _train_and_test(
    plan: StudyPlan, prepared: PreparedTraining, advance: Callable[[], None]
) -> tuple[list[ModelRow], list[ModelComparison]]:
    groups = np.array([sample.group for sample in plan.samples])
    rows: list[ModelRow] = []
    compared: list[ModelComparison] = []
    for steps, predictions in _run_pilot(prepared, plan.settings.pilot_steps):
        rows.append(msgspec.structs.replace(measure_model(predictions, groups, KNOWN), steps=steps))
        advance()
    for split, numbers in plan.divisions.items():
        of_all = combine_predictions(prepared.questions, _cross_validate(prepared, numbers, advance))
        rows += [measure_model(predictions, groups, split) for predictions in of_all]
        compared += compare_cascades(of_all, groups, split)
    return rows, compared


def _run_pilot(prepared: PreparedTraining, all_steps: Sequence[int]) -> Iterator[tuple[int, Predictions]]:
    """Yield Model 1 of the thesis for each number of steps, tested on specimens that it was trained on."""
    from converter.training.retraining import fit

    half = split_by_picture(prepared.samples, 2) == 0
    for steps in all_steps:
        training = msgspec.structs.replace(prepared.recipe.training, steps=steps)
        recipe = msgspec.structs.replace(prepared.recipe, training=training, stage=prepared.recipe.stage[:1])
        one = replace(prepared, recipe=recipe, questions=prepared.questions[:1])
        fitted = fit(one, half, np.zeros(len(half), bool))
        question = one.questions[0]
        unseen = np.where(half, UNKNOWN, question.targets)
        yield steps, Predictions(PILOT, question.labels, unseen, fitted.logits[question.name].argmax(axis=1))


def _cross_validate(
    prepared: PreparedTraining, numbers: NDArray[np.intp], advance: Callable[[], None]
) -> dict[str, NDArray[np.float32]]:
    """Return per stage the logits of every picture, from a network trained without the picture's fold."""
    from converter.training.retraining import fit

    none = np.zeros(len(numbers), bool)
    logits = {
        question.name: np.zeros((len(numbers), len(question.labels)), np.float32)
        for question in prepared.questions
    }
    for fold in range(numbers.max() + 1):
        tested = numbers == fold
        if tested.any():
            for stage, values in fit(prepared, ~tested, none).logits.items():
                logits[stage][tested] = values[tested]
        advance()
    return logits
