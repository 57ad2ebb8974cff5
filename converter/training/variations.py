"""Plan the trainings that a recipe asks for, one for each variation and seed, and average their weights.

The average of weights that were trained differently from one start generalises better than each (Wortsman et
al., Model soups, ICML 2022).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.data.stage_truth import UNKNOWN
from converter.training.draw_weights import weigh_pictures
from converter.training.member_worker import CHECKPOINT_NAME
from converter.training.side_by_side import (
    Network,
    TrainedMember,
    prepare_folder,
    train_side_by_side,
)
from converter.training.steps.checkpoint import Checkpoint
from converter.training.steps.head_training import train
from converter.training.steps.training_data import Member, TrainedHead, TrainingData, TrainingSettings
from edge_node.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from converter.data.dataset import Sample
    from converter.training.recipe import CascadeRecipe, TrainingRecipe
    from converter.training.steps.training_data import TrainingTarget, Validation

_VALIDATIONS = 20  # per training, unless the recipe says otherwise


def plan_members(
    samples: Sequence[Sample],
    recipe: CascadeRecipe,
    questions: Sequence[TrainingTarget],
    data: TrainingData,
    training: NDArray[np.bool_],
) -> list[Member]:
    """Return the trainings of a recipe.

    Args:
        samples: all pictures.
        recipe: its variations, and the trainings of each.
        questions: the training target of each stage.
        data: its weights are replaced.
        training: ``(pictures,)``, those to train on if the recipe admits them.

    Raises:
        DatasetError: a stage has pictures of fewer than two labels to train on.
    """
    members = []
    for number, varied in enumerate(recipe.trainings()):
        unseen = find_left_out(samples, varied.leave_out_sources, varied.leave_out_groups)
        admitted = training & ~unseen & np.array([varied.admits(sample) for sample in samples])
        _check_labels(questions, admitted)
        weighed = replace(data, weights=weigh_pictures(samples, questions, varied, admitted))
        left_out = find_left_out(
            samples,
            set(varied.leave_out_sources) - set(recipe.training.leave_out_sources),
            set(varied.leave_out_groups) - set(recipe.training.leave_out_groups),
        )
        members += [
            Member(number, weighed, _make_settings(varied, number_of_seed), left_out)
            for number_of_seed in range(varied.trainings)
        ]
    return members


def find_left_out(
    samples: Sequence[Sample], sources: Iterable[str], left_out: Iterable[str] = ()
) -> NDArray[np.bool_]:
    """Return which pictures are of these groups, or of specimens that these sources show, ``(n,)``."""
    groups = {sample.specimen for sample in samples if sample.source in set(sources)} | set(left_out)
    return np.array([sample.specimen in groups for sample in samples])


def train_members(  # noqa: PLR0913 - the trainings, where they are kept, and who is told of them
    members: Sequence[Member],
    questions: Sequence[TrainingTarget],
    upper: Any,
    network: Network,
    *,
    work: Path | None,
    content: str,
    on_steps: Callable[[int], None],
    report: Callable[[int, Validation], None],
) -> list[TrainedMember]:
    """Train each member from the same start: side by side where layers are trained and ``work`` is given.

    Args:
        members: the trainings.
        questions: one for each head.
        upper: the layers that are trained too; None for heads only.
        network: what ``upper`` is part of, and its weights at the start.
        work: folder in which states are kept, so that a killed training can go on; None keeps none.
        content: a text that is different for other activations and masks.
        on_steps: called with the number of further steps that are done.
        report: called with a member's number, from 0, and the result of its validation.

    Raises:
        DatasetError: a process failed, or the disk refuses.
    """
    if upper and work and len(members) > 1:
        return train_side_by_side(
            members, questions, network, work, content, on_steps=on_steps, report=report
        )
    trained = []
    for number, member in enumerate(members):
        kept = None
        if upper:
            upper.set_weights(network.start)
            if work:
                kept = Checkpoint(prepare_folder(member, questions, network, work, content) / CHECKPOINT_NAME)
        heads = train(
            member.data,
            questions,
            member.settings,
            upper=upper,
            report=partial(report, number),
            on_steps=on_steps,
            kept=kept,
        )
        trained.append(TrainedMember(upper.get_weights() if upper else [], heads))
    return trained


def average(members: Sequence[Member], trained: Sequence[TrainedMember]) -> TrainedMember:
    """Return the mean over the variations of the mean over each variation's trainings."""
    numbers = sorted({member.variation for member in members})
    means = [
        _mean([one for member, one in zip(members, trained, strict=True) if member.variation == number])
        for number in numbers
    ]
    return _mean(means)


def _mean(trained: Sequence[TrainedMember]) -> TrainedMember:
    upper = [np.mean(values, axis=0) for values in zip(*(one.upper for one in trained), strict=True)]
    heads = tuple(
        TrainedHead(
            alike[0].question,
            np.mean([head.weights for head in alike], axis=0),
            np.mean([head.biases for head in alike], axis=0),
        )
        for alike in zip(*(one.heads for one in trained), strict=True)
    )
    return TrainedMember(upper, heads)


def _check_labels(questions: Sequence[TrainingTarget], training: NDArray[np.bool_]) -> None:
    """Refuse a training in which a stage has a label without pictures."""
    for question in questions:
        present = set(question.targets[training].tolist()) - {UNKNOWN}
        if len(present) < len(question.labels):
            missing = [label for index, label in enumerate(question.labels) if index not in present]
            raise DatasetError(
                f"stage {question.name}: no picture of {', '.join(missing)} is left to train on;"
                " add specimens, or choose another --seed or smaller percentages"
            )


def _make_settings(wanted: TrainingRecipe, training: int) -> TrainingSettings:
    """Return the hyperparameters of a training, whose number adds to the seed."""
    return TrainingSettings(
        steps=wanted.steps,
        learning_rate=wanted.learning_rate,
        backbone_learning_rate=wanted.backbone_learning_rate,
        batch=wanted.batch,
        weight_decay=wanted.weight_decay,
        dropout=wanted.dropout,
        label_smoothing=wanted.label_smoothing,
        map_weight=wanted.map_weight,
        evaluate_every=wanted.evaluate_every or max(1, wanted.steps // _VALIDATIONS),
        patience=wanted.patience,
        style_mixing=wanted.style_mixing,
        seed=wanted.seed + training,
    )
