"""Train heads, together with the layers below them where those are fine-tuned.

A head is one matrix at every position of the feature map; its logits are the mean over positions. All heads
are trained at once on one backbone, each on the pictures whose label is known for it. Where masks show which
positions are corroded, a head is also trained on positions, so that its map shows where.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.tensorflow_import import tensorflow
from converter.training.steps.losses import cross_entropy
from converter.training.steps.trainer import HeadTrainer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from converter.training.steps.checkpoint import Checkpoint
    from converter.training.steps.training_data import (
        TrainedHead,
        TrainingData,
        TrainingSettings,
        TrainingTarget,
        Validation,
    )


def train(  # noqa: PLR0913 - what is trained on what, and what is told of it
    data: TrainingData,
    questions: Sequence[TrainingTarget],
    settings: TrainingSettings,
    *,
    upper: Any = None,
    report: Callable[[Validation], None] = lambda _validation: None,
    on_steps: Callable[[int], None] = lambda _steps: None,
    kept: Checkpoint | None = None,
) -> tuple[TrainedHead, ...]:
    """Train one head for each target, and the layers of ``upper`` if there are any.

    Args:
        data: activations, masks and sampling weights of the pictures.
        questions: each needs a known label for at least one training picture.
        settings: the hyperparameters.
        upper: Keras model from ``activations`` to feature maps; its weights are left as trained. None where
            the activations are feature maps.
        report: called with the result of each validation.
        on_steps: called with the number of further steps that are done.
        kept: where the state is kept from time to time, and gone on from if there is one.

    Returns:
        The heads, in the order of ``questions``.
    """
    run = _Run(data, questions, settings, upper)
    if kept and (state := kept.read()):
        run.restore(state)
        on_steps(run.step)
    while not run.has_ended:
        run.take_step(report)
        on_steps(1)
        if kept:
            kept.offer(run)
    run.finish()
    return run.trainer.heads()


class _Run:
    """One training: the trainer, its draws and how far it came."""

    def __init__(
        self,
        data: TrainingData,
        questions: Sequence[TrainingTarget],
        settings: TrainingSettings,
        upper: Any,
    ) -> None:
        tf = tensorflow()

        tf.keras.utils.set_random_seed(settings.seed)
        tf.config.experimental.enable_op_determinism()
        self.trainer = HeadTrainer(data, questions, settings, upper)
        self._settings = settings
        self._draws = np.random.default_rng(settings.seed)
        self._chances = data.weights / data.weights.sum()
        self._progress = _Progress()

    @property
    def step(self) -> int:
        """Number of steps that were taken."""
        return self._progress.step

    @property
    def has_ended(self) -> bool:
        """Whether the last step was taken, or the validation loss no longer improves."""
        patience = self._settings.patience
        is_last = self._progress.step >= self._settings.steps
        return is_last or bool(patience and self._progress.waited >= patience)

    def take_step(self, report: Callable[[Validation], None]) -> None:
        """Take one step, and validate where it is time to."""
        now, settings = self._progress, self._settings
        pictures = self._draws.choice(len(self._chances), settings.batch, p=self._chances)
        now.losses.append(self.trainer.step(pictures, self._draws))
        now.step += 1
        if now.step % settings.evaluate_every and now.step != settings.steps:
            return
        validation = self.trainer.validate(now.step, float(np.mean(now.losses)))
        now.losses = []
        report(validation)
        if not settings.patience:
            return
        is_better = validation.validation_loss < now.best
        now.best, now.waited = (validation.validation_loss, 0) if is_better else (now.best, now.waited + 1)
        if is_better:
            self.trainer.remember_best()

    def finish(self) -> None:
        """Set the weights that were learned."""
        self.trainer.finish(use_best=self._settings.patience > 0)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return all that further steps depend on."""
        told = {"draws": self._draws.bit_generator.state, **dataclasses.asdict(self._progress)}
        return {"told": np.array(json.dumps(told)), **self.trainer.state()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what ``state`` returned."""
        told = json.loads(str(state["told"]))
        self._draws.bit_generator.state = told.pop("draws")
        self._progress = _Progress(**told)
        self.trainer.restore(state)


@dataclass
class _Progress:
    """How far a training came: steps, losses since the last validation, validations since the best."""

    step: int = 0
    losses: list[float] = field(default_factory=list)
    best: float = math.inf
    waited: int = 0


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
