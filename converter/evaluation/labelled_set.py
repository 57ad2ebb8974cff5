"""Load labelled pictures and measure how often the stages and the cascade of a bundle are right."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from converter.data.dataset import load_dataset
from converter.data.stage_truth import UNKNOWN, find_stage_truth, read_corroded
from converter.evaluation.float_agreement import choose_labels
from converter.evaluation.metrics import count_confusions, wilson_interval
from edge_node.errors import DatasetError
from edge_node.inference.cascade import decide
from edge_node.inference.probabilities import label_probabilities
from edge_node.messages.verdict import Decision, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from converter.data.dataset import Sample
    from converter.evaluation.float_agreement import StageLogits
    from edge_node.inference.manifest import Cascade, Stage


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Pictures whose right label is known for at least one stage.

    Attributes:
        name: of the folder.
        samples: in the order of the arrays.
        truth: per stage, the index of the right label, ``(pictures,)``; ``UNKNOWN`` where it is not known.
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
        """The specimen of each picture."""
        return tuple(sample.specimen for sample in self.samples)


@dataclass(frozen=True, slots=True)
class Score:
    """The number of right predictions among the pictures whose truth is known."""

    right: int
    pictures: int

    @property
    def accuracy(self) -> float:
        """Share of right predictions; 0 of 0 is 0."""
        return self.right / self.pictures if self.pictures else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The limits of the accuracy's Wilson interval, 95 %."""
        found = wilson_interval(self.right, self.pictures)
        return found.low, found.high


def load_labelled(path: Path, cascade: Cascade) -> LabelledSet:
    """Load the labelled pictures in ``path``: folders named after classes, or a ``labels.csv``.

    Raises:
        DatasetError: no pictures, or none with a label that a stage of the cascade has.
    """
    samples = load_dataset(path)
    truth = {
        stage.name: np.array([find_stage_truth(cascade, stage, sample) for sample in samples], dtype=np.intp)
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
    corroded = [UNKNOWN if (value := read_corroded(sample)) is None else int(value) for sample in kept]
    return LabelledSet(
        (path.parent if path.is_file() else path).resolve().name,
        kept,
        {name: values[chosen] for name, values in truth.items()},
        np.array(corroded, dtype=np.intp),
    )


def score_stage(labelled: LabelledSet, stage: Stage, answers: StageLogits) -> Score:
    """Count how often a stage chooses the right label."""
    truth, chosen = _truth_and_choice(labelled, stage, answers)
    return Score(int((chosen == truth).sum()), len(truth))


def count_stage_confusions(labelled: LabelledSet, stage: Stage, answers: StageLogits) -> NDArray[np.intp]:
    """Return the confusion matrix of a stage, ``(labels, labels)``: rows are the truth."""
    truth, chosen = _truth_and_choice(labelled, stage, answers)
    return count_confusions(truth, chosen, range(len(stage.labels)))


def decide_all(cascade: Cascade, answers: StageLogits) -> tuple[Decision, ...]:
    """Return the cascade's decision for each picture, by its own temperatures and thresholds."""
    pictures = len(next(iter(answers.logits.values())))
    probabilities = {
        stage.name: label_probabilities(stage, answers.logits[stage.name]) for stage in cascade.stages
    }
    return tuple(
        decide(cascade, lambda stage, at=at: probabilities[stage.name][at])  # type: ignore[misc]  # binds `at` now
        for at in range(pictures)
    )


def score_cascade(labelled: LabelledSet, cascade: Cascade, answers: StageLogits) -> Score:
    """Count how often the cascade's outcome is right; an abstention counts as wrong."""
    outcomes = {0: Outcome.UNCORRODED, 1: Outcome.CORRODED}
    right = [
        decision.outcome is outcomes.get(int(truth))
        for decision, truth in zip(decide_all(cascade, answers), labelled.corroded, strict=True)
    ]
    return Score(int(np.sum(right)), int((labelled.corroded != UNKNOWN).sum()))


def _truth_and_choice(
    labelled: LabelledSet, stage: Stage, answers: StageLogits
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the right and the chosen label of every picture whose truth a stage knows."""
    truth = labelled.truth[stage.name]
    known = truth != UNKNOWN
    return truth[known], choose_labels(stage, answers.logits[stage.name])[known]
