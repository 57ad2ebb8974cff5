"""Train heads, and the last layers if asked, of one backbone on samples as a recipe says.

The frozen part of the network runs once over every picture (``bottlenecks``); the rest is trained on its
activations (``head_training``).
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.architectures.backbones import Backbone, hash_weights, load_backbone
from converter.data.dataset import CORRODED, OTHER, UNCORRODED
from converter.data.stage_truth import UNKNOWN
from converter.tensorflow_import import tensorflow
from converter.training.augment import INSPECTION, Augmentation
from converter.training.bottlenecks import Extractor, Variant, compute, make_extractor, read_mask_variant
from converter.training.member_worker import ACTIVATIONS_NAME
from converter.training.retrained_graph import freeze_backbone
from converter.training.side_by_side import Network, TrainedMember
from converter.training.steps.fine_tuning import Cut, cut_before
from converter.training.steps.head_training import fit_head_temperature
from converter.training.steps.training_data import (
    Member,
    TrainedHead,
    TrainingData,
    TrainingTarget,
    Validation,
)
from converter.training.variations import average, plan_members, train_members
from edge_node.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from converter.data.dataset import Sample
    from converter.training.recipe import CascadeRecipe, StageRecipe


@dataclass(frozen=True, slots=True)
class PreparedTraining:
    """All that does not depend on the choice of training pictures: computed once, used by many trainings.

    Attributes:
        samples: the pictures.
        recipe: the stages and how they are trained.
        questions: the training target of each stage.
        activations: float16 ``(variants, pictures, ...)``; the first variant is without augmentation.
        masks: see ``TrainingData``.
        frozen: the backbone, if none of its layers is trained, so that all trainings share it.
        content: a text that is different for other activations and masks.
    """

    samples: tuple[Sample, ...]
    recipe: CascadeRecipe
    questions: tuple[TrainingTarget, ...]
    activations: NDArray[np.float16]
    masks: NDArray[np.float32] | None
    frozen: Backbone | None = None
    content: str = ""


@dataclass(frozen=True, slots=True)
class RetrainedNetwork:
    """A backbone with its trained heads.

    Attributes:
        backbone: with fine-tuned weights, where the recipe fine-tunes any.
        heads: one for each stage.
        temperatures: one for each head; 1 without validation pictures.
        fine_tuned_convolutions: number of convolutions that were trained too.
        logits: per stage, of every prepared picture without augmentation, ``(pictures, labels)``.
        members: the trainings whose weights were averaged.
        trained: what became of each of them.
    """

    backbone: Backbone
    heads: tuple[TrainedHead, ...]
    temperatures: tuple[float, ...]
    fine_tuned_convolutions: int
    logits: dict[str, NDArray[np.float32]]
    members: tuple[Member, ...] = ()
    trained: tuple[TrainedMember, ...] = ()


def prepare(  # noqa: PLR0913 - the pictures, how they are changed, and where it is kept
    samples: Sequence[Sample],
    recipe: CascadeRecipe,
    *,
    cache: Path | None = None,
    augmentations: Sequence[Augmentation] = (INSPECTION,),
    progress: Callable[[int], None] = lambda _done: None,
    work: Path | None = None,
) -> PreparedTraining:
    """Compute the activations of the frozen part of the network for every variant of every picture.

    Args:
        samples: the pictures.
        recipe: the stages and how they are trained.
        cache: folder in which each picture's activations are kept for other trainings.
        augmentations: of the copies, in turn.
        progress: called with the number of further activations that are done.
        work: folder of a file that holds the activations, so that several processes can share them; None
            keeps them in memory.

    Raises:
        DatasetError: a picture cannot be read, or no picture has a label of a stage.
        GraphError: the backbone or its weights cannot be loaded.
    """
    questions = tuple(_make_target(stage, samples) for stage in recipe.stage)
    by, cut, backbone = _build_network(recipe)
    variants = [
        Variant(copy, augmentations[(copy - 1) % len(augmentations)], recipe.training.seed)
        for copy in range(recipe.training.copies + 1)
    ]
    into = work / ACTIVATIONS_NAME if work and cut else None
    activations = compute(samples, by, variants, cache=cache, progress=progress, into=into)
    if activations.ndim == 3:  # pooled: one position
        activations = activations[:, :, np.newaxis, np.newaxis]
    masks = _read_masks(samples, variants, backbone.map_shape[0]) if _wants_maps(recipe) else None
    frozen = None if cut else backbone
    told = [by.key, *(variant.key for variant in variants), *(sample.sha256 for sample in samples)]
    digest = hashlib.sha256("\n".join(told).encode())
    digest.update(b"" if masks is None else masks.tobytes())
    return PreparedTraining(
        tuple(samples), recipe, questions, activations, masks, frozen, content=digest.hexdigest()
    )


def fit(  # noqa: PLR0913 - the pictures, who is told, and where it is kept
    prepared: PreparedTraining,
    training: NDArray[np.bool_],
    validation: NDArray[np.bool_],
    *,
    report: Callable[[int, Validation], None] = lambda _member, _validation: None,
    on_steps: Callable[[int], None] = lambda _steps: None,
    work: Path | None = None,
) -> RetrainedNetwork:
    """Train the heads, and the layers that the recipe fine-tunes, on some of the pictures.

    Args:
        prepared: all pictures.
        training: ``(pictures,)``, those to train on if the recipe admits them.
        validation: ``(pictures,)``, those that decide when training ends and fit the temperatures; may be
            none.
        report: called with the number of a training, from 0, and the result of its validation.
        on_steps: called with the number of further steps that are done.
        work: folder in which states are kept, so that a killed training can go on; None keeps none.

    Raises:
        DatasetError: a stage has pictures of fewer than two labels to train on.
    """
    recipe = prepared.recipe
    if prepared.frozen is not None:
        cut, backbone = None, prepared.frozen
    else:
        _, cut, backbone = _build_network(recipe)
    upper = cut.upper if cut else None
    data = TrainingData(prepared.activations, prepared.masks, np.zeros(len(training)), validation)
    members = plan_members(prepared.samples, recipe, prepared.questions, data, training)
    network = Network(
        backbone.architecture,
        backbone.input.size_px,
        recipe.training.fine_tune,
        recipe.training.train_depthwise,
        upper.get_weights() if upper else [],
    )
    trained = train_members(
        members,
        prepared.questions,
        upper,
        network,
        work=work,
        content=prepared.content,
        on_steps=on_steps,
        report=report,
    )
    mean = average(members, trained)
    heads = mean.heads
    if upper:
        upper.set_weights(mean.upper)
    if cut:
        backbone = replace(backbone, weights_sha256=hash_weights(backbone.model))
    pooled = _pool_features(prepared.activations[0], upper)
    logits = {head.question.name: head.logits(pooled) for head in heads}
    temperatures = tuple(_fit_temperature(head, logits[head.question.name], validation) for head in heads)
    return RetrainedNetwork(
        backbone,
        heads,
        temperatures,
        cut.convolutions if cut else 0,
        logits,
        tuple(members),
        tuple(trained),
    )


def load_member(recipe: CascadeRecipe, trained: TrainedMember) -> tuple[Backbone, Any]:
    """Return the backbone with the weights of one training, and its frozen graph.

    Raises:
        GraphError: the backbone or its weights cannot be loaded.
    """
    _, cut, backbone = _build_network(recipe)
    if cut:
        cut.upper.set_weights(trained.upper)
        backbone = replace(backbone, weights_sha256=hash_weights(backbone.model))
    return backbone, freeze_backbone(backbone)


def _build_network(recipe: CascadeRecipe) -> tuple[Extractor, Cut | None, Backbone]:
    """Build the backbone and, if layers are fine-tuned, cut it."""
    wanted = recipe.training
    backbone = load_backbone(wanted.architecture, weights=wanted.weights, size_px=wanted.size_px)
    if wanted.fine_tune == 0:
        return make_extractor(backbone, pooled=not _wants_maps(recipe)), None, backbone
    cut = cut_before(backbone.model, wanted.fine_tune, train_depthwise=wanted.train_depthwise)
    return make_extractor(backbone, layer=cut.layer), cut, backbone


def _wants_maps(recipe: CascadeRecipe) -> bool:
    return recipe.training.map_weight > 0 and any(stage.learn != "pictures" for stage in recipe.stage)


def _make_target(stage: StageRecipe, samples: Sequence[Sample]) -> TrainingTarget:
    """Return a stage's right label of every sample; refuse a stage with a label that no sample has."""
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


