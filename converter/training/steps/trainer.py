"""Hold the variables of one training of heads and take its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from converter.data.stage_truth import UNKNOWN
from converter.tensorflow_import import tensorflow
from converter.training.steps.losses import cross_entropy, position_loss, weigh_classes
from converter.training.steps.style_mixing import Mixing, draw_mixing, mix_styles
from converter.training.steps.trained_pass import make_trained_pass
from converter.training.steps.training_data import TrainedHead, Validation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from converter.training.steps.training_data import TrainingData, TrainingSettings, TrainingTarget

_AVERAGE_DECAY = 0.99  # of the moving average of weights, which generalises better than the last step's
_WARM_UP_SHARE = 0.1
_LARGEST_GRADIENT = 2.0
# Root mean square of features. The learning rates suit about 0.4, as EfficientNet-Lite has; with a twentieth
# of it (Inception v3) heads would still be far from trained at the last step.
_USUAL_RMS, _TARGET_RMS = (0.1, 4.0), 0.4
_MEASURED_PICTURES = 256  # enough to measure the root mean square


class HeadTrainer:
    """The variables of one training: heads, upper layers, their moving averages and the best averages."""

    def __init__(
        self,
        data: TrainingData,
        questions: Sequence[TrainingTarget],
        settings: TrainingSettings,
        upper: Any,
    ) -> None:
        tf = tensorflow()

        self._data, self._questions, self._settings, self._upper = data, questions, settings, upper
        channels = int((upper.output_shape if upper else data.activations.shape)[-1])
        self._heads = [
            (tf.Variable(tf.zeros((channels, len(q.labels)))), tf.Variable(tf.zeros(len(q.labels))))
            for q in questions
        ]
        self._variables = [
            *(upper.trainable_variables if upper else []),
            *(variable for head in self._heads for variable in head),
        ]
        chances = data.weights / data.weights.sum()
        self._class_weights = [
            weigh_classes(question.targets, len(question.labels), chances) for question in questions
        ]
        # Layers that are trained too adapt the size of the features themselves.
        self._scale = 1.0 if upper else _feature_scale(data.activations[0], data.weights > 0)
        self._averages = [tf.Variable(variable) for variable in self._variables]
        self._best: list[Any] | None = None
        tuned = len(self._variables) - 2 * len(self._heads)
        # Heads start at zero; the layers below are pretrained, and large steps would destroy that.
        rates = (settings.backbone_learning_rate or settings.learning_rate, settings.learning_rate)
        parts = (self._variables[:tuned], self._variables[tuned:])
        self._optimizers = [
            _make_optimizer(settings, rate, part) for rate, part in zip(rates, parts, strict=True)
        ]
        self._tuned = tuned
        self._forward = make_trained_pass(upper) if upper else None
        self._compiled_step = tf.function(self._step_graph)
        self._compiled_maps = tf.function(self._features)

    def step(self, pictures: NDArray[np.intp], draws: np.random.Generator) -> float:
        """Take one step on a batch of pictures, each in a random variant, and return its loss."""
        variants = draws.integers(0, len(self._data.activations), len(pictures))
        activations = np.stack(
            [self._data.activations[v, p] for v, p in zip(variants, pictures, strict=True)]
        )
        targets = [question.targets[pictures] for question in self._questions]
        masks = self._batch_masks(variants, pictures)
        share = self._settings.style_mixing
        mixing = draw_mixing(len(pictures), share, draws) if share and self._upper else None
        kept = self._draw_dropout(len(pictures), draws)
        return float(self._compiled_step(activations, targets, masks, mixing, kept))

    def validate(self, step: int, training_loss: float) -> Validation:
        """Measure loss and accuracy of the averaged weights on the validation pictures."""
        indices = np.flatnonzero(self._data.validation)
        if not len(indices):
            return Validation(step, training_loss, training_loss, {})
        kept = self.values()
        self.assign(self._averages)
        features = self._pool_features(indices)
        losses, accuracies = [], {}
        for head in self.heads():
            known = head.question.targets[indices] != UNKNOWN
            if known.any() and head.question.on_pictures:
                targets = head.question.targets[indices][known]
                logits = head.logits(features[known]).astype(np.float64)
                losses.append(cross_entropy(logits, targets))
                accuracies[head.question.name] = float((logits.argmax(1) == targets).mean())
        self.assign(kept)
        return Validation(
            step, training_loss, float(np.mean(losses)) if losses else training_loss, accuracies
        )

    def state(self) -> dict[str, NDArray[Any]]:
        """Return all that further steps depend on, but for the draws."""
        named = {
            "variable": self._variables,
            "average": self._averages,
            **{
                f"optimizer{number}": optimizer.variables for number, optimizer in enumerate(self._optimizers)
            },
        }
        found = {
            f"{name}_{index}": np.asarray(variable)
            for name, variables in named.items()
            for index, variable in enumerate(variables)
        }
        return found | {f"best_{index}": value for index, value in enumerate(self._best or ())}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what ``state`` returned."""
        named = {"variable": self._variables, "average": self._averages}
        for number, optimizer in enumerate(self._optimizers):
            named[f"optimizer{number}"] = optimizer.variables
        for name, variables in named.items():
            for index, variable in enumerate(variables):
                variable.assign(state[f"{name}_{index}"])
        best = [state[f"best_{index}"] for index in range(len(self._variables)) if f"best_{index}" in state]
        self._best = best or None

    def remember_best(self) -> None:
        """Keep the current averages as the best so far."""
        self._best = [average.numpy() for average in self._averages]

    def finish(self, *, use_best: bool) -> None:
        """Set the weights to their averages, or to the best averages."""
        self.assign(self._best if use_best and self._best else self._averages)

    def values(self) -> list[NDArray[np.float32]]:
        """Return the current values of all variables."""
        return [variable.numpy() for variable in self._variables]

    def assign(self, values: Sequence[Any]) -> None:
        """Set all variables."""
        for variable, value in zip(self._variables, values, strict=True):
            variable.assign(value)

    def heads(self) -> tuple[TrainedHead, ...]:
        """Return the heads with their current weights, for unscaled features."""
        return tuple(
            TrainedHead(question, weights.numpy() * np.float32(self._scale), biases.numpy())
            for question, (weights, biases) in zip(self._questions, self._heads, strict=True)
        )

    def _pool_features(self, indices: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return the mean features of pictures without augmentation, ``(pictures, channels)``."""
        batches = np.array_split(indices, max(1, len(indices) // 64))
        maps = [self._compiled_maps(self._data.activations[0, batch]) for batch in batches]
        return np.concatenate([np.asarray(one).mean(axis=(1, 2)) for one in maps])

    def _draw_dropout(self, pictures: int, draws: np.random.Generator) -> NDArray[np.float32] | None:
        """Draw the factor of each feature channel, ``(batch, 1, 1, channels)``; None without dropout.

        Whole channels: neighbouring positions are alike and would reveal a dropped value. Not drawn by
        TensorFlow, whose generator's state cannot be kept.
        """
        if not (share := self._settings.dropout):
            return None
        channels = int(self._heads[0][0].shape[0])
        kept = draws.random((pictures, 1, 1, channels), np.float32) >= share
        return np.asarray(kept / np.float32(1 - share), np.float32)

    def _batch_masks(self, variants: NDArray[np.intp], pictures: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return masks ``(batch, rows, columns)``, or ``UNKNOWN`` ``(batch, 1, 1)`` where there are none."""
        if self._data.masks is None:
            return np.full((len(pictures), 1, 1), UNKNOWN, np.float32)
        return self._data.masks[variants, pictures]

    def _features(
        self, activations: Any, mixing: Mixing | None = None, forward: Callable[[Any], Any] | None = None
    ) -> Any:
        """Return the feature maps of activations, after style mixing if asked for."""
        tf = tensorflow()

        real = tf.cast(activations, tf.float32)
        if mixing is not None:
            real = mix_styles(real, mixing)
        if not self._upper:
            return real
        return forward(real) if forward else self._upper(real, training=False)

    def _step_graph(
        self, activations: Any, targets: Any, masks: Any, mixing: Mixing | None, kept: Any
    ) -> Any:
        """Compute the loss, apply its gradients and update the averages; compiled by ``tf.function``."""
        tf = tensorflow()

        with tf.GradientTape() as tape:
            features = self._features(activations, mixing, self._forward)
            if self._scale != 1.0:
                features *= self._scale
            if kept is not None:
                features *= kept
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
        """Return one head's loss over the pictures, and positions, whose truth is known."""
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
        if question.corroded is not None and self._data.masks is not None:
            is_corroded = known * tf.cast(target == question.corroded, tf.float32)
            of_positions = position_loss(logits_map, question.corroded, masks, known, is_corroded)
            loss += self._settings.map_weight * of_positions
        return loss


def _make_optimizer(settings: TrainingSettings, learning_rate: float, variables: Sequence[Any]) -> Any:
    """Return AdamW whose learning rate rises linearly to ``learning_rate`` and then falls along a cosine."""
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


def _feature_scale(activations: NDArray[np.float16], training: NDArray[np.bool_]) -> float:
    """Return the factor that scales features to the usual root mean square; 1 where they have about that.

    Args:
        activations: ``(pictures, rows, columns, channels)``.
        training: the pictures to measure, ``(pictures,)``.
    """
    indices = np.flatnonzero(training)
    measured = indices[:: max(1, len(indices) // _MEASURED_PICTURES)]
    means = activations[measured].astype(np.float32).mean(axis=(1, 2))
    rms = float(np.sqrt(np.mean(np.square(means))))
    low, high = _USUAL_RMS
    return 1.0 if low <= rms <= high or rms == 0.0 else _TARGET_RMS / rms
