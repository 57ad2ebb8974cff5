"""Labelled pictures for judging a conversion: truth per stage, and how often stages and cascade are right."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from converter.data.dataset import load_dataset
from converter.data.stage_truth import UNKNOWN, corroded_truth, stage_truth
from converter.evaluation.float_agreement import chosen_labels, softmax
from edge_node.errors import DatasetError
from edge_node.inference.cascade import decide
from edge_node.messages.verdict import Decision, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from converter.data.dataset import Sample
    from converter.evaluation.float_agreement import StageLogits
    from edge_node.inference.manifest import Cascade, Stage

_CONFIDENCE_Z = 1.96  # 95 %


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Pictures whose truth is known to at least one stage.

    Attributes:
        name: of the folder.
        samples: in the order of the arrays.
        truth: per stage the index of the right label, ``(pictures,)``; ``UNKNOWN`` where it is not known.
        corroded: 1 corroded, 0 not, ``UNKNOWN``; ``(pictures,)``.
    """

    name: str
    samples: tuple[Sample, ...] = field(repr=False)
    truth: dict[str, NDArray[np.intp]] = field(repr=False)
    corroded: NDArray[np.intp] = field(repr=False)

    def pictures(self) -> Iterator[NDArray[np.uint8]]:
        """Yield the pictures, read one at a time."""
        return (sample.read() for sample in self.samples)

    @property
    def groups(self) -> tuple[str, ...]:
        """The specimen of each picture; a picture of its own where it is not known."""
        return tuple(sample.group or str(sample.path) for sample in self.samples)


@dataclass(frozen=True, slots=True)
class Score:
    """How often something was right.

    Attributes:
        right: of how many ``pictures``.
        pictures: with known truth.
    """

    right: int
    pictures: int

    @property
    def accuracy(self) -> float:
        """Share of right answers; 0 of 0 is 0."""
        return self.right / self.pictures if self.pictures else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The Wilson interval of the accuracy, 95 %; pictures of one specimen make it look too narrow.

        Source: E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", 1927.
        """
        if not self.pictures:
            return 0.0, 1.0
        n, p, z = self.pictures, self.accuracy, _CONFIDENCE_Z
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * float(np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n)
        return max(middle - half, 0.0), min(middle + half, 1.0)


def load_labelled(path: Path, cascade: Cascade) -> LabelledSet:
    """Read the labels in ``path``: folders named after classes, or a ``labels.csv``.

    Raises:
        DatasetError: no pictures, or none whose labels any stage of the cascade knows.
    """
    samples = load_dataset(path)
    truth = {
        stage.name: np.array([stage_truth(cascade, stage, sample) for sample in samples], dtype=np.intp)
        for stage in cascade.stages
    }
    known = np.any([values != UNKNOWN for values in truth.values()], axis=0)
    if not known.any():
        labels = ", ".join(sorted({label for stage in cascade.stages for label in stage.labels}))
        raise DatasetError(
            f"{path}: none of its {len(samples)} pictures has a label that a stage knows ({labels})"
        )
    chosen = np.flatnonzero(known)
    kept = tuple(samples[int(at)] for at in chosen)
    corroded = [UNKNOWN if (value := corroded_truth(sample)) is None else int(value) for sample in kept]
    return LabelledSet(
        (path.parent if path.is_file() else path).resolve().name,
        kept,
        {name: values[chosen] for name, values in truth.items()},
        np.array(corroded, dtype=np.intp),
    )


def stage_score(labelled: LabelledSet, stage: Stage, answers: StageLogits) -> Score:
    """Return how often the label that a stage chooses is the right one."""
    truth = labelled.truth[stage.name]
    known = truth != UNKNOWN
    right = chosen_labels(stage, answers.logits[stage.name])[known] == truth[known]
    return Score(int(right.sum()), int(known.sum()))


def confusion(labelled: LabelledSet, stage: Stage, answers: StageLogits) -> NDArray[np.intp]:
    """Return how often which truth (rows) was given which label (columns)."""
    truth = labelled.truth[stage.name]
    known = truth != UNKNOWN
    matrix = np.zeros((len(stage.labels),) * 2, dtype=np.intp)
    np.add.at(matrix, (truth[known], chosen_labels(stage, answers.logits[stage.name])[known]), 1)
    return matrix


def decisions(cascade: Cascade, answers: StageLogits) -> tuple[Decision, ...]:
    """Return what the cascade decides about each picture, by its own temperatures and thresholds."""
    pictures = len(next(iter(answers.logits.values())))
    probabilities = {
        stage.name: softmax(answers.logits[stage.name], stage.temperature) for stage in cascade.stages
    }
    return tuple(
        decide(cascade, lambda stage, at=at: probabilities[stage.name][at])  # type: ignore[misc]  # binds `at` now
        for at in range(pictures)
    )


def cascade_score(labelled: LabelledSet, cascade: Cascade, answers: StageLogits) -> Score:
    """Return how often the cascade's outcome is right; an abstention is not."""
    known = labelled.corroded != UNKNOWN
    wanted = {0: Outcome.UNCORRODED, 1: Outcome.CORRODED}
    right = [
        decision.outcome is wanted.get(int(truth))
        for decision, truth in zip(decisions(cascade, answers), labelled.corroded, strict=True)
    ]
    return Score(int(np.sum(right)), int(known.sum()))
