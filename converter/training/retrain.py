"""Transfer learning: from samples and a recipe to trained heads on one backbone.

The frozen part of the network is run once over every picture (``bottlenecks``); everything after it is
trained on what it made (``training``).
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.architectures.backbones import Backbone, load_backbone, weights_hash
from converter.data.dataset import CORRODED, OTHER, UNCORRODED
from converter.tensorflow_import import tensorflow
from converter.training.augment import INSPECTION, Augmentation
from converter.training.bottlenecks import Extractor, Variant, compute, extractor, shown_mask
from converter.training.fine_tuning import Cut, cut_before
from converter.training.head_training import (
    UNKNOWN,
    Look,
    TrainedHead,
    TrainingData,
    TrainingSettings,
    TrainingTarget,
    fitted_temperature,
    train,
)
from edge_node.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from converter.data.dataset import Sample
    from converter.training.recipe import CascadeRecipe, StageRecipe, TrainingRecipe

# A stratum (set and label, perhaps of one source) with fewer pictures is not drawn as often as a large one:
# its few pictures would be learned by heart.
FULL_WEIGHT_PICTURES = 60
# Looks at the validation pictures that one training takes.
_LOOKS = 20


@dataclass(frozen=True, slots=True)
class PreparedTraining:
    """Everything that does not depend on who is trained on: computed once, trained on many times.

    Attributes:
        samples: the pictures.
        recipe: what is asked of them.
        questions: one for each stage.
        activations: float16 ``(variants, pictures, ...)``; the first variant is the picture as it is.
        masks: see ``training.Material``.
        frozen: the network, where no layer of it is trained along: every training has the same then.
    """

    samples: tuple[Sample, ...]
    recipe: CascadeRecipe
    questions: tuple[TrainingTarget, ...]
    activations: NDArray[np.float16]
    masks: NDArray[np.float32] | None
    frozen: Backbone | None = None


@dataclass(frozen=True, slots=True)
class Fitted:
    """A backbone with trained heads.

    Attributes:
        backbone: its weights are the tuned ones, where the recipe tunes any.
        heads: one for each stage.
        temperatures: one for each head; 1 where no validation picture says otherwise.
        fine_tuned_convolutions: how many were trained along.
        logits: per stage the logits of every prepared picture as it is, ``(pictures, labels)``.
    """

    backbone: Backbone
    heads: tuple[TrainedHead, ...]
    temperatures: tuple[float, ...]
    fine_tuned_convolutions: int
    logits: dict[str, NDArray[np.float32]]


def prepare(
    samples: Sequence[Sample],
    recipe: CascadeRecipe,
    *,
    cache: Path | None = None,
    augmentation: Augmentation = INSPECTION,
    progress: Callable[[int], None] = lambda _done: None,
) -> PreparedTraining:
    """Run the frozen part of the recipe's network over every variant of every picture.

    Raises:
        DatasetError: a picture cannot be read, or no picture answers a stage.
        GraphError: the backbone or its weights cannot be had.
    """
    questions = tuple(_question(stage, samples) for stage in recipe.stage)
    by, cut, backbone = _network(recipe)
    variants = [
        Variant(copy, augmentation, recipe.training.seed) for copy in range(recipe.training.copies + 1)
    ]
    activations = compute(samples, by, variants, cache=cache, progress=progress)
    if activations.ndim == 3:  # pooled: one position
        activations = activations[:, :, np.newaxis, np.newaxis]
    masks = _masks(samples, variants, backbone.map_shape[0]) if _wants_maps(recipe) else None
    frozen = None if cut else backbone
    return PreparedTraining(tuple(samples), recipe, questions, activations, masks, frozen)


def fit(
    prepared: PreparedTraining,
    training: NDArray[np.bool_],
    validation: NDArray[np.bool_],
    *,
    report: Callable[[Look], None] = lambda _look: None,
) -> Fitted:
    """Train on some of the pictures.

    Args:
        prepared: all pictures.
        training: ``(pictures,)``, those to train on, as far as the recipe admits them.
        validation: ``(pictures,)``, those that decide when training ends and set the temperatures; may be
            none.
        report: told what each look at them saw.

    Raises:
        DatasetError: a stage has pictures of fewer than two labels to train on.
    """
    recipe = prepared.recipe
    if prepared.frozen is not None:
        cut, backbone = None, prepared.frozen
    else:
        _, cut, backbone = _network(recipe)
    upper = cut.upper if cut else None
    heads = _trained(prepared, training, validation, upper, report)
    if cut:
        backbone = replace(backbone, weights_sha256=weights_hash(backbone.model))
    pooled = _pooled(prepared.activations[0], upper)
    logits = {head.question.name: head.logits(pooled) for head in heads}
    temperatures = tuple(_temperature(head, logits[head.question.name], validation) for head in heads)
    return Fitted(backbone, heads, temperatures, cut.convolutions if cut else 0, logits)


def draw_weights(
    prepared: PreparedTraining, wanted: TrainingRecipe, training: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return how often each picture is drawn: sets by the recipe, what it balances within a set alike.

    The labels are those of the question that most pictures answer.
    """
    sets, by_source = wanted.sets, wanted.balance == "sources"
    known = [np.count_nonzero(question.targets[training] != UNKNOWN) for question in prepared.questions]
    widest = prepared.questions[int(np.argmax(known))]
    asked = training & np.any([q.targets != UNKNOWN for q in prepared.questions], axis=0)
    strata = [
        (sample.set_name, sample.source if by_source else "", int(target))
        for sample, target in zip(prepared.samples, widest.targets, strict=True)
    ]
    counts = Counter(stratum for stratum, asks in zip(strata, asked, strict=True) if asks)
    return np.array(
        [
            sets.get(stratum[0], 1.0) / max(counts[stratum], FULL_WEIGHT_PICTURES) if asks else 0.0
            for stratum, asks in zip(strata, asked, strict=True)
        ]
    )


