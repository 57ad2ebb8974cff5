"""Fit each stage's temperature and the confidence below which it abstains, on labelled pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from converter.data.stage_truth import UNKNOWN
from edge_node.errors import ConversionError
from edge_node.inference.probabilities import softmax

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from converter.evaluation.float_agreement import StageLogits
    from converter.evaluation.labelled_set import LabelledSet
    from edge_node.inference.manifest import Stage

_FOLDS = 5
_TEMPERATURES = (0.05, 20.0)
# Shares of the stated risk to aim at: a risk that holds on known specimens is exceeded on new ones.
_RISK_SHARES = (1.0, 0.75, 0.5, 0.25, 0.1, 0.0)
_MIN_PICTURES = 20  # a temperature from fewer is noise
MIN_GROUPS = 10  # errors on fewer specimens do not predict those on new ones


@dataclass(frozen=True, slots=True)
class Abstention:
    """The threshold below which a stage abstains, and its risk and coverage on held-out specimens.

    Attributes:
        threshold: the stage abstains where the chosen label's probability is lower.
        held_out_risk: share of errors among decided pictures of specimens that had no part in the choice.
        held_out_coverage: share of those pictures that were decided.
    """

    threshold: float
    held_out_risk: float
    held_out_coverage: float


@dataclass(frozen=True, slots=True)
class StageFit:
    """The temperature fitted for one stage and, if asked for, its abstention."""

    temperature: float
    abstention: Abstention | None = None


def fit_stages(
    labelled: LabelledSet | None, stages: Iterable[Stage], answers: StageLogits, max_risk: float | None
) -> dict[str, StageFit]:
    """Fit temperatures and thresholds for the stages that have enough labelled pictures.

    Args:
        labelled: None fits nothing.
        stages: of the cascade.
        answers: the stages' logits for the labelled pictures.
        max_risk: error allowed among decided pictures, 0 to 1; None fits no threshold.

    Raises:
        ConversionError: too few specimens, or no threshold holds the risk.
    """
    if labelled is None:
        return {}
    fits = ((stage.name, _fit_stage(labelled, stage, answers, max_risk)) for stage in stages)
    return {name: fit for name, fit in fits if fit is not None}


def with_fit(stage: Stage, fit: StageFit | None) -> Stage:
    """Return the stage with a fitted temperature and threshold; unchanged where there is no fit."""
    if fit is None:
        return stage
    threshold = fit.abstention.threshold if fit.abstention else stage.abstain_below
    return msgspec.structs.replace(stage, temperature=fit.temperature, abstain_below=threshold)


def fit_temperature(logits: NDArray[np.float64], truth: NDArray[np.intp]) -> float:
    """Return the temperature with the least negative log-likelihood of the right labels.

    Args:
        logits: ``(pictures, labels)``.
        truth: index of the right label, ``(pictures,)``.

    Source: C. Guo et al., "On Calibration of Modern Neural Networks", 2017, section 4.2.
    """
    from scipy.optimize import minimize_scalar  # type: ignore[import-untyped]  # no stubs in the wheel

    def loss(log_temperature: float) -> float:
        probabilities = softmax(logits, float(np.exp(log_temperature)))
        of_truth = probabilities[np.arange(len(truth)), truth]
        return float(-np.log(np.maximum(of_truth, 1e-12)).mean())

    bounds = tuple(np.log(_TEMPERATURES))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def fit_abstention(
    probabilities: NDArray[np.float64], truth: NDArray[np.intp], groups: Sequence[str], max_risk: float
) -> Abstention:
    """Fit the lowest threshold that keeps the error among decided pictures at ``max_risk`` on new specimens.

    Thresholds are chosen on four fifths of the specimens and tested on the last, in turn. Where a threshold
    for ``max_risk`` fails that test, one for a smaller risk is chosen instead.

    Args:
        probabilities: calibrated, ``(pictures, labels)``.
        truth: index of the right label, ``(pictures,)``.
        groups: the specimen of each picture.
        max_risk: 0 to 1.

    Raises:
        ConversionError: too few specimens, or no threshold holds the risk.
    """
    from sklearn.model_selection import GroupKFold  # type: ignore[import-untyped]  # no stubs in the wheel

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
            decided[held_out] = confidence[held_out] >= _lowest_threshold(
                confidence[train], wrong[train], max_risk * share
            )
        if decided.any() and wrong[decided].mean() <= max_risk:
            return Abstention(
                threshold=_lowest_threshold(confidence, wrong, max_risk * share),
                held_out_risk=float(wrong[decided].mean()),
                held_out_coverage=float(decided.mean()),
            )
    raise ConversionError(
        f"no threshold keeps the error among decided pictures at {max_risk:.2%}; allow more"
    )


def _fit_stage(
    labelled: LabelledSet, stage: Stage, answers: StageLogits, max_risk: float | None
) -> StageFit | None:
    """Fit one stage; return None where it has too few pictures or pictures of one label only.

    Independent labels are kept as they are: a picture's one true label says nothing of the others.
    """
    if stage.is_independent:
        return None
    truth = labelled.truth[stage.name]
    known = truth != UNKNOWN
    if len(np.unique(truth[known])) < 2 or known.sum() < _MIN_PICTURES:
        return None
    logits = answers.logits[stage.name][known]
    temperature = fit_temperature(logits, truth[known])
    if max_risk is None:
        return StageFit(temperature)
    groups = [group for group, used in zip(labelled.groups, known, strict=True) if used]
    probabilities = softmax(logits, temperature)
    return StageFit(temperature, fit_abstention(probabilities, truth[known], groups, max_risk))


def _lowest_threshold(confidence: NDArray[np.float64], wrong: NDArray[np.bool_], risk: float) -> float:
    """Return the lowest threshold with an error of at most ``risk`` among the decided; 1 if there is none."""
    order = np.argsort(-confidence, kind="stable")
    risks = np.cumsum(wrong[order]) / np.arange(1, len(order) + 1)
    # Pictures of equal confidence are decided together.
    last_of_its_confidence = np.append(np.diff(confidence[order]) != 0, True)
    holding = np.flatnonzero((risks <= risk) & last_of_its_confidence)
    if not len(holding):
        return 1.0
    # Slightly below, so that rounding of the stored threshold excludes no picture.
    return float(max(confidence[order[holding[-1]]] - 1e-9, 0.0))
