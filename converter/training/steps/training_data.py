"""Define targets, settings and data of a training of heads, the trained head and a validation result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class TrainingTarget:
    """The labels that one head predicts, and the right label of every picture.

    Attributes:
        name: of the stage.
        labels: those it chooses from.
        targets: index of the label of each picture, ``(pictures,)``; ``UNKNOWN`` where it is not known.
        corroded: index of the label that masks mark; None leaves positions out.
        on_pictures: the mean over positions is trained; otherwise only positions are.
    """

    name: str
    labels: tuple[str, ...]
    targets: NDArray[np.intp]
    corroded: int | None = None
    on_pictures: bool = True


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """The hyperparameters of a training.

    Attributes:
        steps: largest number of batches.
        learning_rate: its peak; it rises over the first tenth and then falls along a cosine.
        backbone_learning_rate: its peak for the layers below the heads; ``learning_rate`` if not given.
        batch: pictures in a step.
        weight_decay: per step and learning rate.
        dropout: share of the feature channels that is set to 0 at random.
        label_smoothing: share of the target probability that is spread over all labels.
        map_weight: weight of the positions' loss relative to the pictures' loss.
        evaluate_every: steps between two validations.
        patience: validations without improvement before training ends; 0 always trains to the last step.
        style_mixing: share of the pictures that get another's feature statistics; needs an ``upper`` part.
        seed: of initial weights, batches and dropout.
    """

    steps: int = 2000
    learning_rate: float = 1e-3
    backbone_learning_rate: float | None = None
    batch: int = 32
    weight_decay: float = 1e-4
    dropout: float = 0.2
    label_smoothing: float = 0.05
    map_weight: float = 0.3
    evaluate_every: int = 50
    patience: int = 0
    style_mixing: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class TrainingData:
    """The pictures that a training uses, as activations.

    Attributes:
        activations: float16 ``(variants, pictures, rows, columns, channels)``.
        masks: corroded share of each position, float32 ``(variants, pictures, map rows, map columns)``;
            negative where it is not known. None where no picture has a mask.
        weights: relative frequency with which a picture is drawn, ``(pictures,)``; 0 excludes it.
        validation: pictures that decide when training ends, ``(pictures,)`` bool; never augmented.
    """

    activations: NDArray[np.float16]
    masks: NDArray[np.float32] | None
    weights: NDArray[np.float64]
    validation: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Member:
    """One of the trainings whose weights are averaged.

    Attributes:
        variation: number of the recipe's variation, from 0.
        data: what it is trained on.
        settings: its hyperparameters.
        left_out: the pictures of the sources that this variation leaves out, ``(pictures,)``.
    """

    variation: int
    data: TrainingData
    settings: TrainingSettings
    left_out: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class TrainedHead:
    """One trained head: ``logits = features @ weights + biases`` at each position.

    Attributes:
        question: the labels that it predicts.
        weights: float32 ``(channels, labels)``.
        biases: float32 ``(labels,)``.
    """

    question: TrainingTarget
    weights: NDArray[np.float32]
    biases: NDArray[np.float32]

    def map(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Return the logits of every position, ``(n, rows, columns, labels)``, from the feature maps."""
        return np.asarray(features.astype(np.float32) @ self.weights + self.biases, np.float32)

    def logits(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Return the pictures' logits, ``(n, labels)``, from feature maps or from their means."""
        logits = self.map(features)
        return logits if logits.ndim == 2 else np.asarray(logits.mean(axis=(1, 2)), np.float32)


@dataclass(frozen=True, slots=True)
class Validation:
    """The result of one validation: steps so far, mean losses, and accuracy by head."""

    step: int
    training_loss: float
    validation_loss: float
    accuracies: dict[str, float]
