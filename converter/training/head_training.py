"""Training of heads, together with the layers below them where those are to be tuned.

A head is one matrix at every position of the feature map; its logits are the mean over positions. All heads
are trained at once on one backbone, each on the pictures whose label is known for it. Where masks say which
positions are corroded, a head is also trained on positions, so that its map shows where.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.feature_size import feature_scale
from converter.tensorflow_import import tensorflow
from converter.training.losses import class_weights, position_loss
from converter.training.style_mixing import Mixing, draw_mixing, mix_styles

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

UNKNOWN = -1
# The average over the last updates is what is kept: it generalises better than where the last step ends.
_AVERAGE_DECAY = 0.99
_WARM_UP_SHARE = 0.1
_LARGEST_GRADIENT = 2.0


@dataclass(frozen=True, slots=True)
class TrainingTarget:
    """What one head is to tell.

    Attributes:
        name: of the stage.
        labels: what it chooses from.
        targets: index of the label of each picture, ``(pictures,)``; ``UNKNOWN`` where it is not known.
        corroded: index of the label that masks mark; None leaves positions out.
        on_pictures: the mean over positions is trained; without, positions alone are.
    """

    name: str
    labels: tuple[str, ...]
    targets: NDArray[np.intp]
    corroded: int | None = None
    on_pictures: bool = True


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How heads are trained.

    Attributes:
        steps: batches that are drawn at most.
        learning_rate: its peak; it rises over the first tenth and then falls along a cosine.
        backbone_learning_rate: the peak for the layers below the heads; as theirs if not given.
        batch: pictures in a step.
        weight_decay: per step and learning rate.
        dropout: share of the features that is left out at random.
        label_smoothing: share of a label's certainty that is spread over all.
        map_weight: weight of the positions' loss beside the picture's.
        evaluate_every: steps between two looks at the validation pictures.
        patience: looks without a better one before training ends; 0 goes on to the last step.
        trainings: so many from one start, each with draws of its own; the mean of their weights is kept.
        style_mixing: share of the pictures that are shown in the manner of another; needs an ``upper`` part.
        seed: of weights, draws and dropout.
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
    trainings: int = 1
    style_mixing: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What is trained on.

    Attributes:
        activations: float16 ``(variants, pictures, rows, columns, channels)``.
        masks: corroded share of each position, float32 ``(variants, pictures, map rows, map columns)``;
            negative where it is not known. None where no picture has a mask.
        weights: how often a picture is drawn, ``(pictures,)``; 0 keeps it out of training.
        validation: pictures that decide when training ends, ``(pictures,)`` bool; shown as they are.
    """

    activations: NDArray[np.float16]
    masks: NDArray[np.float32] | None
    weights: NDArray[np.float64]
    validation: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class TrainedHead:
    """One trained head: ``logits = features @ weights + biases`` at each position.

    Attributes:
        question: what it tells.
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
class Look:
    """What a look at the validation pictures saw: after how many steps, loss and accuracy by head."""

    step: int
    training_loss: float
    validation_loss: float
    accuracies: dict[str, float]


def train(
    material: TrainingData,
    questions: Sequence[TrainingTarget],
    settings: TrainingSettings,
    *,
    upper: Any = None,
    report: Callable[[Look], None] = lambda _look: None,
) -> tuple[TrainedHead, ...]:
    """Train one head for each question, and the layers of ``upper`` if there are any.

    Args:
        material: activations and what is known of the pictures.
        questions: at least one picture in training must have a target for each.
        settings: how.
        upper: Keras model from ``activations`` to feature maps; its weights are left as trained. None where
            the activations are feature maps.
        report: told what each look at the validation pictures saw.

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
        trainer = _trained_once(material, questions, drawn, upper, report)
        values = trainer.values()
        total = [kept + value for kept, value in zip(total, values, strict=True)] if total else values
    trainer.assign([np.asarray(value / settings.trainings, np.float32) for value in total])
    return trainer.heads()


def _trained_once(
    material: TrainingData,
    questions: Sequence[TrainingTarget],
    settings: TrainingSettings,
    upper: Any,
    report: Callable[[Look], None],
) -> _Trainer:
    """Train from the start to the end, or as long as it helps."""
    tf = tensorflow()

    tf.keras.utils.set_random_seed(settings.seed)
    tf.config.experimental.enable_op_determinism()
    trainer = _Trainer(material, questions, settings, upper)
    draws = np.random.default_rng(settings.seed)
    chances = material.weights / material.weights.sum()
    best, waited = np.inf, 0
    losses = []
    for step in range(1, settings.steps + 1):
        losses.append(trainer.step(draws.choice(len(chances), settings.batch, p=chances), draws))
        if step % settings.evaluate_every and step != settings.steps:
            continue
        look = trainer.look(step, float(np.mean(losses)))
        losses = []
        report(look)
        if not settings.patience:
            continue
        best, waited = (look.validation_loss, 0) if look.validation_loss < best else (best, waited + 1)
        if waited == 0:
            trainer.remember()
        if waited >= settings.patience:
            break
    trainer.settle(best_one=settings.patience > 0)
    return trainer


