"""Choose the thresholds of a whole cascade for a stated risk, on pictures of left-out sources. Pure.

A share of errors that holds on known sources is exceeded on new ones. So each share to aim at is tried on
sources that had no part in the choice, and a smaller one is taken where it fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from converter.data.dataset import OTHER
from converter.data.stage_truth import UNKNOWN, read_corroded
from converter.evaluation.metrics import wilson_interval
from converter.risk.thresholds import SureFrom, choose_sure, fit_temperature, weigh_sources
from converter.risk.walk import answer, walk
from edge_node.inference.manifest import Cascade, Stage
from edge_node.inference.stated_risk import StageRisk, StatedRisk
from edge_node.messages.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from converter.data.dataset import Sample

_SHARES = (1.0, 0.75, 0.5, 0.35, 0.25, 0.15, 0.1, 0.05, 0.0)  # of the stated risk to aim at
_LARGER_SHARES = (8.0, 4.0, 2.0)  # for the curve
_FOLDS = 8
_NO_FOLD = -1
_MIN_PICTURES = 20  # a temperature from fewer is noise


@dataclass(frozen=True, slots=True)
class LeftOutAnswers:
    """The quantized members' logits for pictures of sources that they were not trained on.

    Attributes:
        samples: the pictures.
        members: number of the member that judged each, ``(pictures,)``.
        logits: per stage, ``(pictures, labels)``.
        truth: per stage that learns from pictures, the index of the right label, or ``UNKNOWN``.
    """

    samples: tuple[Sample, ...]
    members: NDArray[np.intp]
    logits: Mapping[str, NDArray[np.float64]]
    truth: Mapping[str, NDArray[np.intp]]

    @property
    def folds(self) -> NDArray[np.intp]:
        """A number for each picture, the same for all of a source and its specimens' other pictures."""
        first: dict[str, str] = {}
        for sample in self.samples:
            first.setdefault(sample.specimen, sample.source)
        names = {name: at % _FOLDS for at, name in enumerate(sorted(set(first.values())))}
        return np.array([names[first[sample.specimen]] for sample in self.samples], np.intp)

    @property
    def outcomes(self) -> list[Outcome | None]:
        """The right answer to whether any metal is corroded; None where it is not known."""
        return [_true_outcome(sample) for sample in self.samples]


@dataclass(frozen=True, slots=True)
class ChosenThresholds:
    """The cascade's stages with what was chosen, and what was measured.

    Attributes:
        stages: name -> temperature and thresholds.
        left_out: stages that answer too few pictures at the stated risk.
        risk: as the manifest says it.
        outcomes: of each picture, by thresholds that were chosen without its source.
        curve: share of wrong among decided pictures, and of decided pictures, for other shares aimed at.
    """

    stages: Mapping[str, SureFrom]
    left_out: tuple[str, ...]
    risk: StatedRisk
    outcomes: tuple[Outcome, ...]
    curve: tuple[tuple[float, float], ...]


def choose_thresholds(
    answers: LeftOutAnswers, cascade: Cascade, wrong_share: float, least_coverage: Mapping[str, float]
) -> ChosenThresholds:
    """Choose temperature and thresholds of every stage that learns from pictures.

    Args:
        answers: of the members.
        cascade: the stages, with meanings and routes.
        wrong_share: of the decided pictures, that may be wrong.
        least_coverage: stage -> share of pictures that it must answer, else it is left out.
    """
    fits = _Fits(answers, weigh_sources([sample.source for sample in answers.samples]))
    alone = {
        stage.name: _measure_alone(fits, stage, wrong_share)
        for stage in cascade.stages
        if (answers.truth.get(stage.name, np.zeros(0)) != UNKNOWN).sum() >= _MIN_PICTURES
    }
    left_out = tuple(
        name
        for name, least in least_coverage.items()
        if name not in alone or not alone[name].risk.is_held or alone[name].risk.coverage < least
    )
    kept = drop_stages(cascade, left_out)
    side = {stage.name for stage in kept.stages if not _bears_on_answer(stage)} & alone.keys()
    main = frozenset(stage.name for stage in kept.stages) & (alone.keys() - side)
    tried = []
    for share in (*_LARGER_SHARES, *_SHARES):
        outcomes = _decide_by_fold(fits, kept, main, wrong_share * share)
        risk = _summarize(answers, outcomes, fits.weights, wrong_share)
        chosen, on_itself = _choose_and_walk(fits, kept, main, _NO_FOLD, wrong_share * share)
        on_chosen = _summarize(answers, on_itself, fits.weights, wrong_share)
        risk = msgspec.structs.replace(risk, pooled_wrong=on_chosen.wrong, pooled_coverage=on_chosen.coverage)
        tried.append(_Trial(share, chosen, tuple(outcomes), risk))
    best = _choose_trial([one for one in tried if one.share <= 1])
    chosen = dict(best.chosen) | {name: alone[name].chosen for name in side}
    stages = tuple(
        msgspec.structs.replace(one.risk, is_left_out=name in left_out) for name, one in alone.items()
    )
    return ChosenThresholds(
        chosen,
        left_out,
        msgspec.structs.replace(best.risk, stages=stages),
        best.outcomes,
        tuple((one.risk.wrong, one.risk.coverage) for one in tried),
    )


