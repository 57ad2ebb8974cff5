"""Train heads, together with the layers below them where those are fine-tuned.

A head is one matrix at every position of the feature map; its logits are the mean over positions. All heads
are trained at once on one backbone, each on the pictures whose label is known for it. Where masks show which
positions are corroded, a head is also trained on positions, so that its map shows where.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.tensorflow_import import tensorflow
from converter.training.losses import cross_entropy
from converter.training.trainer import HeadTrainer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from converter.training.training_data import (
        TrainedHead,
        TrainingData,
        TrainingSettings,
        TrainingTarget,
        Validation,
    )


def train(
    data: TrainingData,
    questions: Sequence[TrainingTarget],
    settings: TrainingSettings,
    *,
    upper: Any = None,
    report: Callable[[Validation], None] = lambda _validation: None,
) -> tuple[TrainedHead, ...]:
    """Train one head for each target, and the layers of ``upper`` if there are any.

    Args:
        data: activations, masks and sampling weights of the pictures.
        questions: each needs a known label for at least one training picture.
        settings: the hyperparameters.
        upper: Keras model from ``activations`` to feature maps; its weights are left as trained. None where
            the activations are feature maps.
        report: called with the result of each validation.

    Returns:
        The heads, in the order of ``questions``.
    """
    tuned = upper.trainable_variables if upper else []
    start = [variable.numpy() for variable in tuned]
    total: list[NDArray[np.float32]] = []
    for training in range(settings.trainings):
        for variable, value in zip(tuned, start, strict=True):
            variable.assign(value)
        drawn = replace(settings, seed=settings.seed + training)
        trainer = _train_once(data, questions, drawn, upper, report)
        values = trainer.values()
        total = [kept + value for kept, value in zip(total, values, strict=True)] if total else values
    trainer.assign([np.asarray(value / settings.trainings, np.float32) for value in total])
    return trainer.heads()


def _train_once(
    data: TrainingData,
    questions: Sequence[TrainingTarget],
    settings: TrainingSettings,
    upper: Any,
    report: Callable[[Validation], None],
) -> HeadTrainer:
    """Train to the last step, or until the validation loss stops improving."""
    tf = tensorflow()

    tf.keras.utils.set_random_seed(settings.seed)
    tf.config.experimental.enable_op_determinism()
    trainer = HeadTrainer(data, questions, settings, upper)
    draws = np.random.default_rng(settings.seed)
    chances = data.weights / data.weights.sum()
    best, waited = np.inf, 0
    losses = []
    for step in range(1, settings.steps + 1):
        losses.append(trainer.step(draws.choice(len(chances), settings.batch, p=chances), draws))
        if step % settings.evaluate_every and step != settings.steps:
            continue
        validation = trainer.validate(step, float(np.mean(losses)))
        losses = []
        report(validation)
        if not settings.patience:
            continue
        found = validation.validation_loss
        best, waited = (found, 0) if found < best else (best, waited + 1)
        if waited == 0:
            trainer.remember_best()
        if waited >= settings.patience:
            break
    trainer.finish(use_best=settings.patience > 0)
    return trainer


def fit_head_temperature(
    question: TrainingTarget, logits: NDArray[np.floating[Any]], targets: NDArray[np.intp]
) -> float:
    """Return the temperature that minimises the cross-entropy of ``targets``; 1 without any.

    It is 1 too for a head trained on positions only, whose logits of whole pictures cannot be calibrated.
    Searched from 0.25 to 8: values beyond come from too few pictures.
    """
    if not question.on_pictures or not len(targets):
        return 1.0
    candidates = np.geomspace(0.25, 8.0, 201)
    values = np.asarray(logits, np.float64)
    return float(min(candidates, key=lambda candidate: cross_entropy(values / candidate, targets)))