class _Trainer:
    """The variables of one training: of the heads, of the upper layers, their averages and their best."""

    def __init__(
        self,
        material: TrainingData,
        questions: Sequence[TrainingTarget],
        settings: TrainingSettings,
        upper: Any,
    ) -> None:
        tf = tensorflow()

        self._material, self._questions, self._settings, self._upper = material, questions, settings, upper
        channels = int((upper.output_shape if upper else material.activations.shape)[-1])
        self._heads = [
            (tf.Variable(tf.zeros((channels, len(q.labels)))), tf.Variable(tf.zeros(len(q.labels))))
            for q in questions
        ]
        self._variables = [
            *(upper.trainable_variables if upper else []),
            *(variable for head in self._heads for variable in head),
        ]
        chances = material.weights / material.weights.sum()
        self._class_weights = [
            class_weights(question.targets, len(question.labels), chances) for question in questions
        ]
        # Layers that are trained along find their size themselves.
        self._scale = 1.0 if upper else feature_scale(material.activations[0], material.weights > 0)
        self._averages = [tf.Variable(variable) for variable in self._variables]
        self._best: list[Any] | None = None
        tuned = len(self._variables) - 2 * len(self._heads)
        # Heads start from nothing; the layers below know much already, which large steps would unlearn.
        rates = (settings.backbone_learning_rate or settings.learning_rate, settings.learning_rate)
        parts = (self._variables[:tuned], self._variables[tuned:])
        self._optimizers = [_optimizer(settings, rate, part) for rate, part in zip(rates, parts, strict=True)]
        self._tuned = tuned
        self._compiled_step = tf.function(self._step_graph)
        self._compiled_maps = tf.function(self._features)

    def step(self, pictures: NDArray[np.intp], draws: np.random.Generator) -> float:
        """Take one step on a batch of pictures, each in a variant that is drawn, and return its loss."""
        variants = draws.integers(0, len(self._material.activations), len(pictures))
        activations = np.stack(
            [self._material.activations[v, p] for v, p in zip(variants, pictures, strict=True)]
        )
        targets = [question.targets[pictures] for question in self._questions]
        masks = self._masks(variants, pictures)
        share = self._settings.style_mixing
        mixing = draw_mixing(len(pictures), share, draws) if share and self._upper else None
        return float(self._compiled_step(activations, targets, masks, mixing))

    def look(self, step: int, training_loss: float) -> Look:
        """Return what the averaged weights make of the validation pictures."""
        indices = np.flatnonzero(self._material.validation)
        if not len(indices):
            return Look(step, training_loss, training_loss, {})
        kept = self.values()
        self.assign(self._averages)
        features = self._pooled(indices)
        losses, accuracies = [], {}
        for head in self.heads():
            known = head.question.targets[indices] != UNKNOWN
            if known.any() and head.question.on_pictures:
                targets = head.question.targets[indices][known]
                logits = head.logits(features[known]).astype(np.float64)
                losses.append(cross_entropy(logits, targets))
                accuracies[head.question.name] = float((logits.argmax(1) == targets).mean())
        self.assign(kept)
        return Look(step, training_loss, float(np.mean(losses)) if losses else training_loss, accuracies)

    def remember(self) -> None:
        """Keep the present averages as the best so far."""
        self._best = [average.numpy() for average in self._averages]

    def settle(self, *, best_one: bool) -> None:
        """Make the averages, or the best of them, the weights."""
        self.assign(self._best if best_one and self._best else self._averages)

    def values(self) -> list[NDArray[np.float32]]:
        """Return the weights as they are."""
        return [variable.numpy() for variable in self._variables]

    def assign(self, values: Sequence[Any]) -> None:
        """Make ``values`` the weights."""
        for variable, value in zip(self._variables, values, strict=True):
            variable.assign(value)

    def heads(self) -> tuple[TrainedHead, ...]:
        """Return the heads as they are."""
        return tuple(
            TrainedHead(question, weights.numpy() * np.float32(self._scale), biases.numpy())
            for question, (weights, biases) in zip(self._questions, self._heads, strict=True)
        )

    def _pooled(self, indices: NDArray[np.intp]) -> NDArray[np.float32]:
        batches = np.array_split(indices, max(1, len(indices) // 64))
        maps = [self._compiled_maps(self._material.activations[0, batch]) for batch in batches]
        return np.concatenate([np.asarray(one).mean(axis=(1, 2)) for one in maps])

    def _masks(self, variants: NDArray[np.intp], pictures: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return the batch's masks, ``(batch, rows, columns)``, or ``(batch, 1, 1)`` of unknown ones."""
        if self._material.masks is None:
            return np.full((len(pictures), 1, 1), UNKNOWN, np.float32)
        return self._material.masks[variants, pictures]

    def _features(self, activations: Any, mixing: Mixing | None = None) -> Any:
        tf = tensorflow()

        real = tf.cast(activations, tf.float32)
        if mixing is not None:
            real = mix_styles(real, mixing)
        return self._upper(real, training=False) if self._upper else real

    def _step_graph(self, activations: Any, targets: Any, masks: Any, mixing: Mixing | None) -> Any:
        tf = tensorflow()

        with tf.GradientTape() as tape:
            features = self._features(activations, mixing)
            if self._scale != 1.0:
                features *= self._scale
            if self._settings.dropout:
                # Whole channels: positions are alike, and one would tell what another one hides.
                shape = (tf.shape(features)[0], 1, 1, features.shape[-1])
                features = tf.nn.dropout(features, self._settings.dropout, noise_shape=shape)
            losses = [self._loss(features, number, target, masks) for number, target in enumerate(targets)]
            loss = tf.add_n(losses)
        gradients, _ = tf.clip_by_global_norm(tape.gradient(loss, self._variables), _LARGEST_GRADIENT)
        parts = (slice(None, self._tuned), slice(self._tuned, None))
        for optimizer, part in zip(self._optimizers, parts, strict=True):
            if self._variables[part]:
                optimizer.apply_gradients(zip(gradients[part], self._variables[part], strict=True))
        for average, variable in zip(self._averages, self._variables, strict=True):
            average.assign(_AVERAGE_DECAY * average + (1 - _AVERAGE_DECAY) * variable)
        return loss

    def _loss(self, features: Any, number: int, target: Any, masks: Any) -> Any:
        """Return one head's loss over the pictures, and positions, for which the truth is known."""
        tf = tensorflow()

        question, (weights, biases) = self._questions[number], self._heads[number]
        logits_map = tf.tensordot(features, weights, 1) + biases
        known = tf.cast(target != UNKNOWN, tf.float32)
        loss = tf.constant(0.0)
        if question.on_pictures:
            smoothing = self._settings.label_smoothing
            wanted = tf.one_hot(tf.maximum(target, 0), len(question.labels))
            wanted = wanted * (1 - smoothing) + smoothing / len(question.labels)
            of_picture = tf.nn.softmax_cross_entropy_with_logits(wanted, tf.reduce_mean(logits_map, (1, 2)))
            share = known * tf.gather(self._class_weights[number], tf.maximum(target, 0))
            loss += tf.reduce_sum(share * of_picture) / tf.maximum(tf.reduce_sum(known), 1.0)
        if question.corroded is not None and self._material.masks is not None:
            is_corroded = known * tf.cast(target == question.corroded, tf.float32)
            of_positions = position_loss(logits_map, question.corroded, masks, known, is_corroded)
            loss += self._settings.map_weight * of_positions
        return loss


def _optimizer(settings: TrainingSettings, learning_rate: float, variables: Sequence[Any]) -> Any:
    """Return what moves ``variables``: AdamW whose rate rises to ``learning_rate`` and then falls."""
    tf = tensorflow()

    schedule = tf.keras.optimizers.schedules.CosineDecay(
        learning_rate / 20,
        max(1, round(settings.steps * (1 - _WARM_UP_SHARE))),
        warmup_target=learning_rate,
        warmup_steps=max(1, round(settings.steps * _WARM_UP_SHARE)),
    )
    optimizer = tf.keras.optimizers.AdamW(schedule, weight_decay=settings.weight_decay)
    optimizer.build(list(variables))
    return optimizer


def cross_entropy(logits: NDArray[np.float64], targets: NDArray[np.intp]) -> float:
    """Return the mean negative log-likelihood of ``targets``, ``(n,)``, under ``logits``, ``(n, labels)``."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    normalised = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-normalised[np.arange(len(targets)), targets].mean())


def fitted_temperature(logits: NDArray[np.floating[Any]], targets: NDArray[np.intp]) -> float:
    """Return the temperature under which ``logits`` are least surprised by ``targets``; 1 without any.

    Within 0.25 to 8: outside, the pictures are too few to say.
    """
    if not len(targets):
        return 1.0
    candidates = np.geomspace(0.25, 8.0, 201)
    values = np.asarray(logits, np.float64)
    return float(min(candidates, key=lambda candidate: cross_entropy(values / candidate, targets)))