@dataclass(frozen=True, slots=True)
class _Trial:
    """The thresholds for one share of errors aimed at, and what was measured with them."""

    share: float
    chosen: Mapping[str, SureFrom]
    outcomes: tuple[Outcome, ...]
    risk: StatedRisk


def _choose_trial(tried: Sequence[_Trial]) -> _Trial:
    """Return the trial that decides most pictures of those that hold the risk on sources without a part.

    Where none does, it is the one that decides most of those that hold it on the pictures chosen on: a record
    tells both figures. A smaller share to aim at would decide less, and hold the risk no better.
    """
    if held := [one for one in tried if one.risk.is_held and one.risk.coverage > 0]:
        return max(held, key=lambda one: one.risk.coverage)
    pooled = [one for one in tried if one.risk.pooled_wrong <= one.risk.wrong_share]
    return max(pooled, key=lambda one: one.risk.pooled_coverage, default=tried[-1])


def drop_stages(cascade: Cascade, names: tuple[str, ...]) -> Cascade:
    """Return the cascade without some of its stages and the routes to them."""
    return Cascade(
        root=cascade.root,
        stages=tuple(
            msgspec.structs.replace(
                stage,
                routes={label: to for label, to in stage.routes.items() if to not in names},
                otherwise=None if stage.otherwise in names else stage.otherwise,
            )
            for stage in cascade.stages
            if stage.name not in names
        ),
    )


class _Fits:
    """The answers with what is fitted on them: temperatures, by the fold that has no part in them."""

    def __init__(self, answers: LeftOutAnswers, weights: NDArray[np.float64]) -> None:
        self.answers, self.weights, self.folds = answers, weights, answers.folds
        self.is_other = np.array([one is Outcome.NOT_INSPECTABLE for one in answers.outcomes])
        self._temperatures: dict[tuple[str, int], float] = {}

    def choose(
        self,
        stage: Stage,
        fold: int,
        wrong_share: float,
        reached: NDArray[np.bool_] | None = None,
    ) -> SureFrom:
        """Choose for one stage on the pictures of all folds but one.

        Args:
            stage: its name and labels.
            fold: has no part; ``_NO_FOLD``: all have.
            wrong_share: to aim at.
            reached: the pictures for which the stage is asked, ``(pictures,)``: what is no metal among them
                counts as wrong whatever a stage says of its condition.
        """
        truth, logits = self.answers.truth[stage.name], self.answers.logits[stage.name]
        known = (self.folds != fold) & (truth != UNKNOWN)
        if (stage.name, fold) not in self._temperatures:
            fitted = fit_temperature(logits[known], truth[known], self.weights[known]) if known.any() else 1.0
            self._temperatures[stage.name, fold] = fitted
        used = known
        if reached is not None and any(one.corroded is not None for one in stage.meanings.values()):
            used = known | ((self.folds != fold) & self.is_other & reached)
        return choose_sure(
            logits[used], truth[used], self.weights[used], wrong_share, self._temperatures[stage.name, fold]
        )


@dataclass(frozen=True, slots=True)
class _Alone:
    """What one stage reaches by itself."""

    chosen: SureFrom
    risk: StageRisk


