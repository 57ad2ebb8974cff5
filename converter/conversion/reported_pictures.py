"""List the pictures that a report shows: where answers differ most, and where a stage is surest and wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from converter.data.stage_truth import UNKNOWN
from converter.evaluation.float_agreement import choose_labels
from converter.quantize.request import Mode
from edge_node.inference.cascade import choose_label
from edge_node.inference.probabilities import label_probabilities

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from converter.conversion.order import ConversionOutcome
    from converter.evaluation.float_agreement import StageComparison
    from edge_node.inference.manifest import Stage

_LISTED = 12  # pictures a stage and list
SOURCE, FLOAT = "source", "float"


class GivenAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What one of the models says of a picture.

    Attributes:
        by: ``source`` (the original graph in TensorFlow), ``float``, or the bundle's mode.
        label: the one that it chooses.
        probabilities: of every label that one of the models chooses, or that is the truth.
    """

    by: str
    label: str
    probabilities: dict[str, float]


class ReportedPicture(msgspec.Struct, frozen=True, kw_only=True):
    """One picture that a stage got wrong, or that the models answer differently.

    Attributes:
        picture: its folder and name.
        index: among the compared pictures.
        truth: the right label, where it is known.
        float_label: what the float model says.
        quantized_label: what the bundle says.
        confidence: of the bundle, in its label.
        difference: the largest between two models' probabilities of one label, at temperature 1.
        answers: of every model, at temperature 1 where they are compared.
    """

    picture: str
    index: int
    truth: str | None
    float_label: str
    quantized_label: str
    confidence: float
    difference: float = 0.0
    answers: tuple[GivenAnswer, ...] = ()


def list_differing(outcome: ConversionOutcome, comparison: StageComparison) -> tuple[ReportedPicture, ...]:
    """Return the pictures to which bundle and another model give different labels, the widest apart first."""
    answers = _Answers(outcome, comparison, 1.0)
    differing = np.flatnonzero(
        np.any([(said != answers.said) & (said != UNKNOWN) for said in answers.labels.values()], axis=0)
    )
    order = differing[np.argsort(-answers.spread[differing], kind="stable")][:_LISTED]
    return tuple(answers.describe(int(at)) for at in order)


def find_widest(outcome: ConversionOutcome, comparison: StageComparison) -> ReportedPicture:
    """Return the picture of which two models' probabilities differ most, whatever labels they give it."""
    answers = _Answers(outcome, comparison, 1.0)
    return answers.describe(int(answers.spread.argmax()))


def list_mistakes(
    outcome: ConversionOutcome, comparison: StageComparison, temperature: float
) -> tuple[ReportedPicture, ...]:
    """Return the pictures that a stage of the bundle gets wrong, the surest first."""
    if outcome.labelled is None:
        return ()
    answers = _Answers(outcome, comparison, temperature)
    truth = outcome.labelled.truth[comparison.stage.name]
    wrong = np.flatnonzero((truth != UNKNOWN) & (answers.said != truth))
    confidence = answers.probabilities[answers.bundle][wrong, answers.said[wrong]]
    order = wrong[np.argsort(-confidence, kind="stable")][:_LISTED]
    return tuple(answers.describe(int(at)) for at in order)


def ask_source(outcome: ConversionOutcome, comparison: StageComparison) -> NDArray[np.float64] | None:
    """Return the original graph's probabilities ``(pictures, labels)``: NaN where it was not asked."""
    proof = outcome.proof
    if proof is None or comparison.stage.name not in proof.answers:
        return None
    found = np.full(comparison.candidate.shape, np.nan)
    found[list(proof.indices)] = proof.answers[comparison.stage.name]
    return found


def name_picture(outcome: ConversionOutcome, index: int) -> str:
    """Return folder and file name of the compared picture at ``index``."""
    if outcome.labelled:
        path = outcome.labelled.samples[index].path
    elif outcome.calibration:
        path = outcome.calibration.paths[index]
    else:
        return f"golden picture {index}"
    return f"{path.parent.name}/{path.name}".encode("utf-8", "replace").decode()  # any bytes may be in a name


class _Answers:
    """What every model says of the compared pictures, by the model's name; the bundle's is the last.

    Attributes:
        bundle: the name of the bundle's answers.
        probabilities: ``(pictures, labels)``; NaN where a model was not asked.
        labels: the chosen ones, ``(pictures,)``; ``UNKNOWN`` where a model was not asked.
        said: the bundle's.
        spread: for each picture the largest difference between two models' probabilities of one label.
    """

    def __init__(self, outcome: ConversionOutcome, comparison: StageComparison, temperature: float) -> None:
        self._outcome, self._stage = outcome, comparison.stage
        is_float = outcome.order.mode is Mode.NONE
        self.bundle = "bundle" if is_float else outcome.order.mode.value
        logits = {} if is_float else {FLOAT: comparison.reference}
        logits[self.bundle] = comparison.candidate
        self.probabilities: dict[str, NDArray[np.float64]] = {}
        self.labels: dict[str, NDArray[np.intp]] = {}
        source = ask_source(outcome, comparison) if temperature == 1.0 else None  # it has no temperature
        if source is not None:
            self.probabilities[SOURCE] = source
            self.labels[SOURCE] = choose_known_labels(self._stage, source)
        for by, values in logits.items():
            self.probabilities[by] = label_probabilities(self._stage, values, temperature)
            self.labels[by] = choose_labels(self._stage, values)
        self.said = self.labels[self.bundle]
        values = np.stack(list(self.probabilities.values()))
        self.spread = np.asarray((np.nanmax(values, axis=0) - np.nanmin(values, axis=0)).max(axis=1))

    def describe(self, index: int) -> ReportedPicture:
        """Return what all models say of one picture, of the labels that they choose and the true one."""
        labels, labelled = self._stage.labels, self._outcome.labelled
        truth = int(labelled.truth[self._stage.name][index]) if labelled else UNKNOWN
        chosen = {by: int(said[index]) for by, said in self.labels.items()}
        named = dict.fromkeys(at for at in (truth, *chosen.values()) if at != UNKNOWN)
        said = chosen[self.bundle]
        return ReportedPicture(
            picture=name_picture(self._outcome, index),
            index=index,
            truth=None if truth == UNKNOWN else labels[truth],
            float_label=labels[chosen.get(FLOAT, said)],
            quantized_label=labels[said],
            confidence=float(self.probabilities[self.bundle][index, said]),
            difference=float(self.spread[index]),
            answers=tuple(
                GivenAnswer(
                    by=by,
                    label=labels[at],
                    probabilities={labels[of]: float(self.probabilities[by][index, of]) for of in named},
                )
                for by, at in chosen.items()
                if at != UNKNOWN
            ),
        )


def choose_known_labels(stage: Stage, probabilities: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the label that a stage chooses for each row; ``UNKNOWN`` for a row of NaN."""
    chosen = [UNKNOWN if np.isnan(row).any() else choose_label(stage, row) for row in probabilities]
    return np.array(chosen, np.intp)