def _trained(
    prepared: PreparedTraining,
    training: NDArray[np.bool_],
    validation: NDArray[np.bool_],
    upper: Any,
    report: Callable[[Look], None],
) -> tuple[TrainedHead, ...]:
    """Train each variation from one start, and return the heads of the mean; it is in ``upper`` too.

    The mean of what was learned under different conditions holds where each of them does, as long as all
    began alike (Wortsman et al., Model soups, ICML 2022).
    """
    start = upper.get_weights() if upper else []
    uppers, heads = [], []
    for varied in prepared.recipe.trainings():
        admitted = training & np.array([varied.admits(sample) for sample in prepared.samples])
        _check_labels(prepared.questions, admitted)
        weights = draw_weights(prepared, varied, admitted)
        material = TrainingData(prepared.activations, prepared.masks, weights, validation)
        if upper:
            upper.set_weights(start)
        heads.append(train(material, prepared.questions, _settings(varied), upper=upper, report=report))
        uppers.append(upper.get_weights() if upper else [])
    if upper:
        upper.set_weights([np.mean(values, axis=0) for values in zip(*uppers, strict=True)])
    return tuple(_mean(alike) for alike in zip(*heads, strict=True))


def _mean(heads: Sequence[TrainedHead]) -> TrainedHead:
    weights = np.mean([head.weights for head in heads], axis=0)
    return TrainedHead(heads[0].question, weights, np.mean([head.biases for head in heads], axis=0))


def _network(recipe: CascadeRecipe) -> tuple[Extractor, Cut | None, Backbone]:
    """Build the backbone and, where layers are tuned, cut it."""
    wanted = recipe.training
    backbone = load_backbone(wanted.architecture, weights=wanted.weights, size_px=wanted.size_px)
    if wanted.fine_tune == 0:
        return extractor(backbone, pooled=not _wants_maps(recipe)), None, backbone
    cut = cut_before(backbone.model, wanted.fine_tune)
    return extractor(backbone, layer=cut.layer), cut, backbone


def _wants_maps(recipe: CascadeRecipe) -> bool:
    return recipe.training.map_weight > 0 and any(stage.learn != "pictures" for stage in recipe.stage)