def _pool_features(activations: NDArray[np.float16], upper: Any) -> NDArray[np.float32]:
    """Return the mean features of every picture, float32 ``(pictures, channels)``."""
    batches = np.array_split(activations, max(1, len(activations) // 64))
    if upper is None:
        return np.concatenate([batch.astype(np.float32).mean(axis=(1, 2)) for batch in batches])
    tf = tensorflow()
    means = tf.function(
        lambda real: tf.reduce_mean(upper(real, training=False), (1, 2)), reduce_retracing=True
    )
    return np.concatenate([np.asarray(means(tf.constant(batch, tf.float32))) for batch in batches])


def _fit_temperature(head: TrainedHead, logits: NDArray[np.float32], validation: NDArray[np.bool_]) -> float:
    known = validation & (head.question.targets != UNKNOWN)
    return fit_head_temperature(head.question, logits[known], head.question.targets[known])


def _read_masks(samples: Sequence[Sample], variants: Sequence[Variant], side: int) -> NDArray[np.float32]:
    """Return the masks of all variants; those of uncorroded pictures and of no metal are 0 everywhere."""
    masks = np.full((len(variants), len(samples), side, side), UNKNOWN, np.float32)
    tasks = []
    for index, sample in enumerate(samples):
        if sample.mask is not None:
            tasks += [(number, index) for number in range(len(variants))]
        elif sample.labels.get("corroded") == UNCORRODED or sample.labels.get("metal") == OTHER:
            masks[:, index] = 0.0

    def draw(task: tuple[int, int]) -> NDArray[np.float32] | None:
        return read_mask_variant(samples[task[1]], variants[task[0]], side)

    with ThreadPoolExecutor(2) as readers:
        for task, mask in zip(tasks, readers.map(draw, tasks), strict=True):
            if mask is not None:
                masks[task] = mask
    return masks
