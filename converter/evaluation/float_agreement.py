"""Float against quantized, stage by stage, picture by picture, through the node's own engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from edge_node.inference.cascade import choose_label
from edge_node.inference.manifest import OutputKind
from edge_node.inference.preprocess import input_tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from edge_node.inference.engine import Engine
    from edge_node.inference.manifest import InputTensor, Stage

_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class StageComparison:
    """One stage's logits from two bundles for the same pictures.

    Attributes:
        stage: as in the manifest.
        reference: float64 ``(pictures, labels)``, of the float models.
        candidate: likewise, of the quantized ones.
        saturated: share of the quantized output's numbers that are at the end of their range.
    """

    stage: Stage
    reference: NDArray[np.float64] = field(repr=False)
    candidate: NDArray[np.float64] = field(repr=False)
    saturated: float = 0.0

    @property
    def same_label(self) -> NDArray[np.bool_]:
        """Per picture whether both give it the same label."""
        wanted, found = (chosen_labels(self.stage, logits) for logits in (self.reference, self.candidate))
        return np.asarray(wanted == found)

    @property
    def agreement(self) -> float:
        """Share of pictures with the same label."""
        return float(self.same_label.mean())

    @property
    def worst_difference(self) -> float:
        """The largest difference of a probability, at temperature 1."""
        return float(np.abs(softmax(self.reference) - softmax(self.candidate)).max())

    @property
    def mean_difference(self) -> float:
        """By how much a probability differs, on average of the pictures, at temperature 1."""
        differences = np.abs(softmax(self.reference) - softmax(self.candidate)).max(axis=1)
        return float(differences.mean())

    @property
    def constant(self) -> bool:
        """Whether the quantized stage says the same of every picture, and the float one does not."""
        return bool(np.ptp(self.candidate, axis=0).max() == 0 and np.ptp(self.reference, axis=0).max() > 0)


def softmax(logits: NDArray[np.float64], temperature: float = 1.0) -> NDArray[np.float64]:
    """Return probabilities, over the last axis."""
    powers = np.exp((logits - logits.max(axis=-1, keepdims=True)) / temperature)
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def chosen_labels(stage: Stage, logits: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the index of the label that the node takes where it does not abstain, ``(pictures,)``."""
    return np.array([choose_label(stage, row) for row in softmax(logits, stage.temperature)], np.intp)


@dataclass(frozen=True, slots=True)
class StageLogits:
    """What the stages of one bundle said of some pictures.

    Attributes:
        logits: per stage float64 ``(pictures, labels)``.
        saturated: per stage the share of its output's numbers at the end of their range.
    """

    logits: dict[str, NDArray[np.float64]] = field(repr=False)
    saturated: dict[str, float]


def run_model(
    engine: Engine, pictures: Iterable[NDArray[np.uint8]], advance: Callable[[], object] = lambda: None
) -> StageLogits:
    """Ask every stage about every picture, whatever its path would be.

    Args:
        engine: a bundle made ready.
        pictures: uint8 ``(height, width, 3)``, blue, green, red; at least one.
        advance: called after each picture.
    """
    names = [stage.name for stage in engine.bundle.manifest.cascade.stages]
    outputs: dict[str, list[StageOutput]] = {name: [] for name in names}
    for pixels in pictures:
        for name, output in stage_outputs(engine, pixels).items():
            outputs[name].append(output)
        advance()
    return StageLogits(
        {name: np.stack([output.logits for output in found]) for name, found in outputs.items()},
        {name: float(np.mean([output.saturated for output in found])) for name, found in outputs.items()},
    )


def compare(
    stages: Iterable[Stage], reference: StageLogits, candidate: StageLogits
) -> tuple[StageComparison, ...]:
    """Return the answers of the float and the quantized models side by side, stage by stage."""
    return tuple(
        StageComparison(
            stage, reference.logits[stage.name], candidate.logits[stage.name], candidate.saturated[stage.name]
        )
        for stage in stages
    )


@dataclass(frozen=True, slots=True)
class StageOutput:
    """What one stage says of one picture: logits ``(labels,)``, and how much of its output is saturated."""

    logits: NDArray[np.float64]
    saturated: float


def stage_outputs(engine: Engine, pixels: NDArray[np.uint8]) -> dict[str, StageOutput]:
    """Return what every stage says of one picture; each model runs once."""
    manifest = engine.bundle.manifest
    tensors: dict[InputTensor, NDArray[np.generic]] = {}
    found = {}
    for model in manifest.models:
        if model.input not in tensors:
            tensors[model.input] = input_tensor(pixels, model.input)
        values = engine.outputs(model.file, tensors[model.input])
        for output in model.outputs:
            ends = np.zeros(2)
            if output.scale > 0:
                bounds = np.iinfo(output.dtype)
                ends = (np.array([bounds.min, bounds.max]) - output.zero_point) * output.scale
            value = values[output.name]
            at_end = (
                np.isclose(value[..., np.newaxis], ends).any(axis=-1) if output.scale > 0 else np.zeros(1)
            )
            found[model.file, output.name] = StageOutput(_logits(value, output.kind), float(at_end.mean()))
    return {stage.name: found[stage.model, stage.output] for stage in manifest.cascade.stages}


def _logits(value: NDArray[np.float32], kind: OutputKind) -> NDArray[np.float64]:
    mean = value.reshape(-1, value.shape[-1]).mean(axis=0, dtype=np.float64)
    return np.asarray(np.log(np.maximum(mean, _TINY)) if kind is OutputKind.PROBABILITIES else mean)
