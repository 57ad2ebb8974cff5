"""Confidence that means something: a temperature per stage, and from which confidence on it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from scipy.optimize import minimize_scalar  # type: ignore[import-untyped]  # no stubs in the wheel
from sklearn.model_selection import GroupKFold  # type: ignore[import-untyped]  # no stubs in the wheel

from converter.data.stage_truth import UNKNOWN
from converter.evaluation.float_agreement import softmax
from edge_node.errors import ConversionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from converter.evaluation.float_agreement import StageLogits
    from converter.evaluation.labelled_set import LabelledSet
    from edge_node.inference.manifest import Stage

_FOLDS = 5
_TEMPERATURES = (0.05, 20.0)
# Shares of the stated risk to aim at: what holds on known specimens is exceeded on new ones.
_RISK_SHARES = (1.0, 0.75, 0.5, 0.25, 0.1, 0.0)
_MIN_PICTURES = 20  # a temperature from fewer is noise
MIN_GROUPS = 10  # fewer specimens say nothing of new ones


@dataclass(frozen=True, slots=True)
class Abstention:
    """When a stage says nothing, and what that costs.

    Attributes:
        threshold: below this probability of the chosen label the stage abstains.
        held_out_risk: share of errors among decided pictures of specimens that had no part in the choice.
        held_out_coverage: share of those pictures that were decided.
    """

    threshold: float
    held_out_risk: float
    held_out_coverage: float


@dataclass(frozen=True, slots=True)
class StageFit:
    """What was fitted for one stage on labelled pictures."""

    temperature: float
    abstention: Abstention | None = None


def fit_stages(
    labelled: LabelledSet | None, stages: Iterable[Stage], answers: StageLogits, max_risk: float | None
) -> dict[str, StageFit]:
    """Return temperatures and thresholds for the stages that have labelled pictures enough."""
    found: dict[str, StageFit] = {}
    for stage in stages if labelled else ():
        truth = labelled.truth[stage.name]  # type: ignore[union-attr]  # the loop is empty without it
        known = truth != UNKNOWN
        if len(np.unique(truth[known])) < 2 or known.sum() < _MIN_PICTURES:
            continue
        logits = answers.logits[stage.name][known]
        temperature = fit_temperature(logits, truth[known])
        abstention = None
        if max_risk is not None:
            groups = [group for group, used in zip(labelled.groups, known, strict=True) if used]  # type: ignore[union-attr]  # as above
            probabilities = softmax(logits, temperature)
            abstention = fit_abstention(probabilities, truth[known], groups, max_risk)
        found[stage.name] = StageFit(temperature, abstention)
    return found


def with_fit(stage: Stage, fit: StageFit | None) -> Stage:
    """Return a stage that answers as it was fitted to; as it was, where nothing was fitted."""
    if fit is None:
        return stage
    threshold = fit.abstention.threshold if fit.abstention else stage.abstain_below
    return msgspec.structs.replace(stage, temperature=fit.temperature, abstain_below=threshold)


def fit_temperature(logits: NDArray[np.float64], truth: NDArray[np.intp]) -> float:
    """Return the temperature whose probabilities fit the truth best (least negative log-likelihood).

    Args:
        logits: ``(pictures, labels)``.
        truth: index of the right label, ``(pictures,)``.

    Source: C. Guo et al., "On Calibration of Modern Neural Networks", 2017, section 4.2.
    """

    def loss(log_temperature: float) -> float:
        probabilities = softmax(logits, float(np.exp(log_temperature)))
        chosen = probabilities[np.arange(len(truth)), truth]
        return float(-np.log(np.maximum(chosen, 1e-12)).mean())

    bounds = tuple(np.log(_TEMPERATURES))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def fit_abstention(
    probabilities: NDArray[np.float64], truth: NDArray[np.intp], groups: Sequence[str], max_risk: float
) -> Abstention:
    """Return the lowest threshold whose error among decided pictures stays at ``max_risk`` on new specimens.

    Thresholds are chosen on four fifths of the specimens and judged on the last, in turn. Where a threshold
    for ``max_risk`` fails that, one for a smaller risk is chosen instead.

    Args:
        probabilities: calibrated, ``(pictures, labels)``.
        truth: index of the right label, ``(pictures,)``.
        groups: the specimen of each picture.
        max_risk: 0 to 1.

    Raises:
        ConversionError: too few specimens, or no threshold holds the risk.
    """
    specimens = len(set(groups))
    if specimens < MIN_GROUPS:
        raise ConversionError(
            f"--max-risk needs pictures of {MIN_GROUPS} specimens or more per stage, found {specimens}"
        )
    confidence = probabilities.max(axis=1)
    wrong = probabilities.argmax(axis=1) != truth
    folds = list(GroupKFold(_FOLDS).split(confidence, groups=list(groups)))
    for share in _RISK_SHARES:
        decided = np.zeros(len(truth), dtype=bool)
        for train, held_out in folds:
            decided[held_out] = confidence[held_out] >= _threshold(
                confidence[train], wrong[train], max_risk * share
            )
        if decided.any() and wrong[decided].mean() <= max_risk:
            return Abstention(
                threshold=_threshold(confidence, wrong, max_risk * share),
                held_out_risk=float(wrong[decided].mean()),
                held_out_coverage=float(decided.mean()),
            )
    raise ConversionError(
        f"no threshold keeps the error among decided pictures at {max_risk:.2%}; allow more"
    )


def expected_calibration_error(
    probabilities: NDArray[np.float64], truth: NDArray[np.intp], bins: int = 10
) -> float:
    """Return how far confidence is from accuracy on average, over equal bins of confidence."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(float(right[which == at].mean()) - float(confidence[which == at].mean()))
        * float((which == at).mean())
        for at in range(bins)
        if (which == at).any()
    ]
    return float(sum(gaps))


def _threshold(confidence: NDArray[np.float64], wrong: NDArray[np.bool_], risk: float) -> float:
    """Return the lowest threshold with at most ``risk`` errors among the decided; 1 if there is none."""
    order = np.argsort(-confidence, kind="stable")
    risks = np.cumsum(wrong[order]) / np.arange(1, len(order) + 1)
    # A threshold takes all pictures of one confidence or none.
    last_of_its_confidence = np.append(np.diff(confidence[order]) != 0, True)
    holding = np.flatnonzero((risks <= risk) & last_of_its_confidence)
    if not len(holding):
        return 1.0
    # Slightly below, so that rounding of the stored number decides nothing.
    return float(max(confidence[order[holding[-1]]] - 1e-9, 0.0))
