"""Define the record of a proof at the source: what TensorFlow says of the original graphs, and the bundle."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from edge_node.inference.bundle import with_manifest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from converter.source_model.request import ScalingScore
    from edge_node.inference.bundle import Bundle


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far a bundle's answers are from the source's, for one stage.

    Attributes:
        pictures: that both were asked about.
        same: on which both choose the same label.
        clear: on which the source's own margin is above the limit, so that its label counts.
        clear_same: of these, on which both choose the same label.
        worst: the largest difference between two probabilities.
        worst_picture: where that is.
    """

    pictures: int
    same: int
    clear: int
    clear_same: int
    worst: float
    worst_picture: str


@dataclass(frozen=True, slots=True)
class StageProof:
    """One stage's bundle beside its source.

    Attributes:
        stage: its name.
        in_float: of the float models.
        quantized: of the quantized models; None where nothing is quantized.
        facts: what the process of the source read from the original file and the flags.
        scores: accuracy under the chosen scaling and under others, where labels are known.
    """

    stage: str
    in_float: Agreement
    quantized: Agreement | None = None
    facts: dict[str, str] = field(default_factory=dict)
    scores: tuple[ScalingScore, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceProof:
    """Whether a bundle says what its source models say.

    Attributes:
        proved: whether it does, on all pictures that count.
        reason: why it is not proved; empty where it is.
        stages: their figures.
        decoders: a sentence on how TensorFlow and the node decode the same files.
        pictures: names of the compared pictures.
        indices: their places among the pictures on which float and quantized are compared.
        answers: per stage the source's probabilities, ``(pictures, labels)``.
        seconds: of the source's process.
        peak_memory_mb: of the source's process.
    """

    proved: bool
    reason: str = ""
    stages: tuple[StageProof, ...] = ()
    decoders: str = ""
    pictures: tuple[str, ...] = ()
    indices: tuple[int, ...] = ()
    answers: dict[str, NDArray[np.float64]] = field(default_factory=dict, repr=False)
    seconds: float = 0.0
    peak_memory_mb: float = 0.0

    @property
    def sentence(self) -> str:
        """Say in one clause whether the bundle is proved, with its figures or with why not."""
        if not self.proved:
            return f"not proved at the source: {self.reason}"
        parts = [_describe("float", [stage.in_float for stage in self.stages])]
        quantized = [stage.quantized for stage in self.stages if stage.quantized is not None]
        if quantized:
            parts.append(_describe("quantized", quantized))
        return f"proved at the source: on {len(self.pictures)} pictures {'; '.join(parts)}"


def skip_proof(reason: str) -> SourceProof:
    """Return the record of a proof that was left out; ``reason`` says why in a few words."""
    return SourceProof(proved=False, reason=reason)


def with_proof(bundle: Bundle, proof: SourceProof) -> Bundle:
    """Return a bundle that says in its notes whether it is proved; older nodes take notes too."""
    manifest = bundle.manifest
    notes = (*manifest.provenance.notes, f"proof: {proof.sentence}")
    provenance = msgspec.structs.replace(manifest.provenance, notes=notes)
    return with_manifest(bundle, msgspec.structs.replace(manifest, provenance=provenance))


def _describe(mode: str, found: list[Agreement]) -> str:
    worst = max(found, key=lambda agreement: agreement.worst)
    same, asked = sum(agreement.same for agreement in found), sum(agreement.pictures for agreement in found)
    told = f"{mode} gives TensorFlow's label {same} of {asked} times"
    return f"{told}, worst probability difference {worst.worst:.4f}"