def _question(stage: StageRecipe, samples: Sequence[Sample]) -> TrainingTarget:
    found = [stage.target(sample) for sample in samples]
    targets = np.array([UNKNOWN if target is None else target for target in found], np.intp)
    missing = [label for index, label in enumerate(stage.labels) if index not in targets]
    if missing:
        where = ", ".join(
            f"{column} is {' or '.join(value or 'unknown' for value in values)}"
            for column, values in stage.where.items()
        )
        raise DatasetError(
            f"stage {stage.name}: no picture has {stage.column} = {missing[0]!r}"
            f"{f' where {where}' if where else ''}; labels are {', '.join(stage.labels)}"
        )
    learns_positions = stage.learn != "pictures" and CORRODED in stage.labels
    corroded = stage.labels.index(CORRODED) if learns_positions else None
    return TrainingTarget(stage.name, stage.labels, targets, corroded, on_pictures=stage.learn != "positions")


def _check_labels(questions: Sequence[TrainingTarget], training: NDArray[np.bool_]) -> None:
    for question in questions:
        present = set(question.targets[training].tolist()) - {UNKNOWN}
        if len(present) < len(question.labels):
            missing = [label for index, label in enumerate(question.labels) if index not in present]
            raise DatasetError(
                f"stage {question.name}: no picture of {', '.join(missing)} is left to train on;"
                " add specimens, or choose another --seed or smaller percentages"
            )


def _settings(wanted: TrainingRecipe) -> TrainingSettings:
    return TrainingSettings(
        steps=wanted.steps,
        learning_rate=wanted.learning_rate,
        backbone_learning_rate=wanted.backbone_learning_rate,
        batch=wanted.batch,
        weight_decay=wanted.weight_decay,
        dropout=wanted.dropout,
        label_smoothing=wanted.label_smoothing,
        map_weight=wanted.map_weight,
        evaluate_every=wanted.evaluate_every or max(1, wanted.steps // _LOOKS),
        patience=wanted.patience,
        trainings=wanted.trainings,
        style_mixing=wanted.style_mixing,
        seed=wanted.seed,
    )


def _pooled(activations: NDArray[np.float16], upper: Any) -> NDArray[np.float32]:
    """Return the mean features of every picture, float32 ``(pictures, channels)``."""
    batches = np.array_split(activations, max(1, len(activations) // 64))
    if upper is None:
        return np.concatenate([batch.astype(np.float32).mean(axis=(1, 2)) for batch in batches])
    tf = tensorflow()
    means = tf.function(
        lambda real: tf.reduce_mean(upper(real, training=False), (1, 2)), reduce_retracing=True
    )
    return np.concatenate([np.asarray(means(tf.constant(batch, tf.float32))) for batch in batches])


def _temperature(head: TrainedHead, logits: NDArray[np.float32], validation: NDArray[np.bool_]) -> float:
    if not head.question.on_pictures:  # its pictures' logits are no answer, and its positions' are fitted
        return 1.0
    known = validation & (head.question.targets != UNKNOWN)
    return fitted_temperature(logits[known], head.question.targets[known])


def _masks(samples: Sequence[Sample], variants: Sequence[Variant], side: int) -> NDArray[np.float32]:
    """Return the masks of all variants; what is sound, or no metal, needs none to be 0 everywhere."""
    masks = np.full((len(variants), len(samples), side, side), UNKNOWN, np.float32)
    tasks = []
    for index, sample in enumerate(samples):
        if sample.mask is not None:
            tasks += [(number, index) for number in range(len(variants))]
        elif sample.labels.get("corroded") == UNCORRODED or sample.labels.get("metal") == OTHER:
            masks[:, index] = 0.0

    def draw(task: tuple[int, int]) -> NDArray[np.float32] | None:
        return shown_mask(samples[task[1]], variants[task[0]], side)

    with ThreadPoolExecutor(2) as readers:
        for task, mask in zip(tasks, readers.map(draw, tasks), strict=True):
            if mask is not None:
                masks[task] = mask
    return masks
