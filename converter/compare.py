"""Float against quantized, stage by stage, picture by picture, through the node's own engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from edge_node.cascade import calibrated
from edge_node.preprocess import input_tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from edge_node.engine import Engine
    from edge_node.manifest import InputTensor


@dataclass(frozen=True, slots=True)
class StageComparison:
    """One stage's probabilities from two bundles for the same pictures.

    Attributes:
        stage: its name.
        reference: float64 ``(pictures, labels)``, of the float models.
        candidate: likewise, of the quantized ones.
    """

    stage: str
    reference: NDArray[np.float64] = field(repr=False)
    candidate: NDArray[np.float64] = field(repr=False)

    @property
    def same_label(self) -> NDArray[np.bool_]:
        """Per picture whether both find the same label most probable."""
        return np.asarray(self.reference.argmax(axis=1) == self.candidate.argmax(axis=1))

    @property
    def agreement(self) -> float:
        """Share of pictures with the same label."""
        return float(self.same_label.mean())

    @property
    def worst_difference(self) -> float:
        """The largest difference of a probability."""
        return float(np.abs(self.reference - self.candidate).max())


def compare(
    reference: Engine,
    candidate: Engine,
    pictures: Iterable[NDArray[np.uint8]],
    advance: Callable[[], object] = lambda: None,
) -> tuple[StageComparison, ...]:
    """Ask every stage of both bundles about every picture, whatever its path would be.

    Args:
        reference: the float models.
        candidate: the same cascade, quantized.
        pictures: uint8 ``(height, width, 3)``, blue, green, red; at least one.
        advance: called after each picture.
    """
    names = [stage.name for stage in reference.bundle.manifest.cascade.stages]
    found: dict[str, tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]] = {
        name: ([], []) for name in names
    }
    for pixels in pictures:
        for side, engine in enumerate((reference, candidate)):
            for name, probabilities in stage_probabilities(engine, pixels).items():
                found[name][side].append(probabilities)
        advance()
    return tuple(StageComparison(name, np.stack(a), np.stack(b)) for name, (a, b) in found.items())


def stage_probabilities(engine: Engine, pixels: NDArray[np.uint8]) -> dict[str, NDArray[np.float64]]:
    """Return every stage's probabilities, ``(labels,)``, for one picture; each model runs once."""
    manifest = engine.bundle.manifest
    tensors: dict[InputTensor, NDArray[np.generic]] = {}
    outputs = {}
    kinds = {}
    for model in manifest.models:
        if model.input not in tensors:
            tensors[model.input] = input_tensor(pixels, model.input)
        outputs[model.file] = engine.outputs(model.file, tensors[model.input])
        kinds.update({(model.file, out.name): out.kind for out in model.outputs})
    return {
        stage.name: calibrated(
            outputs[stage.model][stage.output], kinds[stage.model, stage.output], stage.temperature
        )
        for stage in manifest.cascade.stages
    }