def _measure_alone(fits: _Fits, stage: Stage, wrong_share: float) -> _Alone:
    """Choose and measure one stage, each picture by what was chosen without its source."""
    truth, logits = fits.answers.truth[stage.name], fits.answers.logits[stage.name]
    known = truth != UNKNOWN
    found = []
    for share in _SHARES:
        said = np.full(len(truth), UNKNOWN)
        for fold in np.unique(fits.folds[known]).tolist():
            rows = known & (fits.folds == fold)
            said[rows] = answer(fits.choose(stage, fold, wrong_share * share).apply(stage), logits[rows])
        decided = known & (said != UNKNOWN)
        wrong = _share(fits.weights, decided & (said != truth), decided)
        is_held = bool(wrong <= wrong_share and decided.any())
        found.append((is_held, _share(fits.weights, decided, known), wrong, share))
    is_held, coverage, wrong, share = max(found, key=lambda one: one[:2])
    risk = StageRisk(
        stage=stage.name,
        wrong=round(wrong, 4),
        coverage=round(coverage, 4),
        pictures=int(known.sum()),
        is_held=is_held,
    )
    return _Alone(fits.choose(stage, _NO_FOLD, wrong_share * share), risk)


def _decide_by_fold(
    fits: _Fits, cascade: Cascade, chosen: frozenset[str], wrong_share: float
) -> list[Outcome]:
    """Return the cascade's outcome for each picture, by thresholds that were chosen without its source."""
    outcomes = [Outcome.UNCERTAIN] * len(fits.folds)
    for fold in np.unique(fits.folds).tolist():
        _, found = _choose_and_walk(fits, cascade, chosen, fold, wrong_share)
        for at in np.flatnonzero(fits.folds == fold).tolist():
            outcomes[at] = found[at]
    return outcomes


def _choose_and_walk(
    fits: _Fits, cascade: Cascade, chosen: frozenset[str], fold: int, wrong_share: float
) -> tuple[dict[str, SureFrom], list[Outcome]]:
    """Choose for the stages in the order in which they are asked, and return each picture's outcome too."""
    found: dict[str, SureFrom] = {}

    def fit(stage: Stage, reached: NDArray[np.bool_]) -> Stage:
        if stage.name in chosen:
            found[stage.name] = fits.choose(stage, fold, wrong_share, reached)
            return found[stage.name].apply(stage)
        return stage

    return found, walk(cascade, fits.answers.logits, fit)


def _summarize(
    answers: LeftOutAnswers,
    outcomes: list[Outcome],
    weights: NDArray[np.float64],
    wrong_share: float,
) -> StatedRisk:
    truth = answers.outcomes
    known = np.array([outcome is not None for outcome in truth])
    decided = known & np.array([outcome is not Outcome.UNCERTAIN for outcome in outcomes])
    right = np.array([said is true for said, true in zip(outcomes, truth, strict=True)])
    wrong = _share(weights, decided & ~right, decided)
    used = weights[decided]
    effective = float(used.sum() ** 2 / np.square(used).sum()) if decided.any() else 0.0
    interval = wilson_interval(round(wrong * effective), round(effective)) if effective >= 1 else None
    return StatedRisk(
        wrong_share=wrong_share,
        wrong=round(wrong, 4),
        wrong_interval=(round(interval.low, 4), round(interval.high, 4)) if interval else (0.0, 1.0),
        coverage=round(_share(weights, decided, known), 4),
        pictures=int(known.sum()),
        sources=tuple(
            sorted({one.source for one, is_known in zip(answers.samples, known, strict=True) if is_known})
        ),
    )


def _share(weights: NDArray[np.float64], part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> float:
    """Return the weight of ``part`` in that of ``whole``; 0 of nothing."""
    return float(weights[part].sum() / weights[whole].sum()) if whole.any() else 0.0


def _bears_on_answer(stage: Stage) -> bool:
    """Return whether a stage bears on whether any metal is corroded, and is not asked after that only."""
    tells = any(
        meaning.corroded is not None or meaning.metal is not None for meaning in stage.meanings.values()
    )
    return tells or bool(stage.routes or stage.otherwise)


def _true_outcome(sample: Sample) -> Outcome | None:
    if sample.labels.get("metal") == OTHER:
        return Outcome.NOT_INSPECTABLE
    corroded = read_corroded(sample)
    if corroded is None:
        return None
    return Outcome.CORRODED if corroded else Outcome.UNCORRODED
