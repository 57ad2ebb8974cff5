"""Compare the logits of float and quantized models, per stage and picture, through the node's own engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from edge_node.inference.cascade import choose_label
from edge_node.inference.preprocess import input_tensor
from edge_node.inference.probabilities import label_probabilities, mean_logits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from edge_node.inference.engine import Engine
    from edge_node.inference.manifest import InputTensor, OutputTensor, Stage


@dataclass(frozen=True, slots=True)
class StageComparison:
    """One stage's logits from two bundles for the same pictures.

    Attributes:
        stage: as in the manifest.
        reference: float64 ``(pictures, labels)``, of the float models.
        candidate: the same of the quantized models.
        saturated: share of the quantized output's values at either end of their range.
        kept: whether it was a `.tflite` file already, so that both are the same model.
    """

    stage: Stage
    reference: NDArray[np.float64] = field(repr=False)
    candidate: NDArray[np.float64] = field(repr=False)
    saturated: float = 0.0
    kept: bool = False

    @property
    def same_label(self) -> NDArray[np.bool_]:
        """Whether both predict the same label, ``(pictures,)``."""
        expected, predicted = (
            choose_labels(self.stage, logits) for logits in (self.reference, self.candidate)
        )
        return np.asarray(expected == predicted)

    @property
    def agreement(self) -> float:
        """Share of pictures with the same label."""
        return float(self.same_label.mean())

    @property
    def worst_difference(self) -> float:
        """The largest difference between two probabilities, at temperature 1."""
        return float(self._differences.max())

    @property
    def mean_difference(self) -> float:
        """The largest difference of a picture's probabilities, averaged over pictures, at temperature 1."""
        return float(self._differences.max(axis=1).mean())

    @property
    def _differences(self) -> NDArray[np.float64]:
        reference, candidate = (
            label_probabilities(self.stage, logits, 1.0) for logits in (self.reference, self.candidate)
        )
        return np.asarray(np.abs(reference - candidate))

    @property
    def constant(self) -> bool:
        """Whether the quantized logits are the same for every picture while the float ones are not."""
        return bool(np.ptp(self.candidate, axis=0).max() == 0 and np.ptp(self.reference, axis=0).max() > 0)


def choose_labels(stage: Stage, logits: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the index of the label that the node takes where it does not abstain, ``(pictures,)``."""
    return np.array([choose_label(stage, row) for row in label_probabilities(stage, logits)], np.intp)


@dataclass(frozen=True, slots=True)
class StageLogits:
    """The outputs of one bundle's stages for some pictures.

    Attributes:
        logits: per stage, float64 ``(pictures, labels)``.
        saturated: per stage, the share of its output's values at either end of their range.
    """

    logits: dict[str, NDArray[np.float64]] = field(repr=False)
    saturated: dict[str, float]


def run_model(
    engine: Engine, pictures: Iterable[NDArray[np.uint8]], advance: Callable[[], object] = lambda: None
) -> StageLogits:
    """Run every stage on every picture, also those off the path that the cascade would take.

    Args:
        engine: of the bundle.
        pictures: uint8 ``(height, width, 3)``, blue, green, red; at least one.
        advance: called after each picture.
    """
    names = [stage.name for stage in engine.bundle.manifest.cascade.stages]
    outputs: dict[str, list[StageOutput]] = {name: [] for name in names}
    for pixels in pictures:
        for name, output in run_stages(engine, pixels).items():
            outputs[name].append(output)
        advance()
    return StageLogits(
        {name: np.stack([output.logits for output in found]) for name, found in outputs.items()},
        {name: float(np.mean([output.saturated for output in found])) for name, found in outputs.items()},
    )


def compare(
    stages: Iterable[Stage],
    reference: StageLogits,
    candidate: StageLogits,
    kept: frozenset[str] = frozenset(),
) -> tuple[StageComparison, ...]:
    """Pair the logits of the float and the quantized models, stage by stage; ``kept`` have no float model."""
    return tuple(
        StageComparison(
            stage,
            reference.logits[stage.name],
            candidate.logits[stage.name],
            candidate.saturated[stage.name],
            stage.name in kept,
        )
        for stage in stages
    )


@dataclass(frozen=True, slots=True)
class StageOutput:
    """One stage's logits for one picture, ``(labels,)``, and the share of its output that is saturated."""

    logits: NDArray[np.float64]
    saturated: float


def run_stages(engine: Engine, pixels: NDArray[np.uint8]) -> dict[str, StageOutput]:
    """Return the output of every stage for one picture; each model runs once."""
    manifest = engine.bundle.manifest
    tensors: dict[InputTensor, NDArray[np.generic]] = {}
    found = {}
    for model in manifest.models:
        if model.input not in tensors:
            tensors[model.input] = input_tensor(pixels, model.input)
        values = engine.outputs(model.file, tensors[model.input])
        for output in model.outputs:
            value = values[output.name]
            logits = mean_logits(value, output.kind)
            found[model.file, output.name] = StageOutput(logits, _saturated_share(value, output))
    return {stage.name: found[stage.model, stage.output] for stage in manifest.cascade.stages}


def _saturated_share(value: NDArray[np.float32], output: OutputTensor) -> float:
    """Return the share of real values that stand for an end of the integer range; 0 for float outputs."""
    if output.scale <= 0:
        return 0.0
    bounds = np.iinfo(output.dtype)
    ends = (np.array([bounds.min, bounds.max]) - output.zero_point) * output.scale
    return float(np.isclose(value[..., np.newaxis], ends).any(axis=-1).mean())
